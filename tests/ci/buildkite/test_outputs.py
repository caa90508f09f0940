"""What Buildkite gets: meta-data, annotations and secrets through its agent."""

from __future__ import annotations

from ecr_tasks.ci.buildkite.outputs import Buildkite
from ecr_tasks.ci.outputs.adapter import Annotation, Print, Start
from ecr_tasks.ci.outputs.summary import summary
from tests.ci.outputs.build import REFERENCE, actions_of, output, outputs


def test_buildkite() -> None:
    actions = actions_of(Buildkite())
    started = [action for action in actions if isinstance(action, Start)]
    assert len(started) == len(actions)
    assert Start(("buildkite-agent", "meta-data", "set", "IMAGE"), REFERENCE) in started
    assert started[-1].arguments == (
        *("buildkite-agent", "annotate", "--style", "info", "--context", "ecr-tasks-step-1"),
    )
    assert started[-1].stdin == summary(outputs())


def test_buildkite_takes_no_empty_value() -> None:
    actions = actions_of(Buildkite(), outputs(output(digest=None, state="built")))
    names = [action.arguments[3] for action in actions if isinstance(action, Start)]
    assert "IMAGE" in names
    assert "IMAGE_DIGEST" not in names


def test_buildkite_commands() -> None:
    adapter = Buildkite()
    assert (adapter.group_start("Build", 0), adapter.group_end("Build", 0)) == ("--- Build", None)
    opened, note = adapter.error("It <b>broke</b>.", "Mend it.", {})
    assert opened == Print("^^^ +++")
    assert isinstance(note, Start)
    assert note.arguments[2:] == ("--style", "error", "--context", "ecr-tasks-error")
    assert "<b>" not in note.stdin
    assert adapter.mask("a-secret") == [Start(("buildkite-agent", "redactor", "add"), "a-secret")]


def test_buildkite_annotations() -> None:
    items = [Annotation("warning", "CVE-1", "a <b>"), Annotation("error", "CVE-2", "c")]
    (action,) = Buildkite().annotations(items, {})
    assert isinstance(action, Start)
    assert action.arguments == ("buildkite-agent", "annotate", "--style", "error", "--context", "ecr-tasks-scan")
    assert action.stdin.count("\n") == 2
    assert "<b>" not in action.stdin
