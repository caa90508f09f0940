"""Tests of the files for later CI steps: a run that fails leaves none of an earlier run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.ci.outputs.names import NAMES
from ecr_tasks.errors import AwsError, BuildError
from ecr_tasks.model.registry import Repository
from tests.support.build import ACCOUNT, HOST
from tests.tasks.conftest import Project

CI = {"CI": "true"}
TEAMCITY = {"TEAMCITY_VERSION": "2025.07"}


def wrong_setting(project: Project) -> None:
    project.write(".env", "AWS_REGION=nowhere\nECR_REPOSITORY=team/app\n")


def wrong_repository(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=Team/App\n")


def no_dockerfile(project: Project) -> None:
    (project.path / "Dockerfile").unlink()


def no_aws(project: Project) -> None:
    def fail() -> None:
        raise AwsError("The AWS credentials have expired.", "Run `aws sso login`.")

    project.calls.before["describe"] = fail


def interrupted(project: Project) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    project.calls.before["describe"] = interrupt


def failing_build(project: Project) -> None:
    project.write("app.py", "2\n")
    project.commit()
    project.docker.build_error = BuildError("The step failed.", "Mend it.")


EARLY = [wrong_setting, wrong_repository, no_dockerfile, no_aws, interrupted, failing_build]


def left(project: Project) -> dict[str, str]:
    """Return the texts in the output folder by path, except for git's."""
    folder = project.path / ".ecr-tasks"
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore"]
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}


def add_repository(project: Project, name: str) -> None:
    """Add an empty repository to the registry."""
    project.registry.repositories[name] = Repository(name, ACCOUNT, f"{HOST}/{name}")
    project.registry.stored[name], project.registry.tags[name] = {}, {}


@pytest.mark.parametrize("words", [("build", "push"), ("push",)])
@pytest.mark.parametrize("fail", EARLY)
@pytest.mark.parametrize("ci", [CI, TEAMCITY])
def test_a_run_that_fails_leaves_no_image_of_an_earlier_run(
    project: Project, words: tuple[str, ...], fail: Callable[[Project], None], ci: dict[str, str]
) -> None:
    project.inv("build", "push", **ci)
    old = project.image.digest
    before = left(project)
    assert {*NAMES[:4], "receipt.json", "repositories/team/app/outputs.env"} <= set(before)
    assert all(old in text for name, text in before.items() if name.endswith((".env", "receipt.json")))
    fail(project)
    assert project.inv(*words, **ci).code != 0
    for name, text in left(project).items():
        # A repository's own receipt keeps the build for a later push, and names it as nothing but that.
        assert name == "repositories/team/app/receipt.json" or old not in text
    assert "outputs.env" not in left(project) or left(project)["outputs.env"] == ""


@pytest.mark.parametrize("words", [("env", "nowhere", "build", "push"), ("login", "push")])
def test_a_task_before_push_that_fails_leaves_none_either(project: Project, words: tuple[str, ...]) -> None:
    project.inv("build", "push", **CI)
    project.registry.calls.before["token"] = project.registry.calls.before["describe"] = lambda: _fail()
    if words[0] == "login":
        project.write(".env", "AWS_REGION=nowhere\n")
    assert project.inv(*words, **CI).code != 0
    assert set(left(project)) <= {"repositories/team/app/receipt.json"}


def _fail() -> None:
    raise AwsError("The AWS credentials have expired.", "Run `aws sso login`.")


@pytest.mark.parametrize(
    "words", [("plan",), ("tags",), ("--dry", "build", "push"), ("promote", "main", "--tag", "push")]
)
def test_a_task_that_publishes_nothing_changes_no_output(project: Project, words: tuple[str, ...]) -> None:
    project.inv("build", "push", **CI)
    before = left(project)
    project.inv(*words, **CI)
    assert left(project) == before


def test_each_repository_of_a_folder_has_its_own_files(project: Project) -> None:
    add_repository(project, "team/other")
    project.write(".env.other", "ECR_REPOSITORY=team/other\n")
    project.inv("build", "push", **CI)
    mine = {name: text for name, text in left(project).items() if name.startswith("repositories/team/app/")}
    assert project.inv("env", "other", "build", "push", **CI).code == 0
    files = left(project)
    assert {name: text for name, text in files.items() if name in mine} == mine
    for name in ("outputs.env", "outputs.json", "outputs.properties", "summary.md", "receipt.json"):
        assert "team/other" in files[name]
        assert "team/other" in files[f"repositories/team/other/{name}"]
        assert "team/other" not in mine[f"repositories/team/app/{name}"]
    assert f"IMAGE={project.reference}\n" in mine["repositories/team/app/outputs.env"]
    no_aws(project)
    assert project.inv("env", "other", "push", **CI).code == 4
    assert {name for name in left(project) if name.endswith("outputs.env")} == {"repositories/team/app/outputs.env"}


def test_a_build_is_pushed_later_though_another_repository_was_built_meanwhile(project: Project) -> None:
    add_repository(project, "team/other")
    project.write(".env.other", "ECR_REPOSITORY=team/other\n")
    project.inv("build")
    project.inv("env", "other", "build")
    assert project.docker.builds == 2
    assert project.inv("push").code == 0
    assert project.inv("env", "other", "push").code == 0
    assert project.docker.builds == 2


def test_a_push_that_fails_early_takes_the_build_from_no_later_push(project: Project) -> None:
    project.inv("build")
    no_aws(project)
    project.inv("push").failed(4)
    assert "receipt.json" not in left(project)
    assert project.inv("push").code == 0
    assert project.docker.builds == 1


def test_a_file_that_cant_be_removed_is_named(project: Project) -> None:
    (project.path / ".ecr-tasks" / "outputs.env").mkdir(parents=True)
    (project.path / ".ecr-tasks" / "outputs.env" / "file").touch()
    result = project.inv("build", "push")
    assert "outputs.env can't be removed" in result.stderr


def test_every_file_that_an_adapter_writes_is_known() -> None:
    from ecr_tasks.ci.outputs.adapter import Write
    from ecr_tasks.ci.outputs.files import files
    from ecr_tasks.ci.systems import SYSTEMS, outputs_adapter
    from tests.ci.outputs.build import outputs

    for name in SYSTEMS:
        adapter = outputs_adapter(name)
        actions = [*files(outputs()), *adapter.outputs(outputs(), {}, Path()), *adapter.error("A.", "B.", {})]
        assert {action.name for action in actions if isinstance(action, Write)} <= set(NAMES)
