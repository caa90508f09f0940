"""What a CI would not have of a laptop's settings: what is offered for the committed file, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.plan.ci_settings import CiSettings, ci_settings
from ecr_tasks.settings.invoke_files import read
from ecr_tasks.settings.load import load

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def nothing(path: Path) -> bool:
    """Return that a file is not in git."""
    return False


def lacking(
    project: Path,
    dotenv: str,
    pipeline: str = "",
    is_committed: Callable[[Path], bool] = nothing,
    **environ: str,
) -> CiSettings:
    """Return what a CI lacks of settings in .env and the environment."""
    (project / ".env").write_text(dotenv, encoding="utf-8")
    return ci_settings(load(project, environ=environ), pipeline, is_committed)


def test_what_stands_in_env_or_the_environment_is_offered(tmp_path: Path) -> None:
    result = lacking(tmp_path, "\nECR_PLATFORMS=linux/amd64\n", ECR_PRESET="lambda")
    assert {key: (text, str(origin)) for key, (text, origin) in result.shared.items()} == {
        "platforms": ("linux/amd64", ".env:2"),
        "preset": ("lambda", "environment variable ECR_PRESET"),
    }


def test_what_the_pipeline_sets_and_what_git_has_is_there(tmp_path: Path) -> None:
    dotenv = "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_SKIP=never\n"
    assert set(lacking(tmp_path, dotenv, "AWS_REGION: x\nECR_REPOSITORY: y\n").shared) == {"skip"}
    assert lacking(tmp_path, dotenv, is_committed=lambda path: path.name == ".env").shared == {}


def test_no_key_and_nothing_personal_is_offered(tmp_path: Path) -> None:
    dotenv = (
        f"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPL2\nAWS_SECRET_ACCESS_KEY={SECRET}\nAWS_SESSION_TOKEN=x\n"
        "ECR_BUILD_ARGS=TOKEN=hush\nAWS_ENDPOINT_URL_ECR=http://127.0.0.1:1\nECR_BUILDER=mine\nECR_DEBUG=1\n"
        "ECR_CONTEXT=https://user:hunter2@host/app.git\n"
    )
    result = lacking(tmp_path, dotenv)
    assert result.shared == {}
    assert set(result.kept) == {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "ECR_BUILD_ARGS"),
        *("AWS_ENDPOINT_URL_ECR", "ECR_BUILDER", "ECR_CONTEXT"),
    }
    for secret in (SECRET, "hush", "hunter2"):
        assert secret not in repr(result)


def test_a_profile_is_personal(tmp_path: Path) -> None:
    reason, origin = lacking(tmp_path, "AWS_PROFILE=team\n").kept["AWS_PROFILE"]
    assert (reason.split(":")[0], str(origin)) == ("yours alone", ".env:1")


@pytest.mark.parametrize(("committed", "expected"), [(True, []), (False, ["invoke.yaml"])])
def test_an_invoke_yaml_that_is_not_in_git_is_named(tmp_path: Path, committed: bool, expected: list[str]) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text("ecr:\n  repository: team/app\n", encoding="utf-8")
    file = read(path)
    settings = load(tmp_path, environ={}, config=file.section, invoke_files=[file])
    result = ci_settings(settings, "", lambda path: committed)
    assert [path.name for path in result.uncommitted] == expected
    assert result.shared == {}


def test_the_users_own_invoke_file_is_not_in_a_clone(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (home / ".invoke.yaml").write_text("ecr:\n  preset: lambda\n", encoding="utf-8")
    file = read(home / ".invoke.yaml")
    settings = load(project, environ={}, config=file.section, invoke_files=[file])
    assert set(ci_settings(settings, "", nothing).shared) == {"preset"}


def test_variables_that_the_build_reads_from_a_dotenv_file_are_named(tmp_path: Path) -> None:
    result = lacking(tmp_path, "ECR_BUILD_ARGS=VERSION\nECR_SECRETS=id=npm,env=NPM_TOKEN\nVERSION=1\nNPM_TOKEN=x\n")
    assert result.variables == ("NPM_TOKEN", "VERSION")


@pytest.mark.parametrize("committed", [True, False])
def test_variables_that_compose_and_bake_files_read_from_a_dotenv_file_are_named(
    tmp_path: Path, committed: bool
) -> None:
    (tmp_path / ".env").write_text("ONE=1\nTWO=2\nTHREE=3\nFOUR=4\nECR_PRESET=lambda\n", encoding="utf-8")
    settings = load(tmp_path, environ={})
    compose = "services: {web: {image: FOUR, build: {args: {A: $ONE, B: '${TWO:-x}', C: $ECR_PRESET}}}}"
    bake = 'variable "THREE" {}'
    result = ci_settings(settings, "", lambda path: committed, [compose], [bake])
    assert result.variables == (() if committed else ("ONE", "THREE", "TWO"))
