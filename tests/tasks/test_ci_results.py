"""Tests of `build` and `push` on a CI system: outputs, summary and annotations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from ecr_tasks import build, push
from tests.support.fakes.calls import network_error
from tests.tasks.conftest import Project


def test_build_push_writes_the_results_once(project: Project, github: dict[str, str]) -> None:
    result = project.inv("build", "push", **github)
    assert (result.code, result.stdout) == (0, f"{project.reference}\n")
    assert result.stderr.count("::group::") == result.stderr.count("::endgroup::") == 2
    output = Path(github["GITHUB_OUTPUT"]).read_text(encoding="utf-8")
    assert output.count("image<<") == 1
    assert f"\n{project.reference}\n" in output
    page = Path(github["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    assert page.count("### `team/app`: published") == 1
    assert "the-registry-password" not in result.stderr + output + page


def test_a_skipped_build_is_in_the_summary(project: Project, github: dict[str, str]) -> None:
    project.inv("build", "push")
    assert project.inv("build", "push", **github).code == 0
    page = Path(github["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    assert "published before, nothing to do" in page
    assert "| skipped | the build, as this commit is published as" in page


def test_a_build_alone_writes_the_local_name_of_the_image(project: Project) -> None:
    assert project.inv("build", CI="true").code == 0
    document = json.loads((project.path / ".ecr-tasks" / "outputs.json").read_text(encoding="utf-8"))
    assert document["image"].startswith("team/app:sha-")
    assert document["images"][0]["state"] == "built"


def test_a_task_that_builds_and_pushes_writes_one_summary(
    project: Project, github: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr("ecr_tasks.runner.decorator.atexit", SimpleNamespace(register=at_exit.append))
    page, output = Path(github["GITHUB_STEP_SUMMARY"]), Path(github["GITHUB_OUTPUT"])

    @task
    def own(c: Context, publish: bool = False) -> None:
        build(c)
        assert (project.path / ".ecr-tasks/outputs.json").exists(), "what follows in this run can read it"
        if publish:
            push(c)

    project.namespace = Collection(own)
    for words, state in ((("own", "--publish"), "published"), (("own",), "built")):
        assert project.inv(*words, **github).code == 0
        with monkeypatch.context() as patch:
            for name, text in github.items():
                patch.setenv(name, text)
            at_exit.pop()()
        assert page.read_text("utf-8").count("### `team/app`: ") == 1
        assert f"### `team/app`: {state}" in page.read_text("utf-8")
        assert output.read_text("utf-8").count("image<<") == 1
        page.unlink()
        output.unlink()


def test_an_error_is_also_an_annotation(project: Project, github: dict[str, str]) -> None:
    project.calls.fail_at = 0
    result = project.inv("push", **github)
    assert "::error title=ecr-tasks::The network is gone.%0ARun it again.\n" in result.stderr
    result.failed(5)


def test_an_unknown_ci_gets_files(project: Project) -> None:
    result = project.inv("build", "push", CI="true")
    assert "::" not in result.stderr
    assert f"IMAGE={project.reference}\n" in (project.path / ".ecr-tasks" / "outputs.env").read_text(encoding="utf-8")


def test_a_failed_push_writes_no_image_to_deploy(project: Project, github: dict[str, str]) -> None:
    def fail() -> None:
        raise network_error()

    project.inv("build")
    project.calls.before["push"] = fail
    assert project.inv("push", **github).code == 5
    output = Path(github["GITHUB_OUTPUT"])
    assert not output.exists() or "team/app" not in output.read_text(encoding="utf-8")


def test_without_a_ci_only_the_receipt_is_written(project: Project) -> None:
    result = project.inv("build", "push")
    assert "::" not in result.stderr
    folder = project.path / ".ecr-tasks"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {".gitignore", "receipt.json", "repositories/team/app/receipt.json"}
