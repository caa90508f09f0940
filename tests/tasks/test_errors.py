"""Tests of errors on a command line: two sentences on stderr, an exit code, and the traceback with ECR_DEBUG."""

from __future__ import annotations

import errno
import os

import pytest

from ecr_tasks.errors import AwsError, BuildError
from ecr_tasks.model.denial import Denial
from tests.tasks.conftest import Project


def test_all_wrong_settings_are_named_in_one_run(project: Project) -> None:
    project.write(".env", "ECR_REPOSITORY=Team/App\nAWS_ACCOUNT_ID=12\nECR_REPOSITROY=x\n")
    result = project.inv("build", "push")
    assert (result.code, result.stdout) == (2, "")
    for line in (".env:1", ".env:2", ".env:3"):
        assert line in result.stderr
    assert "Traceback" not in result.stderr
    assert project.calls.log == []


def test_a_missing_repository_setting_is_named(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\n")
    result = project.inv("build")
    assert (result.code, result.stdout) == (2, "")
    assert "ECR_REPOSITORY" in result.stderr


@pytest.mark.parametrize("where", ["environment", "file", "environment, with wrong settings"])
def test_debug_shows_the_traceback_and_changes_nothing_else(project: Project, where: str) -> None:
    project.docker.build_error = BuildError("The build failed.", "Mend it.")
    if where == "file":
        project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DEBUG=1\n")
        result = project.inv("build")
    else:
        wrong = {"AWS_ACCOUNT_ID": "12"} if "wrong" in where else {}
        result = project.inv("build", ECR_DEBUG="1", **wrong)
    assert result.code == (2 if "wrong" in where else 3)
    assert result.stdout == ""
    assert "Traceback" in result.stderr
    assert result.stderr.rstrip().splitlines()[-2].startswith("ecr-tasks: ")


def raise_unknown_error() -> None:
    raise LookupError("hush-hush")  # an exception's text may hold anything


def raise_full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/file")


def test_an_error_that_nobody_foresaw_is_one_calm_sentence_with_its_place(project: Project) -> None:
    project.calls.before["build"] = raise_unknown_error
    message = project.inv("build").failed(1)
    assert "LookupError in execute/build.py, line" in message
    assert "ECR_DEBUG=1" in message
    assert "report that at" in message
    assert "hush-hush" not in message


def test_debug_shows_where_an_error_that_nobody_foresaw_happened(project: Project) -> None:
    project.calls.before["build"] = raise_unknown_error
    result = project.inv("build", ECR_DEBUG="1")
    assert result.code == 1
    assert "Traceback" in result.stderr
    assert "hush-hush" in result.stderr
    assert result.stderr.rstrip().splitlines()[-2].startswith("ecr-tasks: ")


def test_what_the_operating_system_refuses_is_named_with_its_file(project: Project) -> None:
    project.calls.before["build"] = raise_full_disk
    message = project.inv("build").failed(1)
    assert "/somewhere/file can't be used: No space left on device." in message


def test_the_ci_shows_an_error_that_nobody_foresaw_too(project: Project) -> None:
    project.calls.before["build"] = raise_unknown_error
    assert "::error title=ecr-tasks::" in project.inv("build", GITHUB_ACTIONS="true", CI="true").stderr


@pytest.mark.parametrize(
    "error", [RecursionError(), MemoryError(), UnicodeDecodeError("utf-8", b"x", 0, 1, "hush-hush")]
)
def test_every_error_of_python_s_own_is_a_sentence(project: Project, error: Exception) -> None:
    def fail() -> None:
        raise error

    project.calls.before["build"] = fail
    message = project.inv("build").failed(1)
    assert "execute/build.py, line" in message
    assert "report that at" in message
    assert "hush-hush" not in message


def test_a_full_disk_is_named_by_the_folder_on_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while a file is written doesn't name the file."""

    class Full:
        f_bavail, f_frsize, f_files, f_favail = 0, 4096, 1, 1

    def fail() -> None:
        monkeypatch.setattr(os, "statvfs", lambda folder: Full)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    project.calls.before["build"] = fail
    message = project.inv("build", TMPDIR="/somewhere/small").failed(1)
    assert "/somewhere/small can't be used: No space left on device." in message


def test_an_error_while_an_error_is_shown_is_a_sentence_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise LookupError("hush-hush")

    monkeypatch.setattr("ecr_tasks.runner.ci_results.show_error", fail)
    project.docker.build_error = BuildError("The build failed.", "Mend it.")
    message = project.inv("build").failed(1)
    assert "LookupError in runner/exit_codes.py, line" in message


@pytest.mark.parametrize(
    ("words", "action", "name"),
    [
        (("build", "push"), "ecr:PutImage", "push"),
        (("build", "push"), "ecr:DescribeRepositories", "push"),
        (("pull",), "ecr:BatchGetImage", "pull"),
        (("repo.ensure",), "ecr:GetLifecyclePolicy", "repo.ensure"),
        (("repo.ensure",), "", "repo.ensure"),
        (("repo.show",), "", "repo.show"),
        (("pull",), "ecr:PutImage", "push"),
    ],
)
def test_a_denied_action_leads_to_the_policy_of_this_task(
    words: tuple[str, ...], action: str, name: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    denial = Denial(action, "arn:aws:iam::123456789012:role/ci")

    def refuse(*arguments: object, **options: object) -> None:
        raise AwsError(f"AWS does not allow us to look: {denial.words}.", denial.remedy)

    monkeypatch.setattr(project.registry, "describe", refuse)
    message = project.inv(*words).failed(4)
    assert f"role/ci may not do {action}" in message
    assert f"`inv iam.policy --for {name}` prints the policy" in message
