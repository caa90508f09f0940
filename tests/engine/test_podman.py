"""Tests of the real Podman in docker's place: it builds, pushes and is tidied, without any engine.

Podman looks for the programs that run containers before it does anything; builds without a RUN start none of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import auth
from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project
from tests.support.scripts import path_with_clients

STORAGE = """[storage]
driver = "vfs"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""
CONTAINERS = """[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
tmp_dir = "{folder}/tmp"
static_dir = "{folder}/static"
conmon_path = ["{folder}/conmon"]
runtime = "runc"
[engine.runtimes]
runc = ["{folder}/runc"]
"""


@pytest.fixture
def app(tmp_path: Path, local_ecr: LocalEcr) -> Project:
    """Return a project whose client is Podman, with a store of its own."""
    folder, home = tmp_path / "podman", tmp_path / "home"
    policy = home / ".config" / "containers" / "policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}', "utf-8")
    folder.mkdir()
    for name in ("conmon", "runc"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} version 2.1.6\n", "utf-8")
        (folder / name).chmod(0o755)
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder), "utf-8")
    (folder / "containers.conf").write_text(CONTAINERS.format(folder=folder), "utf-8")
    environ = {
        **local_ecr.environment(),
        "PATH": path_with_clients(os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])),
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "BUILDAH_ISOLATION": "chroot",
        "ECR_CLIENT": "podman",
        "ECR_CREATE_REPOSITORY": "true",
        "ECR_KEEP_LOCAL": "1",
    }
    return project(tmp_path / "app", environ, "FROM scratch\nARG TARGETARCH\nCOPY hello.txt /$TARGETARCH\n")


def local_names(app: Project) -> set[str]:
    """Return the names in Podman's store, without registries."""
    command = ["podman", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    listed = subprocess.run(command, env=app.environ, capture_output=True, text=True, check=True).stdout
    return {name.partition("/")[2] for name in listed.split() if "/" in name}


def test_a_token_that_ends_is_renewed_and_older_names_go(app: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    app.ok("build")
    first = app.git("rev-parse", "--short=7", "HEAD")
    check, refused = auth.Tokens.check_password, set[str]()

    def check_password(self: auth.Tokens, password: str) -> str:
        refused.add(password)
        if refused == {password}:
            raise auth.Denied(auth.EXPIRED, expired=True)
        return check(self, password)

    with monkeypatch.context() as patch:
        patch.setattr(auth.Tokens, "check_password", check_password)
        pushed = app.ok("push")
    assert "built before" in pushed.stderr
    assert "once more with a new token" in pushed.stderr
    assert pushed.lines == [app.receipt["images"][0]["published"][0]["reference"]]
    assert f"team/app:sha-{first}" in local_names(app)
    app.write("hello.txt", "more\n")
    app.commit()
    assert f"removed 2 older local names (ECR_KEEP_LOCAL=1): sha-{first}" in app.ok("build", "push").stderr
    second = app.git("rev-parse", "--short=7", "HEAD")
    assert local_names(app) == {f"team/app:sha-{second}", "team/app:main"}
    assert app.ok("pull").lines == [app.receipt["images"][0]["published"][0]["reference"]]


def test_a_name_that_is_not_utf8_is_built(app: Project) -> None:
    app.write("Dockerfile", "FROM scratch\nCOPY . /\n")
    folder = app.folder / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"\xe9")).touch()
    app.ok("build")


def test_a_run_for_each_platform_makes_one_image(app: Project) -> None:
    app.environ["ECR_PLATFORMS"] = "linux/amd64,linux/arm64"
    refused = app.inv("build", "push")
    assert refused.code == 3
    assert "podman, which lacks several platforms in one image" in refused.stderr
    assert "--only PLATFORM" in refused.stderr
    assert "ECR_BUILDER=multi" in app.inv("build", ECR_PLATFORMS="", ECR_BUILDER="multi").stderr
    assert app.ok("build", "push", ECR_NATIVE="true").lines == []
    own = app.receipt["images"][0]["platforms"]
    (other,) = {"linux/amd64", "linux/arm64"} - set(own)
    (reference,) = app.ok("build", "push", "--only", other).lines
    assert "linux/amd64" in (shown := app.ok("images", "--platforms").stdout)
    assert "linux/arm64" in shown
    assert reference.rpartition("@")[2] in shown
