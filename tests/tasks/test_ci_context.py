"""Tests of `ci.context`: the fields that it shows, from the CI system and from git."""

from __future__ import annotations

import json

import pytest
from invoke.collection import Collection
from invoke.program import Program

from ecr_tasks.ci.context import NO_CI, CiContext
from ecr_tasks.ci.detect import detect
from ecr_tasks.source.git.read import NO_REPOSITORY, git_state
from ecr_tasks.tasks import ci_context as show
from ecr_tasks.tasks import ci_context as tasks
from tests.ci.recorded import RUNS, Recorded
from tests.support.repo import Repo, empty, environ, repo

__all__ = ["empty", "environ", "repo"]  # fixtures

FIELDS = [
    "provider",
    "event",
    "branch",
    "tag",
    "sha",
    "pull_request",
    "build_number",
    "default_branch",
    "repository_url",
    "build_url",
]
"""The documented fields, in their order."""


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.provider}: {run.name}")
def test_the_fields_are_those_of_the_ci(run: Recorded) -> None:
    document = show.as_json(NO_REPOSITORY, run.detect())
    assert list(document)[: len(FIELDS)] == FIELDS
    for name in FIELDS:
        assert document[name] == run.expected.get(name)


def test_fields_that_the_ci_does_not_have_come_from_git(repo: Repo) -> None:
    repo.git("remote", "add", "origin", "git@github.com:acme/web-app.git")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    repo.git("tag", "v1.0.0")
    source = git_state(repo.path, environ=repo.environ)
    for ci in (NO_CI, detect({"TEAMCITY_VERSION": "2024.03"})):
        document = show.as_json(source, ci)
        assert document["branch"] == "main"
        assert document["tag"] == "v1.0.0"
        assert document["sha"] == source.revision
        assert document["default_branch"] == "main"
        assert document["repository_url"] == "https://github.com/acme/web-app"
        assert document["event"] is document["build_number"] is document["build_url"] is None
        assert document["notes"] == []
        origins = document["origins"]
        assert isinstance(origins, dict)
        assert origins["default_branch"] == "git refs/remotes/origin/HEAD"


def test_the_branch_and_tag_of_a_pull_request_do_not_come_from_git(repo: Repo) -> None:
    """Drone checks out the target branch, and a tag on the head commit does not make this the run of a tag."""
    repo.git("tag", "v1.0.0")
    source = git_state(repo.path, environ=repo.environ)
    document = show.as_json(
        source, CiContext(provider="drone", change="pull_request", pull_request="5", sha=source.revision)
    )
    assert (document["branch"], document["tag"], document["pull_request"]) == (None, None, "5")
    assert show.as_json(source, CiContext(provider="github", tag="v1.0.0"))["branch"] is None


def test_a_short_commit_is_shown_in_full(repo: Repo) -> None:
    source = git_state(repo.path, environ=repo.environ)
    assert source.revision is not None
    assert show.as_json(source, CiContext(provider="bitbucket", sha=source.revision[:12]))["sha"] == source.revision


def test_a_merge_commit_is_not_shown_as_the_sha(repo: Repo) -> None:
    source = git_state(repo.path, environ=repo.environ)
    ci = CiContext(provider="github", change="pull_request", pull_request="5", checkout=source.revision)
    assert show.as_json(source, ci)["sha"] is None


def test_a_checkout_of_another_commit_gives_a_note(repo: Repo) -> None:
    source = git_state(repo.path, environ=repo.environ)
    ci = CiContext(provider="jenkins", sha="c" * 40, origins={"sha": "GIT_COMMIT"})
    assert show.as_json(source, ci)["sha"] == "c" * 40
    (note,) = show.notes(source, ci)
    assert note.startswith("GIT_COMMIT says cccccccccccc and ")


def test_the_setting_makes_the_run_one_for_a_change(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repo.path)
    program = Program(namespace=Collection("ci", tasks.context), name="ci")
    monkeypatch.setattr("os.environ", {**repo.environ, "ECR_PULL_REQUEST": "7"})
    program.run(["ci", "context", "--json"], exit=False)
    document = json.loads(capsys.readouterr().out)
    assert (document["event"], document["change"]) == ("pull_request", "pull_request")
    assert (document["pull_request"], document["branch"], document["provider"]) == ("7", None, None)
    assert document["origins"]["pull_request"] == "ECR_PULL_REQUEST"
    monkeypatch.setattr("os.environ", repo.environ)
    (repo.path / ".env").write_text("ECR_PULL_REQUEST=true\n", encoding="utf-8")
    program.run(["ci", "context", "--json"], exit=False)
    document = json.loads(capsys.readouterr().out)
    assert (document["pull_request"], document["change"]) == (None, "pull_request")
    assert document["origins"]["change"] == "ECR_PULL_REQUEST in .env:1"


def test_the_task_prints_json_or_text(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json a document is on stdout, without it a table; warnings are on stderr."""
    monkeypatch.chdir(repo.path)
    environ = {**repo.environ, "GITLAB_CI": "true", "CI_COMMIT_BRANCH": "feature/login", "CI_COMMIT_SHA": "c" * 40}
    monkeypatch.setattr("os.environ", environ)
    program = Program(namespace=Collection("ci", tasks.context), name="ci")
    program.run(["ci", "context", "--json"], exit=False)
    document = json.loads(capsys.readouterr().out)
    assert (document["provider"], document["branch"]) == ("gitlab", "feature/login")
    assert document["origins"]["branch"] == "CI_COMMIT_BRANCH"
    program.run(["ci", "context"], exit=False)
    out, err = capsys.readouterr()
    assert "feature/login" in out
    assert "CI_COMMIT_BRANCH" in out
    assert "Warning: CI_COMMIT_SHA says cccccccccccc" in err
