"""Escaping: whatever a branch, a tag or an error holds, each CI reads back that and nothing else."""

from __future__ import annotations

import hashlib
import html
import re
import shlex
import subprocess
from io import StringIO

from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecr_tasks.ci.github.outputs import assignment
from ecr_tasks.ci.outputs import escape

HOSTILE = st.text(
    st.sampled_from("a%|'[]\n\r:;,=\\\"$`*_<>&#! @(){}\u0085\u2028é💥\x00\x1b\t") | st.characters(), max_size=30
)
VALID = HOSTILE.filter(lambda text: "\x00" not in text and not re.search("[\ud800-\udfff]", text))


def unescaped(text: str, pairs: dict[str, str]) -> str:
    """What a reader of escaped text makes of it, in one pass."""
    return re.sub("|".join(map(re.escape, pairs)), lambda match: pairs[match[0]], text)


@given(HOSTILE)
def test_github_reads_back_the_message(text: str) -> None:
    line = escape.github_data(text)
    assert not set(line) & set("\r\n")
    assert unescaped(line, {"%25": "%", "%0D": "\r", "%0A": "\n"}) == text


@given(HOSTILE)
def test_github_reads_back_a_property(text: str) -> None:
    line = escape.github_property(text)
    assert not set(line) & set("\r\n:,")
    assert unescaped(line, {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}) == text


@given(HOSTILE)
def test_azure_reads_back_messages_and_properties(text: str) -> None:
    pairs = {"%AZP25": "%", "%0D": "\r", "%0A": "\n"}
    assert not set(escape.azure_data(text)) & set("\r\n")
    assert unescaped(escape.azure_data(text), pairs) == text
    told = escape.azure_property(text)
    assert not set(told) & set("\r\n];")
    assert unescaped(told, {**pairs, "%5D": "]", "%3B": ";"}) == text


@given(HOSTILE)
@example("it's [a] |pipe|\nand 💥")
def test_teamcity_reads_back_an_attribute(text: str) -> None:
    told = escape.teamcity(text)
    assert re.fullmatch(r"(?:[^|'\[\]\x00-\x1f\x7f-\uffff]|\|[|'\[\]nr]|\|0x[0-9A-F]{4})*", told)
    simple = {"||": "|", "|'": "'", "|[": "[", "|]": "]", "|n": "\n", "|r": "\r"}
    read = re.sub(
        r"\|0x([0-9A-F]{4})|\|[|'\[\]nr]",
        lambda match: chr(int(match[1], 16)) if match[1] else simple[match[0]],
        told,
    )
    assert read.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@given(VALID)
def test_a_dotenv_file_gives_the_text_on_one_line(text: str) -> None:
    line = escape.dotenv(text)
    assert "\n" not in line
    expected = escape.one_line(text)
    assert shlex.split(f"KEY={line}") == [f"KEY={expected}"]
    if not {"'", "\\"} & set(expected):  # there the shell and dotenv's parsers part
        assert dotenv_values(stream=StringIO(f"KEY={line}\nNEXT=1\n"), interpolate=False) == {
            "KEY": expected,
            "NEXT": "1",
        }


@settings(max_examples=20, deadline=None)
@given(VALID)
def test_a_shell_that_sources_it_runs_nothing(text: str) -> None:
    script = f"KEY={escape.dotenv(text)}\nprintf '%s' \"$KEY\""
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode() == escape.one_line(text)
    assert done.stderr == b""


def test_references_and_tags_are_bare_in_a_dotenv_file() -> None:
    for text in ("123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@sha256:0a", "v1.2.3,main,latest", ""):
        assert escape.dotenv(text) == text


@given(HOSTILE)
def test_properties_read_back(text: str) -> None:
    told = escape.properties(text)
    assert re.fullmatch(r"[ -~]*", told)
    assert not told.startswith(" ")
    read = re.sub(
        r"\\u([0-9a-f]{4})|\\(.)", lambda match: chr(int(match[1], 16)) if match[1] else match[2], told, flags=re.S
    )
    assert read.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@given(HOSTILE)
def test_markdown_is_text_and_stays_in_its_cell(text: str) -> None:
    told = escape.markdown(text)
    bare = re.sub(r"&#\d+;", "", told)
    assert not set(bare) & set("|`*_[]<>&#!~\\:@\n\r\"'$")
    plain = escape.one_line(text)
    assert re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), told) == plain


@given(VALID)
def test_code_is_code_and_stays_in_its_cell(text: str) -> None:
    told = escape.code(text)
    assert "|" not in told
    assert "\n" not in told
    inner = told[1:-1] if told.startswith("`") else told.removeprefix("<code>").removesuffix("</code>")
    assert re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), inner) == escape.one_line(text)
    assert html.escape(inner, quote=False).count("<") == 0


def parsed(text: str) -> dict[str, str]:
    """An output file as the runner reads it (actions/runner, FileCommandManager.cs, EnvFileKeyValuePairs)."""
    found, lines = {}, iter(re.split(r"\r\n|\n|\r", text))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
    return found


@given(HOSTILE, HOSTILE)
@example("x\nghadelimiter_\nimage<<y\nevil\ny", "")
def test_no_value_in_githubs_output_file_ends_early(first: str, second: str) -> None:
    found = parsed(assignment("first", first) + assignment("second", second))
    assert found == {
        "first": re.sub(r"\r\n|\r", "\n", first),
        "second": re.sub(r"\r\n|\r", "\n", second),
    }


def test_a_value_that_holds_its_own_delimiter_gets_another() -> None:
    inner = "ghadelimiter_" + hashlib.sha256(b"x").hexdigest()
    assert assignment("a", "x").splitlines()[0] == f"a<<{inner}"
    assert parsed(assignment("a", f"{inner}\n{inner}_")) == {"a": f"{inner}\n{inner}_"}
