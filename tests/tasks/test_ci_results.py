"""The main job on a CI: what it is handed, once; stdout is the reference alone, and errors are annotated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tasks.conftest import Project


@pytest.fixture
def github(project: Project) -> dict[str, str]:
    """The environment of a GitHub Actions step."""
    folder = project.path.parent
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }


def test_build_push_hands_its_results_over_once(project: Project, github: dict[str, str]) -> None:
    done = project.inv("build", "push", **github)
    assert (done.code, done.stdout) == (0, f"{project.reference}\n")
    assert done.stderr.count("::group::") == done.stderr.count("::endgroup::") == 2
    output = Path(github["GITHUB_OUTPUT"]).read_text(encoding="utf-8")
    assert output.count("image<<") == 1
    assert f"\n{project.reference}\n" in output
    page = Path(github["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    assert page.count("### `team/app`: published") == 1
    assert "the-registry-password" not in done.stderr + output + page


def test_what_was_skipped_is_in_the_summary(project: Project, github: dict[str, str]) -> None:
    project.inv("build", "push")
    assert project.inv("build", "push", **github).code == 0
    page = Path(github["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    assert "published before, nothing to do" in page
    assert "| skipped | the build, as this commit is published as" in page


def test_a_build_alone_tells_its_local_name(project: Project) -> None:
    assert project.inv("build", CI="true").code == 0
    document = json.loads((project.path / ".ecr-tasks" / "outputs.json").read_text(encoding="utf-8"))
    assert document["image"].startswith("team/app:sha-")
    assert document["images"][0]["state"] == "built"


def test_an_error_is_annotated_beside_its_two_sentences(project: Project, github: dict[str, str]) -> None:
    project.calls.fail_at = 0
    done = project.inv("push", **github)
    assert "::error title=ecr-tasks::The network is gone.%0ARun it again.\n" in done.stderr
    done.failed(5)


def test_a_ci_that_we_do_not_know_finds_files(project: Project) -> None:
    done = project.inv("build", "push", CI="true")
    assert "::" not in done.stderr
    assert f"IMAGE={project.reference}\n" in (project.path / ".ecr-tasks" / "outputs.env").read_text(encoding="utf-8")


def test_a_failed_push_hands_on_nothing_to_deploy(project: Project, github: dict[str, str]) -> None:
    project.inv("build")
    project.calls.fail_at = 3
    assert project.inv("push", **github).code == 5
    output = Path(github["GITHUB_OUTPUT"])
    assert not output.exists() or "team/app" not in output.read_text(encoding="utf-8")


def test_on_a_laptop_there_is_the_receipt_alone(project: Project) -> None:
    done = project.inv("build", "push")
    assert "::" not in done.stderr
    assert {path.name for path in (project.path / ".ecr-tasks").iterdir()} == {".gitignore", "receipt.json"}
