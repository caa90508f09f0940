"""Tests with a real engine of what the processes that a run starts are handed, and of its own environment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

MARK = "planted-marker"
AUDITED = """
import sys
def hook(event, arguments):
    if event in ("os.putenv", "os.unsetenv"):
        sys.stderr.write(f"CHANGED {arguments}\\n")
sys.addaudithook(hook)
from invoke.main import program
program.run(["inv", *sys.argv[1:]])
"""
PLANTED = {
    "AWS_ID_TOKEN": f"{MARK}.b.c",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": MARK,
    "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://token.example/{MARK}",
    "BITBUCKET_STEP_OIDC_TOKEN": MARK,
    "BUILDKITE_AGENT_ACCESS_TOKEN": MARK,
    "CI_JOB_TOKEN": MARK,
    "NPM_TOKEN": MARK,
    "DATABASE_URL": f"postgres://me:{MARK}@host/db",
    "ECR_LABELS": f"secret={MARK}",
}
TARGETS = ("one", "two", "three", "four")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "environments"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, log: Path) -> Project:
    """Return a project of several images without repositories, the keys in .env, and programs that keep a log."""
    environ = {**engine, **local_ecr.environment(), **PLANTED}
    real_config, own_config, programs = Path(engine["DOCKER_CONFIG"]), tmp_path / "config", tmp_path / "bin"
    (own_config / "cli-plugins").mkdir(parents=True)
    programs.mkdir()
    plugin = real_config / "cli-plugins" / "docker-buildx"
    for wrapper, program in (
        (programs / "git", shutil.which("git", path=environ["PATH"])),
        (programs / "docker", shutil.which("docker", path=environ["PATH"])),
        (own_config / "cli-plugins" / "docker-buildx", plugin),
    ):
        wrapper.write_text(f'#!/bin/sh\n(echo "PROGRAM {wrapper.name}"; env) >>{log}\nexec {program} "$@"\n')
        wrapper.chmod(0o755)
    environ |= {"DOCKER_CONFIG": str(own_config), "PATH": f"{programs}:{environ['PATH']}"}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environ[name]
    environ |= {
        "ECR_REPOSITORY_PREFIX": "team/",
        "ECR_CREATE_REPOSITORY": "true",
        "AWS_ACCOUNT_ID": local_ecr.account,
    }
    app = project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")
    app.write(".env", f"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY={MARK}\nMINE_TOKEN={MARK}\n")
    bake = {"group": {"default": {"targets": TARGETS}}, "target": {name: {"context": "."} for name in TARGETS}}
    app.write("docker-bake.json", json.dumps(bake))
    app.commit()
    log.unlink(missing_ok=True)
    return app


def audited(app: Project, *arguments: str) -> str:
    """Run `inv …` in a process that tells of each change of its environment; return its stderr."""
    result = subprocess.run(
        [sys.executable, "-c", AUDITED, *arguments],
        cwd=app.folder,
        env=app.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


def test_no_task_changes_the_environment_or_hands_on_a_secret(app: Project, log: Path, local_ecr: LocalEcr) -> None:
    role = f"arn:aws:iam::{local_ecr.account}:role/ci"
    for role_arn in ("", role):  # the second run finds everything published
        app.environ["ECR_ROLE_ARN"] = role_arn
        for tasks in (
            ("plan", "build", "push", "images", "commands", "tags", "pull"),
            ("promote", "main", "--tag", "golden", "--image", "one", "repo.show", "repo.ensure"),
        ):
            assert "CHANGED" not in audited(app, *tasks), tasks
    environments = log.read_text("utf-8", "replace")
    assert {f"PROGRAM {name}" for name in ("git", "docker", "docker-buildx")} <= set(environments.splitlines())
    handed = {line for line in environments.splitlines() if MARK in line}
    assert handed == set()


def test_a_build_is_handed_the_secret_that_it_names(app: Project, log: Path) -> None:
    del app.environ["ECR_LABELS"]  # its value is that of the secret, which no label may have
    app.write("Dockerfile", "FROM scratch\nCOPY hello.txt /\n")
    target = {"context": ".", "secret": ["id=npm,env=NPM_TOKEN", "id=mine,env=MINE_TOKEN"]}
    app.write("docker-bake.json", json.dumps({"target": {"default": target}}))
    app.commit()
    log.unlink()
    audited(app, "build")
    handed = {line.partition("=")[0] for line in log.read_text("utf-8", "replace").splitlines() if MARK in line}
    assert handed == {"NPM_TOKEN", "MINE_TOKEN"}
