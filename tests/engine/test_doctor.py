"""Tests of `doctor` with a real engine and the local ECR, in set-ups that are broken in several ways at once."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
OLD_BUILDX = """#!/bin/sh
case "$*" in
  docker-cli-plugin-metadata) echo '{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"v0.12.0"}' ;;
  *version*) echo 'github.com/docker/buildx v0.12.0 542e5d8' ;;
  *) exec @REAL@ "$@" ;;
esac
"""
KEYS = "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7ABCDEFG\nAWS_SECRET_ACCESS_KEY=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\n"
EXPIRED = {"payload": "x", "datakey": "y", "version": "2", "type": "DATA_KEY", "expiration": 1_500_000_000}


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    """Return a project from which a push would work, with a docker configuration of its own."""
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY . /app/\n")
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "cli-plugins").symlink_to(Path(engine["DOCKER_CONFIG"]) / "cli-plugins")
    app.environ["DOCKER_CONFIG"] = str(folder)
    return app


def doctor(app: Project, *options: str, **environ: str) -> tuple[int, dict[str, list[tuple[str, str]]], Any]:
    """Return the exit code, the state and text of what isn't fine by section, and the document."""
    result = app.inv("doctor", "--json", *options, **environ)
    document = json.loads(result.stdout)
    assert document["ok"] is (result.code == 0)
    assert "Traceback" not in result.stderr
    found: dict[str, list[tuple[str, str]]] = {}
    for check in document["checks"]:
        assert check.keys() == {"section", "name", "state", "text", "remedy", "fixable"}
        if check["state"] != "fine":
            found.setdefault(check["section"], []).append((check["state"], check["text"]))
            assert check["remedy"] or check["state"] == "unknown"
    return result.code, found, document


def login(ends: dict[str, Any]) -> dict[str, str]:
    password = base64.b64encode(json.dumps(ends).encode()).decode()
    return {"auth": base64.b64encode(f"AWS:{password}".encode()).decode()}


def test_doctor_is_content_where_a_push_works(app: Project, local_ecr: LocalEcr) -> None:
    code, found, _ = doctor(app)
    assert code == 0
    assert found.keys() == {"Permissions"}  # a layer's upload is not tried
    before = local_ecr.requests().get("CreateRepository")
    app.ok("build", "push")
    assert before is None
    page = app.ok("doctor")
    assert "A push would work" in page.stdout
    assert page.stderr == ""


def test_every_cause_of_a_set_up_that_is_broken_in_many_ways_is_named(app: Project, tmp_path: Path) -> None:
    config = Path(app.environ["DOCKER_CONFIG"]) / "config.json"
    config.write_text(json.dumps({"auths": {HOST: login(EXPIRED)}, "credsStore": "nowhere"}))
    app.write("Dockerfile", "FROM example.invalid/base:1\nRUN true\n")
    app.write("deploy.env", KEYS)
    app.git("add", "--force", "deploy.env")
    app.commit()
    code, found, document = doctor(
        app, ECR_PLATFORMS="linux/riscv64", AWS_ACCOUNT_ID="210987654321", TMPDIR=str(tmp_path / "nowhere")
    )
    assert code == 3
    words = {
        "Docker": "linux/riscv64",
        "Disk": "can't be written to",
        "AWS": "AWS_ACCOUNT_ID is 210987654321, but the credentials belong to account",
        "Logins": "beside the credential helper nowhere",
        "Repository": "does not let us in",
        "Secrets": "deploy.env holds AWS_ACCESS_KEY_ID",
        "Build": "example.invalid",
    }
    for section, text in words.items():
        assert any(text in line for _, line in found[section]), (section, found.get(section))
    assert (
        "warning",
        f"{config} names docker-credential-nowhere (credsStore), which is not installed.",
    ) not in found["Logins"]  # it is in the way of the base image
    assert any(state == "wrong" and "docker-credential-nowhere" in text for state, text in found["Logins"])
    fixable = {check["section"] for check in document["checks"] if check["fixable"]}
    assert fixable == {"Logins", "Secrets"}


def test_fix_mends_what_is_safe_and_says_so(app: Project) -> None:
    config = Path(app.environ["DOCKER_CONFIG"]) / "config.json"
    before = json.dumps({"auths": {HOST: login(EXPIRED)}})
    config.write_text(before)
    app.write(".env.local", KEYS)
    app.write(".dockerignore", ".git\n")
    code, found, document = doctor(app, "--fix")
    assert code == 0
    assert set(found) == {"Permissions"}
    assert len(document["fixed"]) == 2
    assert json.loads(config.read_text()) == {"auths": {}}
    (copy,) = config.parent.glob("config.json.*")
    assert copy.read_text() == before
    assert ".env.local" in (app.folder / ".dockerignore").read_text().splitlines()
    dry = app.inv("--dry", "doctor", "--fix")
    assert "fix:" not in dry.stderr  # there is nothing left to mend


def test_a_missing_repository_and_a_locked_tag_are_named(app: Project, local_ecr: LocalEcr) -> None:
    code, found, _ = doctor(app, ECR_CREATE_REPOSITORY="false")
    assert code == 5
    assert "does not exist" in found["Repository"][0][1]
    app.ok("build", "push", ECR_MUTABILITY="immutable")
    app.write("hello.txt", "another\n")
    app.commit()
    code, found, _ = doctor(app)
    assert code == 6
    assert found["Repository"][0][0] == "wrong"
    assert "main" in found["Repository"][0][1]


def test_an_old_buildx_is_named(app: Project, tmp_path: Path, engine: dict[str, str]) -> None:
    plugins = Path(engine["DOCKER_CONFIG"]) / "cli-plugins"
    system = Path("/usr/libexec/docker/cli-plugins")
    real = next(str(path / "docker-buildx") for path in (plugins, system) if (path / "docker-buildx").exists())
    folder = Path(app.environ["DOCKER_CONFIG"])
    (folder / "cli-plugins").unlink()
    (folder / "cli-plugins").mkdir()
    plugin = folder / "cli-plugins" / "docker-buildx"
    plugin.write_text(OLD_BUILDX.replace("@REAL@", real))
    plugin.chmod(0o755)
    code, found, _ = doctor(app)
    assert code == 3
    assert "buildx 0.12.0 is too old" in found["Docker"][0][1]


@pytest.fixture
def hanging_socket(tmp_path: Path) -> Iterator[str]:
    """Return the address of an engine that takes connections and says nothing."""
    path = Path("/tmp") / f"ecr-tasks-test-{os.getpid()}.sock"  # noqa: S108 - a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(50)
        yield f"unix://{path}"
    path.unlink()


def test_an_engine_that_hangs_hides_nothing_else(app: Project, hanging_socket: str) -> None:
    before = _children()
    code, found, document = doctor(app, DOCKER_HOST=hanging_socket)
    assert code == 3
    assert "there was no answer within" in found["Docker"][0][1]
    assert {check["section"] for check in document["checks"]} >= {"AWS", "Repository", "Secrets", "Build"}
    assert _children() <= before


def _children() -> set[str]:
    """Return the docker processes of this machine that nobody waits for."""
    output = subprocess.run(["ps", "-eo", "ppid=,args="], capture_output=True, text=True, check=True).stdout
    return {line for line in output.splitlines() if line.split()[0] == "1" and "ecr-tasks-test-" in line}


def test_no_git_no_settings_and_no_keys_are_said(tmp_path: Path, engine: dict[str, str]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "tasks.py").write_text("from ecr_tasks import ns\n\n__all__ = ['ns']\n")
    environ = {name: text for name, text in engine.items() if not name.startswith(("AWS_", "ECR_"))}
    result = subprocess.run(
        [sys.executable, "-m", "invoke", "doctor"],
        cwd=folder,
        env={**environ, "AWS_EC2_METADATA_DISABLED": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "No repository is configured." in result.stdout
    assert "No region is set." in result.stdout
    assert "There are no AWS credentials" in result.stdout


def test_what_a_build_would_fail_on_is_said_before_it(app: Project, tiny_base: str) -> None:
    app.write("base/Dockerfile", f"FROM {tiny_base}\n")
    app.write("Dockerfile", "FROM base\nCOPY hello.txt /\n")
    targets = 'target "app" {\n contexts = { base = "target:base" }\n}\ntarget "base" {\n context = "base"\n}\n'
    app.write("docker-bake.hcl", f'group "default" {{\n targets = ["app"]\n}}\n{targets}')
    app.environ |= {"ECR_BAKE_FILE": "docker-bake.hcl", "ECR_REPOSITORY_PREFIX": "team/"}
    app.name = ""
    app.commit()
    code, found, _ = doctor(app)
    assert (code, found.keys() & {"Build", "Docker"}) == (0, set())
    app.write("base/Dockerfile", f"FROM {tiny_base}\nCOPPY hello.txt /\n")
    app.commit()
    code, found, _ = doctor(app)
    assert code == 3
    assert found["Build"] == [("wrong", found["Build"][0][1])]
    assert "dockerfile parse error on line 2: unknown instruction: COPPY" in found["Build"][0][1]
    plan = app.inv("plan")
    assert plan.code == 6
    assert "unknown instruction: COPPY" in plan.stdout
