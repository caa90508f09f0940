"""What GitHub Actions gets: its two files, workflow commands, and values that it reads back."""

from __future__ import annotations

import hashlib
import re

from hypothesis import example, given

from ecr_tasks.ci.github.outputs import SUMMARY_LIMIT, GitHub, assignment, escape_data, escape_property
from ecr_tasks.ci.outputs.adapter import Annotation, Append, Print
from ecr_tasks.ci.outputs.summary import summary
from tests.ci.outputs.build import FOLDER, REFERENCE, STORED, actions_of, outputs
from tests.ci.outputs.texts import HOSTILE, unescape


def test_github() -> None:
    values, page = actions_of(GitHub())
    assert isinstance(values, Append)
    assert isinstance(page, Append)
    assert values.path == "/ci/output"
    assert re.search(rf"^image<<(\w+)\n{re.escape(REFERENCE)}\n\1\n", values.text)
    assert re.search(rf"^digest<<(\w+)\n{STORED.digest}\n\1\n", values.text, re.M)
    assert (page.path, page.limit) == ("/ci/summary", SUMMARY_LIMIT)
    assert page.text == summary(outputs()) + "\n"
    assert list(GitHub().outputs(outputs(), {}, FOLDER)) == []


def test_github_commands() -> None:
    adapter = GitHub()
    assert adapter.group_start("Build: 100%", 0) == "::group::Build: 100%25"
    assert adapter.group_end("Build", 0) == "::endgroup::"
    assert adapter.error("It broke.\nBadly.", "Mend it.", {}) == [
        Print("::error title=ecr-tasks::It broke.%0ABadly.%0AMend it.")
    ]
    assert adapter.mask("50%secret") == ()


def test_a_section_is_added_to_githubs_summary() -> None:
    environ = {"GITHUB_STEP_SUMMARY": "/ci/summary"}
    assert GitHub().section("### x\n", FOLDER / "scan.md", environ) == [
        Append("/ci/summary", "### x\n\n", SUMMARY_LIMIT)
    ]
    assert GitHub().section("### x\n", FOLDER / "scan.md", {}) == []


def test_github_annotations() -> None:
    items = [Annotation("error", "CVE-1", "high: a,b", "d/Dockerfile"), Annotation("warning", "x", "50%")]
    assert GitHub().annotations(items, {}) == [
        Print("::error file=d/Dockerfile,line=1,title=CVE-1::high: a,b"),
        Print("::warning title=x::50%25"),
    ]


@given(HOSTILE)
def test_github_reads_back_the_message(text: str) -> None:
    line = escape_data(text)
    assert not set(line) & set("\r\n")
    assert unescape(line, {"%25": "%", "%0D": "\r", "%0A": "\n"}) == text


@given(HOSTILE)
def test_github_reads_back_a_property(text: str) -> None:
    line = escape_property(text)
    assert not set(line) & set("\r\n:,")
    assert unescape(line, {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}) == text


def read_output_file(text: str) -> dict[str, str]:
    """Return an output file's values as the runner reads them (actions/runner, FileCommandManager.cs)."""
    values, lines = {}, iter(re.split(r"\r\n|\n|\r", text))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            values[name] = "\n".join(value)
    return values


@given(HOSTILE, HOSTILE)
@example("x\nghadelimiter_\nimage<<y\nevil\ny", "")
def test_no_value_in_githubs_output_file_ends_early(first: str, second: str) -> None:
    values = read_output_file(assignment("first", first) + assignment("second", second))
    assert values == {
        "first": re.sub(r"\r\n|\r", "\n", first),
        "second": re.sub(r"\r\n|\r", "\n", second),
    }


def test_a_value_that_holds_its_own_delimiter_gets_another() -> None:
    inner = "ghadelimiter_" + hashlib.sha256(b"x").hexdigest()
    assert assignment("a", "x").splitlines()[0] == f"a<<{inner}"
    assert read_output_file(assignment("a", f"{inner}\n{inner}_")) == {"a": f"{inner}\n{inner}_"}
