"""Tests of `iam.trust` on a command line: values from git and the CI system, options and errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.program import Program

from ecr_tasks.tasks import iam_trust as iam
from tests.iam.test_trust import ACCOUNT, ORG, PROJECT


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a clone of a repository on GitHub, on the branch ``feature/x``."""
    for command in (
        ["init", "--quiet", "--template=", "--initial-branch=feature/x"],
        ["remote", "add", "origin", "git@github.com:octo/app.git"],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "-m", "Begin"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCOUNT_ID", ACCOUNT)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run a command line and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["inv", *words])
    try:
        Program(namespace=Collection(Collection("iam", iam.trust))).run(["inv", *words])
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    return 0


def test_stdout_is_the_policy_only(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "iam.trust", "github") == 0
    output = capsys.readouterr()
    (statement,) = json.loads(output.out)["Statement"]
    subjects = statement["Condition"]["StringLike"]["token.actions.githubusercontent.com:sub"]
    assert subjects[0] == "repo:octo/app:ref:refs/heads/feature/x"
    assert f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com" in output.err
    assert "--tag" in output.err


def test_options_change_the_policy(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    words = ("--branch=main", "--tag=v*", "--account=210987654321", "--organization=acme", "--project=app")
    assert run(monkeypatch, "iam.trust", "Buildkite", *words, "--audience=aws") == 0
    output = capsys.readouterr()
    (statement,) = json.loads(output.out)["Statement"]
    assert statement["Principal"]["Federated"] == "arn:aws-cn:iam::210987654321:oidc-provider/agent.buildkite.com"
    assert statement["Condition"]["StringEquals"]["agent.buildkite.com:aud"] == "aws"
    assert len(statement["Condition"]["StringLike"]["agent.buildkite.com:sub"]) == 2
    assert "--tag" not in output.err


def test_ids_come_from_the_environment_of_the_ci(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CIRCLE_ORGANIZATION_ID", ORG)
    monkeypatch.setenv("CIRCLE_PROJECT_ID", PROJECT)
    assert run(monkeypatch, "iam.trust", "circleci") == 0
    assert f"org/{ORG}/project/{PROJECT}/user/*" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"), [(["jenkins"], "no trust policy"), (["github", "--account=12"], "no account id")]
)
def test_an_error_is_two_sentences(
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert run(monkeypatch, "iam.trust", *words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err


def test_without_an_account_the_error_names_the_option(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_ACCOUNT_ID")
    assert run(monkeypatch, "iam.trust", "github") == 2
    assert "--account" in capsys.readouterr().err
