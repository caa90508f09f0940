"""Tests of the tasks of the local ECR: in the background, in a container, and with build and push."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import docker
from tests.engine.project import Project, project


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], tiny_base: str) -> Iterator[Project]:
    environ = {**engine, "XDG_DATA_HOME": str(tmp_path / "data")}
    app = project(tmp_path / "app", environ, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    yield app
    app.ok("local.down")


def status(app: Project) -> dict[str, Any]:
    """Return the document of `local.status --json`."""
    document: dict[str, Any] = json.loads(app.ok("local.status", "--json").stdout)
    return document


def test_build_push_and_pull_need_only_docker(app: Project) -> None:
    pushed, pulled = app.ok("local", "build", "push", "pull").lines
    assert pushed == pulled
    assert pushed.startswith(status(app)["registry"] + "/team/app@sha256:")
    assert docker(app.environ, "run", "--rm", pushed, "cat", "/hello.txt").stdout == "hello\n"


def test_local_overrides_other_settings(app: Project) -> None:
    app.write(".env", "AWS_PROFILE=nobody\nAWS_REGION=eu-west-3\nAWS_ACCOUNT_ID=123456789012\n")
    app.ok("local", "build", "push", AWS_ENDPOINT_URL="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")


def test_images_are_kept_after_a_restart_and_a_kill_until_a_reset(app: Project) -> None:
    pushed = app.ok("local", "push").lines
    before = status(app)
    app.ok("local.down")
    assert status(app)["running"] is False
    assert app.ok("local", "push").lines == pushed
    os.kill(status(app)["pid"], signal.SIGKILL)
    assert app.ok("local", "push").lines == pushed
    assert status(app)["endpoint"] == before["endpoint"]
    app.ok("local.reset", "--yes")
    plan = json.loads(app.ok("local", "plan", "--json").stdout)
    assert plan["images"][0]["creates_repository"] is True


def test_images_can_be_promoted_to_other_registries_of_the_local_ecr(app: Project) -> None:
    """Each is at a port of its own; what is missing there is created, and a dry run creates nothing."""
    pushed = app.ok("local", "build", "push").lines[0]
    to = ("--to", "222233334444/eu-west-1/prod/app")
    would = app.ok("--dry", "local", "promote", "main", *to)
    assert "222233334444/eu-west-1/prod/app: would be created; would copy the image" in would.stderr
    assert len(status(app)["registries"]) == 1
    (promoted,) = app.ok("local", "promote", "main", *to, "--tag", "1.2.3").lines
    host, _, name = promoted.partition("/")
    assert name == f"prod/app@{pushed.partition('@')[2]}"
    assert {"account": "222233334444", "region": "eu-west-1", "registry": host} in status(app)["registries"]
    assert "nothing to copy" in app.ok("local", "promote", "main", *to, "--tag", "1.2.3").stderr
    app.environ["ECR_DESTINATIONS"] = "333344445555/eu-central-1"
    here, there = app.ok("local", "push").lines
    assert (here, there.partition("/")[2]) == (pushed, here.partition("/")[2])


def test_a_dry_run_starts_no_local_ecr(app: Project) -> None:
    app.ok("--dry", "local.up")
    assert status(app)["running"] is False
    result = app.ok("--dry", "local", "build", "push")
    assert "would start" in result.stderr
    assert result.stdout == ""
    assert status(app)["running"] is False


def test_requests_are_counted_and_later_commits_use_the_running_local_ecr(app: Project) -> None:
    app.ok("local", "push")
    running = status(app)
    pid, requests = running["pid"], running["requests"]
    assert requests["GetAuthorizationToken"] == 1
    assert requests["PUT manifest"] >= 1
    app.commit("next")
    app.ok("local", "push")
    assert status(app)["pid"] == pid


def test_branches_and_uncommitted_trees_can_be_pushed_again_and_commits_are_locked(app: Project) -> None:
    references = []
    for number in range(2):
        app.write("hello.txt", f"uncommitted {number}\n")
        references += app.ok("local", "build", "push").lines
    app.commit("next")
    references += app.ok("local", "build", "push").lines
    app.write("hello.txt", "committed\n")
    app.commit("and another")
    references += app.ok("local", "build", "push").lines
    assert len(set(references)) == 4
    (repository,) = json.loads(app.ok("local", "repo.show", "--json").stdout)["repositories"]
    assert repository["mutability"] == "MUTABLE_WITH_EXCLUSION"
    assert "sha-*" in repository["exclusion_filters"]
    app.ok("local", "repo.ensure", "--check")


def test_the_local_ecr_runs_in_a_container(app: Project, debian_base: str) -> None:
    app.ok("local.up", "--container", "--image", debian_base)
    assert status(app)["running"] is True
    pushed, pulled = app.ok("local", "build", "push", "pull").lines
    assert pushed == pulled
    app.ok("local.reset", "--yes")
    docker(app.environ, "container", "kill", "ecr-tasks-local")
    assert "its container ecr-tasks-local does not answer" in app.ok("local.status").stdout
    app.ok("local.down")
    assert docker(app.environ, "container", "inspect", "ecr-tasks-local", check=False).returncode != 0
    app.ok("local.up")


def test_a_local_ecr_that_hangs_is_named_and_ended(app: Project) -> None:
    app.ok("local.up")
    pid = status(app)["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert "does not answer; local.down ends it" in app.ok("local.status").stdout
    assert "has stopped" in app.ok("local.down").stderr
    assert app.ok("local.down").stderr.strip().endswith("is not running")
