"""Tests of credentials with a real engine: docker's configuration, login, leaked keys and roles."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker, forget_step
from tests.engine.project import Project, project
from tests.support.keys import DOTENV, SECRET

CREDENTIAL_HELPER = """#!/bin/sh
# A credential helper that knows one other registry and keeps a list of what it was asked.
host=$(cat)
echo "$1 $host" >> "$HELPER_LOG"
[ "$1" = get ] || exit 0
echo '{"ServerURL": "'"$host"'", "Username": "wrong", "Secret": "wrong"}'
"""


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    return app


@pytest.fixture
def own_config(app: Project, tmp_path: Path) -> Path:
    """Return the folder of an empty docker configuration of the user, with the plugins of the engine."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")
    app.environ["DOCKER_CONFIG"] = str(folder)
    return folder


@pytest.mark.parametrize("where", ["credsStore", "credHelpers"])
def test_a_push_needs_no_login_with_any_credential_helper(
    app: Project, own_config: Path, tmp_path: Path, local_ecr: LocalEcr, where: str
) -> None:
    """A helper with a wrong password for our registry is not called for it, and stays in the configuration."""
    helper = tmp_path / "bin" / "docker-credential-test"
    helper.parent.mkdir()
    helper.write_text(CREDENTIAL_HELPER, encoding="utf-8")
    helper.chmod(0o755)
    config = {"credsStore": "test"} if where == "credsStore" else {"credHelpers": {local_ecr.registry: "test"}}
    text = json.dumps({**config, "HttpHeaders": {"X-Mine": "1"}})
    (own_config / "config.json").write_text(text, encoding="utf-8")
    log = tmp_path / "asked"
    app.environ.update(PATH=f"{helper.parent}:{app.environ['PATH']}", HELPER_LOG=str(log))
    app.ok("build", "push", "pull")
    assert (own_config / "config.json").read_text("utf-8") == text
    helper_log = log.read_text("utf-8") if log.exists() else ""
    assert local_ecr.registry not in helper_log


def test_a_login_lasts_until_logout(app: Project, own_config: Path, local_ecr: LocalEcr) -> None:
    reference = app.ok("build", "push").lines[0]
    docker(app.environ, "image", "rm", "--force", reference)
    assert docker(app.environ, "pull", reference, check=False).returncode != 0
    assert app.ok("login").stdout == ""
    docker(app.environ, "pull", reference)
    app.ok("logout")
    assert local_ecr.registry not in (own_config / "config.json").read_text("utf-8")


def test_no_secret_is_printed_or_passed(app: Project, own_config: Path) -> None:
    """Also with Invoke's debug output."""
    result = app.ok(
        "--debug", "build", "push", AWS_SECRET_ACCESS_KEY="not-for-eyes-1", AWS_SESSION_TOKEN="not-for-eyes-2"
    )
    assert "not-for-eyes" not in result.stdout + result.stderr + json.dumps(app.receipt)


def test_keys_in_a_dotenv_file_reach_the_sdk_and_not_the_build(app: Project) -> None:
    """A build gets a key only if ECR_SECRETS names it."""
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
    app.write(".env", DOTENV)
    app.git("add", "--force", ".env")
    app.git("commit", "--quiet", "--message", "oh no")
    result = app.inv("build")
    assert result.code == 6
    assert ".gitignore" in result.stderr
    assert SECRET not in result.stderr


def test_keys_in_the_build_context_are_refused(app: Project) -> None:
    app.write(".env", DOTENV)
    app.write(".dockerignore", ".git\n")
    app.commit()
    result = app.inv("build")
    assert result.code == 6
    assert ".dockerignore" in result.stderr


def test_a_role_is_assumed(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("build", "push", ECR_ROLE_ARN=f"arn:aws:iam::{local_ecr.account}:role/ci")
    assert local_ecr.requests()["AssumeRole"] >= 1


def test_a_role_in_a_dotenv_file_is_assumed_at_the_endpoint_of_that_file(app: Project, local_ecr: LocalEcr) -> None:
    for name in list(app.environ):
        if name.startswith("AWS_"):
            del app.environ[name]
    role = f"ECR_ROLE_ARN=arn:aws:iam::{local_ecr.account}:role/ci"
    app.write(".env", "\n".join([role, *(f"{name}={text}" for name, text in local_ecr.environment().items())]))
    app.ok("build", "push")
    assert local_ecr.requests()["AssumeRole"] >= 1


def test_two_runs_at_once_push_each_with_its_own_token(app: Project, own_config: Path, local_ecr: LocalEcr) -> None:
    """A token of one region is refused in the other; both runs have one docker configuration and one project."""
    runs = []
    for region in ("us-east-1", "eu-west-3"):
        regions = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        runs.append(app.start("build", "push", ECR_REPOSITORY=f"team/{region}", **regions))
    outputs = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    for region in ("us-east-1", "eu-west-3"):
        assert local_ecr.requests(region=region)["PutImage"] + local_ecr.requests(region=region)["PUT manifest"] >= 1
    assert not (own_config / "config.json").exists()


def test_a_base_image_in_ecr_is_pulled_with_a_login_of_its_own(app: Project, tiny_base: str) -> None:
    copy = f"COPY hello.txt /{uuid.uuid4()}"
    app.write("Dockerfile", f"FROM {tiny_base}\n{copy}\n")
    app.commit()
    base = app.ok("build", "push").lines[0]
    docker(app.environ, "image", "rm", "--force", base)
    forget_step(app.environ, f"[2/2] {copy}")
    app.write("Dockerfile", f"FROM {base}\nRUN echo more > /more\n")
    app.commit()
    app.ok("build", "push")
