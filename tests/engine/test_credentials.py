"""Credentials: the private configuration beside the user's own, the lasting login, leaks, roles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project

HELPER = """#!/bin/sh
# A credential helper that knows one other registry and keeps a list of what it was asked.
host=$(cat)
echo "$1 $host" >> "$HELPER_LOG"
[ "$1" = get ] || exit 0
echo '{"ServerURL": "'"$host"'", "Username": "wrong", "Secret": "wrong"}'
"""


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    made = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    made.environ["ECR_CREATE_REPOSITORY"] = "true"
    return made


@pytest.fixture
def own_config(app: Project, tmp_path: Path) -> Path:
    """A docker configuration of the user's own, beside the engine's plugins."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")
    app.environ["DOCKER_CONFIG"] = str(folder)
    return folder


@pytest.mark.parametrize("where", ["credsStore", "credHelpers"])
def test_a_push_needs_no_login_whatever_helpers_are_set(
    app: Project, own_config: Path, tmp_path: Path, local_ecr: LocalEcr, where: str
) -> None:
    """A helper that would give a wrong password for our host is not asked for it, and stays in place."""
    helper = tmp_path / "bin" / "docker-credential-test"
    helper.parent.mkdir()
    helper.write_text(HELPER, encoding="utf-8")
    helper.chmod(0o755)
    config = {"credsStore": "test"} if where == "credsStore" else {"credHelpers": {local_ecr.registry: "test"}}
    text = json.dumps({**config, "HttpHeaders": {"X-Mine": "1"}})
    (own_config / "config.json").write_text(text, encoding="utf-8")
    log = tmp_path / "asked"
    app.environ.update(PATH=f"{helper.parent}:{app.environ['PATH']}", HELPER_LOG=str(log))
    app.ok("build", "push", "pull")
    assert (own_config / "config.json").read_text("utf-8") == text
    asked = log.read_text("utf-8") if log.exists() else ""
    assert local_ecr.registry not in asked


def test_login_lasts_and_logout_ends_it(app: Project, own_config: Path, local_ecr: LocalEcr) -> None:
    reference = app.ok("build", "push").lines[0]
    docker(app.environ, "image", "rm", "--force", reference)
    assert docker(app.environ, "pull", reference, check=False).returncode != 0
    assert app.ok("login").out == ""
    docker(app.environ, "pull", reference)
    app.ok("logout")
    assert local_ecr.registry not in (own_config / "config.json").read_text("utf-8")


def test_no_secret_is_printed_or_passed(app: Project, own_config: Path) -> None:
    """Not even with Invoke's debugging on."""
    done = app.ok(
        "--debug", "build", "push", AWS_SECRET_ACCESS_KEY="not-for-eyes-1", AWS_SESSION_TOKEN="not-for-eyes-2"
    )
    assert "not-for-eyes" not in done.out + done.err + json.dumps(app.receipt)


def test_keys_in_a_dotenv_file_serve_and_stay(app: Project) -> None:
    """They reach the SDK and no build; a build that names one gets it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del app.environ[name]
    app.write(".env", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=not-for-eyes\n")
    dockerfile = (app.folder / "Dockerfile").read_text("utf-8")
    app.write(
        "Dockerfile",
        dockerfile + "RUN --mount=type=secret,id=AWS_SECRET_ACCESS_KEY ls /run/secrets > /seen || true\n",
    )
    app.commit()
    reference = app.ok("build", "push").lines[0]
    assert docker(app.environ, "run", "--rm", reference, "cat", "/seen", check=False).stdout == ""
    app.write("hello.txt", "a step that reads a secret runs again only when something else has changed\n")
    app.commit()
    reference = app.ok("build", "push", ECR_SECRETS="id=AWS_SECRET_ACCESS_KEY").lines[0]
    assert docker(app.environ, "run", "--rm", reference, "cat", "/seen").stdout == "AWS_SECRET_ACCESS_KEY\n"


def test_keys_that_git_tracks_are_refused(app: Project) -> None:
    app.write(".env", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=not-for-eyes\n")
    app.git("add", "--force", ".env")
    app.git("commit", "--quiet", "--message", "oh no")
    done = app.inv("build")
    assert done.code == 6
    assert ".gitignore" in done.err
    assert "not-for-eyes" not in done.err


def test_keys_that_the_context_would_carry_are_refused(app: Project) -> None:
    app.write(".env", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=not-for-eyes\n")
    app.write(".dockerignore", ".git\n")
    app.commit()
    done = app.inv("build")
    assert done.code == 6
    assert ".dockerignore" in done.err


def test_a_role_is_assumed(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("build", "push", ECR_ROLE_ARN=f"arn:aws:iam::{local_ecr.account}:role/ci")
    assert local_ecr.requests()["AssumeRole"] >= 1


def test_a_role_named_in_a_dotenv_file_is_asked_for_where_that_says(app: Project, local_ecr: LocalEcr) -> None:
    for name in list(app.environ):
        if name.startswith("AWS_"):
            del app.environ[name]
    role = f"ECR_ROLE_ARN=arn:aws:iam::{local_ecr.account}:role/ci"
    app.write(".env", "\n".join([role, *(f"{name}={text}" for name, text in local_ecr.environment().items())]))
    app.ok("build", "push")
    assert local_ecr.requests()["AssumeRole"] >= 1


def test_a_base_image_in_ecr_is_pulled_with_a_login_of_its_own(app: Project) -> None:
    base = app.ok("build", "push").lines[0]
    docker(app.environ, "image", "rm", "--force", base)
    docker(app.environ, "buildx", "prune", "--all", "--force")
    app.write("Dockerfile", f"FROM {base}\nRUN echo more > /more\n")
    app.commit()
    app.ok("build", "push")
