"""What Azure Pipelines gets: logging commands, whose values it reads back."""

from __future__ import annotations

from hypothesis import given

from ecr_tasks.ci.azure.outputs import Azure, escape_data, escape_property
from ecr_tasks.ci.outputs.adapter import Annotation, Print
from tests.ci.outputs.build import FOLDER, REFERENCE, TAGS, actions_of
from tests.ci.outputs.texts import HOSTILE, unescape


def test_azure() -> None:
    actions = actions_of(Azure())
    lines = [action.text for action in actions if isinstance(action, Print)]
    assert len(lines) == len(actions)
    assert f"##vso[task.setvariable variable=image;isoutput=true]{REFERENCE}" in lines
    assert f"##vso[task.setvariable variable=tags;isoutput=true]{','.join(TAGS)}" in lines
    assert lines[-1] == "##vso[task.uploadsummary]/project/.ecr-tasks/summary.md"


def test_azure_commands() -> None:
    adapter = Azure()
    assert (adapter.group_start("Build\nit", 0), adapter.group_end("Build", 0)) == (
        "##[group]Build it",
        "##[endgroup]",
    )
    assert adapter.error("It broke.\n", "Mend it.", {}) == [
        Print("##vso[task.logissue type=error]It broke. Mend it.")
    ]
    assert adapter.mask("a-secret") == ()
    uploaded = Print("##vso[task.uploadsummary]/project/.ecr-tasks/scan.md")
    assert adapter.section("### x\n", FOLDER / "scan.md", {}) == [uploaded]


@given(HOSTILE)
def test_azure_reads_back_messages_and_properties(text: str) -> None:
    pairs = {"%AZP25": "%", "%0D": "\r", "%0A": "\n"}
    assert not set(escape_data(text)) & set("\r\n")
    assert unescape(escape_data(text), pairs) == text
    escaped = escape_property(text)
    assert not set(escaped) & set("\r\n];")
    assert unescape(escaped, {**pairs, "%5D": "]", "%3B": ";"}) == text


def test_azure_annotations() -> None:
    items = [Annotation("error", "CVE-1", "high: a]b", "d/Dockerfile"), Annotation("warning", "x", "y")]
    assert Azure().annotations(items, {}) == [
        Print("##vso[task.logissue type=error;sourcepath=d/Dockerfile]CVE-1: high: a]b"),
        Print("##vso[task.logissue type=warning]x: y"),
    ]
