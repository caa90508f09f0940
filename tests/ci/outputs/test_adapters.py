"""What each CI is handed, as its documentation has it; nothing of it on stdout, whatever the names are."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.ci.github.outputs import SUMMARY_LIMIT
from ecr_tasks.ci.outputs.actions import Action, Append, Print, PrintSecret, Start, Write
from ecr_tasks.ci.outputs.adapters import ADAPTERS, adapter_for
from ecr_tasks.ci.outputs.files import files
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.summary import summary
from tests.ci.outputs.build import NAME, REFERENCE, STORED, TAGS, output, outputs
from tests.support.build import HOST

FOLDER = Path("/project/.ecr-tasks")
PROVIDERS = (
    *("github", "gitlab", "jenkins", "circleci", "buildkite", "azure"),
    *("bitbucket", "codebuild", "drone", "woodpecker", "teamcity", "travis"),
)
ENVIRON = {
    "GITHUB_OUTPUT": "/ci/output",
    "GITHUB_STEP_SUMMARY": "/ci/summary",
    "BASH_ENV": "/ci/bash_env",
    "BITBUCKET_PIPELINES_VARIABLES_PATH": "/ci/variables",
    "BUILDKITE_STEP_ID": "step-1",
}
HOSTILE = "a|b\n::error::x\n##vso[task.complete]'##teamcity[x]`$(id)` é"


def told(provider: str, made: Outputs | None = None) -> list[Action]:
    """What a CI's adapter asks for after a run."""
    return list(adapter_for(provider).outputs(made or outputs(), ENVIRON, FOLDER))


def test_there_is_an_adapter_for_every_ci() -> None:
    assert set(ADAPTERS) == set(PROVIDERS)
    for provider in (None, "", "someone-elses"):
        assert adapter_for(provider).outputs(outputs(), ENVIRON, FOLDER) == ()


def test_github() -> None:
    values, page = told("github")
    assert isinstance(values, Append)
    assert isinstance(page, Append)
    assert values.path == "/ci/output"
    assert re.search(rf"^image<<(\w+)\n{re.escape(REFERENCE)}\n\1\n", values.text)
    assert re.search(rf"^digest<<(\w+)\n{STORED.digest}\n\1\n", values.text, re.M)
    assert (page.path, page.limit) == ("/ci/summary", SUMMARY_LIMIT)
    assert page.text == summary(outputs()) + "\n"
    assert list(adapter_for("github").outputs(outputs(), {}, FOLDER)) == []


def test_github_commands() -> None:
    adapter = adapter_for("github")
    assert adapter.opened("Build: 100%", 0) == "::group::Build: 100%25"
    assert adapter.closed("Build", 0) == "::endgroup::"
    assert adapter.error("It broke.\nBadly.", "Mend it.", {}) == [
        Print("::error title=ecr-tasks::It broke.%0ABadly.%0AMend it.")
    ]
    assert adapter.mask("50%secret") == [PrintSecret("::add-mask::50%25secret")]


def test_azure() -> None:
    actions = told("azure")
    lines = [action.text for action in actions if isinstance(action, Print)]
    assert len(lines) == len(actions)
    assert f"##vso[task.setvariable variable=image;isoutput=true]{REFERENCE}" in lines
    assert f"##vso[task.setvariable variable=tags;isoutput=true]{','.join(TAGS)}" in lines
    assert lines[-1] == "##vso[task.uploadsummary]/project/.ecr-tasks/summary.md"


def test_azure_commands() -> None:
    adapter = adapter_for("azure")
    assert (adapter.opened("Build\nit", 0), adapter.closed("Build", 0)) == ("##[group]Build it", "##[endgroup]")
    assert adapter.error("It broke.\n", "Mend it.", {}) == [
        Print("##vso[task.logissue type=error]It broke. Mend it.")
    ]
    assert adapter.mask("a-secret") == [PrintSecret("##vso[task.setsecret]a-secret")]


def test_buildkite() -> None:
    actions = told("buildkite")
    started = [action for action in actions if isinstance(action, Start)]
    assert len(started) == len(actions)
    assert Start(("buildkite-agent", "meta-data", "set", "IMAGE"), REFERENCE) in started
    assert started[-1].arguments == (
        *("buildkite-agent", "annotate", "--style", "info", "--context", "ecr-tasks-step-1"),
    )
    assert started[-1].stdin == summary(outputs())


def test_buildkite_takes_no_empty_value() -> None:
    actions = told("buildkite", outputs(output(digest=None, state="built")))
    names = [action.arguments[3] for action in actions if isinstance(action, Start)]
    assert "IMAGE" in names
    assert "IMAGE_DIGEST" not in names


def test_buildkite_commands() -> None:
    adapter = adapter_for("buildkite")
    assert (adapter.opened("Build", 0), adapter.closed("Build", 0)) == ("--- Build", None)
    opened, note = adapter.error("It <b>broke</b>.", "Mend it.", {})
    assert opened == Print("^^^ +++")
    assert isinstance(note, Start)
    assert note.arguments[2:] == ("--style", "error", "--context", "ecr-tasks-error")
    assert "<b>" not in note.stdin
    assert adapter.mask("a-secret") == [Start(("buildkite-agent", "redactor", "add"), "a-secret")]


def test_a_secret_is_in_no_argument_and_no_repr() -> None:
    for provider in PROVIDERS:
        for action in adapter_for(provider).mask("the-secret"):
            assert "the-secret" not in repr(action)


def test_teamcity_has_a_file_to_print() -> None:
    (written,) = told("teamcity")
    assert isinstance(written, Write)
    lines = written.text.splitlines()
    assert f"##teamcity[setParameter name='env.IMAGE' value='{REFERENCE}']" in lines
    assert lines[-1] == "##teamcity[buildStatus text='{build.status.text}; team/app 1.2.3']"
    (problem,) = adapter_for("teamcity").error("It's [broken].", "Mend it.", {})
    assert problem == Write(
        "teamcity.txt",
        "##teamcity[buildProblem description='ecr-tasks: It|'s |[broken|]. Mend it.' identity='ecr-tasks']\n",
    )


def test_circleci_exports() -> None:
    (appended,) = told("circleci")
    assert isinstance(appended, Append)
    assert appended.path == "/ci/bash_env"
    assert f"export IMAGE={REFERENCE}\n" in appended.text
    exported = dict(shlex.split(line)[1].split("=", 1) for line in appended.text.splitlines())
    assert json.loads(exported["IMAGES"])[0]["image"] == REFERENCE
    assert list(adapter_for("circleci").outputs(outputs(), {}, FOLDER)) == []


def test_bitbucket_assigns() -> None:
    (appended,) = told("bitbucket")
    assert isinstance(appended, Append)
    assert appended.path == "/ci/variables"
    assert f"IMAGE={REFERENCE}\n" in appended.text
    assert "IMAGES=" not in appended.text
    assert list(adapter_for("bitbucket").outputs(outputs(), {}, FOLDER)) == []


def test_gitlab_and_travis_fold() -> None:
    gitlab, travis = adapter_for("gitlab"), adapter_for("travis")
    assert gitlab.opened("Build team/app", 12.6) == (
        "\x1b[0Ksection_start:13:ecr_tasks_build_team_app\r\x1b[0KBuild team/app"
    )
    assert gitlab.closed("Build team/app", 14) == "\x1b[0Ksection_end:14:ecr_tasks_build_team_app\r\x1b[0K"
    assert travis.opened("Build", 0) == "travis_fold:start:ecr_tasks_build\r\x1b[0KBuild"
    assert travis.closed("Build", 0) == "travis_fold:end:ecr_tasks_build\r\x1b[0K"


@pytest.mark.parametrize("provider", ["jenkins", "codebuild", "drone", "woodpecker", None])
def test_the_others_read_files(provider: str | None) -> None:
    adapter = adapter_for(provider)
    assert adapter.outputs(outputs(), ENVIRON, FOLDER) == ()
    assert (adapter.opened("Build", 0), adapter.closed("Build", 0)) == (None, None)
    assert adapter.error("It broke.", "Mend it.", {}) == ()
    assert adapter.mask("a-secret") == ()


def test_the_files() -> None:
    written = {action.name: action.text for action in files(outputs(output(), output(name="other")))}
    assert set(written) == {"outputs.env", "outputs.json", "outputs.properties", "summary.md"}
    assert written["outputs.env"].splitlines() == [
        f"IMAGE={REFERENCE}",
        f"IMAGE_DIGEST={STORED.digest}",
        f"IMAGE_REPOSITORY={HOST}/{NAME}",
        f"IMAGE_TAGS={','.join(TAGS)}",
        "IMAGE_VERSION=1.2.3",
        "IMAGE_RECEIPT=.ecr-tasks/receipt.json",
    ]
    document = json.loads(written["outputs.json"])
    assert document["schema"] == 1
    assert document["image"] == REFERENCE
    assert document["tags"] == list(TAGS)
    assert [image["name"] for image in document["images"]] == [NAME, "other"]
    assert f"image={REFERENCE}\n" in written["outputs.properties"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_after_a_push_that_failed_only_the_summary_is_told(provider: str) -> None:
    made = outputs(output(state="built"), complete=False)
    actions = told(provider, made)
    texts = [action.stdin if isinstance(action, Start) else repr(action) for action in actions]
    summaries = [text for text in texts if "built, not published" in text or "summary" in text]
    assert not any("IMAGE" in text or "setvariable" in text or "<<" in text for text in texts)
    assert len(summaries) == (provider in ("github", "buildkite", "azure"))
    written = {action.name: action.text for action in files(made)}
    assert written["outputs.env"] == written["outputs.properties"] == ""
    assert "built, not published" in written["summary.md"]


def test_no_image_no_values() -> None:
    written = {action.name: action.text for action in files(Outputs((), "receipt.json"))}
    assert written["outputs.env"] == ""
    assert json.loads(written["outputs.json"]) == {"schema": 1}


@given(st.sampled_from(PROVIDERS), st.text(max_size=20) | st.just(HOSTILE), st.booleans())
def test_hostile_names_stay_on_their_line(provider: str, text: str, built: bool) -> None:
    """Nothing that a project can be called makes a command, an assignment or a row of its own."""
    made = outputs(
        output(name=text, version=text, because=text, tags=(text,), state="built" if built else "pushed"),
        branch=text,
        receipt=text,
    )
    for action in [*told(provider, made), *adapter_for(provider).error(text, text, ENVIRON)]:
        if isinstance(action, Print):
            assert not re.search(r"[\r\n]", action.text)
            assert action.text.startswith(("::error title=ecr-tasks::", "##vso[task.", "^^^"))
        if isinstance(action, Write):
            assert all(line.startswith("##teamcity[") for line in action.text.splitlines())
        if isinstance(action, Append) and action.path in ("/ci/bash_env", "/ci/variables"):
            for line in action.text.rstrip("\n").split("\n"):
                assert re.match(r"(export )?IMAGES?(_[A-Z]+)?=", line)
    page = summary(made)
    rows = [line for line in page.split("\n") if line and not line.startswith("###")]
    assert all(line.count("|") == 3 for line in rows)
