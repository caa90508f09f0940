"""Tests of the checks before a build, on a command line: they run before anything is changed, on every path."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.image_config import ImageConfig
from ecr_tasks.model.manifest import IGNORED_FILES
from tests.tasks.conftest import CHANGING_CALLS, Project

PATHS = (("build", "push"), ("push",), ("build",), ("--dry", "build", "push"), ("commands",))
TOKEN = "ghp_" + "a8Kq2Vn5LwPzT7Xc4Rb9Ym3Jd6Hf1GsQe0Uo"
CREATE = {"ECR_CREATE_REPOSITORY": "true"}


def no_dockerfile(project: Project) -> None:
    (project.path / "Dockerfile").unlink()
    project.commit()


def no_context(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_CONTEXT=web\n")


def no_named_context(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_BUILD_CONTEXTS=lib=../lib\n")


def no_secret_file(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_SECRETS='id=npm,src=npm.token'\n")


def leaked_keys(project: Project) -> None:
    project.write(".dockerignore", "")
    project.write("web.env", "AWS_SECRET_ACCESS_KEY=kT9vQ2mZ8xLrW4nB7cYpD1sHfG6jE3aUoI5+tRq0\n")
    project.commit()


def incomplete(project: Project) -> None:
    project.write("web/app.py", "")
    project.commit()
    project.git("sparse-checkout", "set", "api")


LOCAL: dict[Callable[[Project], None], int] = {
    **dict.fromkeys((no_dockerfile, no_context, no_named_context, no_secret_file), 2),
    **dict.fromkeys((leaked_keys, incomplete), 6),
}


def invalid_lifecycle(project: Project) -> None:
    project.write("lifecycle.json", '{"rules": [{}]}')
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_LIFECYCLE_POLICY=lifecycle.json\n")


def no_engine(project: Project) -> None:
    def refuse() -> None:
        raise BuildError("There is no docker engine.", "Start Docker.")

    project.calls.before["engine"] = refuse


@pytest.fixture
def without_repository(project: Project) -> Project:
    project.registry.repositories.clear()
    return project


@pytest.mark.parametrize("words", PATHS)
@pytest.mark.parametrize("spoil", LOCAL)
def test_nothing_is_changed_before_what_a_build_needs_is_there(
    without_repository: Project, words: tuple[str, ...], spoil: Callable[[Project], None]
) -> None:
    spoil(without_repository)
    without_repository.inv(*words, **CREATE).failed(LOCAL[spoil])
    assert without_repository.calls.named(*CHANGING_CALLS) == []


@pytest.mark.parametrize("words", [("build", "push"), ("push",), ("--dry", "push"), ("commands",)])
@pytest.mark.parametrize(("spoil", "code"), [(invalid_lifecycle, 2), (no_engine, 3)])
def test_no_repository_is_created_before_policies_and_engine_are_looked_at(
    without_repository: Project, words: tuple[str, ...], spoil: Callable[[Project], None], code: int
) -> None:
    spoil(without_repository)
    without_repository.inv(*words, **CREATE).failed(code)
    assert without_repository.calls.named(*CHANGING_CALLS) == []


@pytest.mark.parametrize("words", [("build", "push"), ("push",)])
def test_a_build_that_fails_leaves_no_repository(without_repository: Project, words: tuple[str, ...]) -> None:
    without_repository.docker.build_error = BuildError("dockerfile parse error on line 2.", "Mend it.")
    without_repository.inv(*words, **CREATE).failed(3)
    assert without_repository.calls.named("create", "set_policies") == []
    without_repository.docker.build_error = None
    assert without_repository.inv(*words, **CREATE).code == 0
    names = [call[0] for call in without_repository.calls.named("build", "create", "set_policies", "push")]
    assert names == ["build", "create", "set_policies", "push"]


def test_a_repository_that_the_build_writes_its_cache_to_is_created_first(without_repository: Project) -> None:
    assert without_repository.inv("build", "push", ECR_CACHE="registry", **CREATE).code == 0
    assert [call[0] for call in without_repository.calls.named("build", "create")] == ["create", "build"]


@pytest.mark.parametrize("spoil", [*LOCAL, invalid_lifecycle, no_engine])
def test_plan_shows_what_build_would_refuse(without_repository: Project, spoil: Callable[[Project], None]) -> None:
    spoil(without_repository)
    once = dict(without_repository.calls.before)
    result = without_repository.inv("plan", "--json", **CREATE)
    (conflict,) = result.document["conflicts"]
    assert result.code == 6
    for words, codes in (("push",), (2, 3, 6)), (("plan",), (6,)):
        without_repository.calls.before.update(once)
        result = without_repository.inv(*words, **CREATE)
        assert conflict["cause"] in (result.stdout if "plan" in words else result.stderr)
        assert result.code in codes


def test_a_published_commit_needs_nothing_of_a_build(project: Project) -> None:
    project.inv("build", "push")
    project.git("update-index", "--skip-worktree", "Dockerfile")
    (project.path / "Dockerfile").unlink()
    no_engine(project)
    assert project.inv("push").code == 0
    assert project.inv("plan", "--json").document["conflicts"] == []


def test_all_that_is_in_the_way_is_said_at_once(without_repository: Project) -> None:
    no_dockerfile(without_repository)
    invalid_lifecycle(without_repository)
    error = without_repository.inv("push", **CREATE)
    assert error.code == 2
    assert "2 things stand in the way" in error.stderr


@pytest.mark.parametrize("words", [("build", "push"), ("plan",), ("repo.ensure",), ("promote", "main", "--tag", "a")])
@pytest.mark.parametrize("target", ["Web_App", "web_", "-web", "a" * 260])
def test_a_target_that_is_no_repository_name_gets_to_no_registry(
    project: Project, words: tuple[str, ...], target: str
) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    project.docker.bake_targets = {"api": BuildDefinition("."), target: BuildDefinition(".")}
    error = project.inv(*words, **CREATE).failed(2)
    assert target[:20] in error
    assert {call[0] for call in project.calls.log} == {"targets"}


def test_a_release_is_not_lost_in_ci(project: Project) -> None:
    project.git("tag", "v1.2.3")
    project.write("version.txt", "1.2.3\n")
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v1.2.3", "GITHUB_EVENT_NAME": "push"}
    error = project.inv("build", "push", **ci, GITHUB_SHA=project.revision).failed(6)
    assert "v1.2.3" in error
    assert "version.txt" in error
    assert "ECR_DIRTY_IGNORE" in error
    assert project.calls.named(*CHANGING_CALLS) == []
    result = project.inv("build", "push", **ci, GITHUB_SHA=project.revision, ECR_DIRTY_IGNORE="version.txt")
    assert result.code == 0
    assert "ECR_DIRTY_IGNORE: version.txt" in result.stderr
    assert {"1.2.3", "latest"} <= set(project.tags)
    assert project.receipt["images"][0]["source"]["dirty"] is False
    # No other commit is to get an image that has such a file.
    assert project.docker.inputs[-1].definition.labels[IGNORED_FILES] == "yes"


def test_a_dirty_commit_of_a_branch_and_a_laptop_are_no_lost_release(project: Project) -> None:
    project.git("tag", "v1.2.3")
    project.write("version.txt", "1.2.3\n")
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_NAME": "push"}
    for environ in ({}, {**ci, "GITHUB_SHA": project.revision}):
        assert project.inv("build", "push", **environ).code == 0
        assert project.receipt["images"][0]["source"]["dirty"] is True


def test_rules_without_a_release_lose_none(project: Project) -> None:
    project.git("tag", "v1.2.3")
    project.write("version.txt", "1.2.3\n")
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v1.2.3", "GITHUB_EVENT_NAME": "push"}
    assert project.inv("build", "push", **ci, GITHUB_SHA=project.revision, ECR_TAGS="type=sha").code == 0


def test_tags_are_those_of_the_plan(project: Project) -> None:
    project.write(".dockerignore", "*.md\n")
    project.commit()
    project.write("notes.md", "")
    assert project.inv("tags").stdout == f"main\nsha-{project.revision[:7]}\n"
    project.write("notes.txt", "")
    assert project.inv("tags").stdout == f"sha-{project.revision[:7]}-dirty\n"


def test_each_image_is_dirty_by_its_own_files(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    for name in ("api", "web"):
        project.write(f"{name}/Dockerfile", "FROM scratch\n")
    project.commit()
    project.docker.bake_targets = {name: BuildDefinition(name) for name in ("api", "web")}
    project.write("web/new.txt", "")
    project.inv("build")
    images = {image["name"]: image for image in project.receipt["images"]}
    assert [images[name]["source"]["dirty"] for name in ("api", "web")] == [False, True]
    error = project.inv("build", ECR_DIRTY="refuse").failed(6)
    assert "web would be built with uncommitted changes (web/new.txt)" in error


def test_a_file_that_a_compose_file_extends_makes_dirty(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=compose.yaml\nECR_REPOSITORY=team/app\n")
    project.write("compose.yaml", "services:\n  web:\n    extends: {file: common.yaml, service: base}\n")
    project.write("common.yaml", "services:\n  base: {build: web}\n")
    project.write("web/Dockerfile", "FROM scratch\n")
    project.commit()
    project.docker.bake_targets = {"web": BuildDefinition("web")}
    project.write("README.md", "")
    assert "-dirty" not in project.inv("tags").stdout
    project.write("common.yaml", "services:\n  base: {build: {context: web, args: {A: '1'}}}\n")
    assert "-dirty" in project.inv("tags").stdout


@pytest.mark.parametrize("words", [("build", "push"), ("push",), ("build",)])
def test_what_was_built_is_looked_at_before_anything_is_pushed(project: Project, words: tuple[str, ...]) -> None:
    project.docker.config = ImageConfig(environment={"FROM_THE_BASE": TOKEN})
    result = project.inv(*words)
    result.failed(6)
    assert "write github-token env:FROM_THE_BASE: REASON into ECR_ALLOW_KEYS_IN" in result.stderr
    assert TOKEN not in result.stdout + result.stderr
    assert project.calls.named("push") == []
    project.inv("push").failed(6)  # what was refused is not taken for built
    result = project.inv(*words, ECR_ALLOW_KEYS_IN="github-token env:FROM_THE_BASE: the base's own, revoked")
    assert result.code == 0, result.stderr
    assert "env:FROM_THE_BASE is allowed to show a GitHub token: the base's own, revoked" in result.stderr
    assert project.inv("push").code == 0


def test_nothing_is_looked_at_where_nothing_is_built(project: Project) -> None:
    assert project.inv("build", "push").code == 0
    assert len(project.calls.named("image_configs")) == 1
    assert project.inv("build", "push").code == 0
    assert project.calls.named("image_configs") == []
