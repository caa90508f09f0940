"""No program that we start gets a secret in its arguments, and no failing build shows one, with a real docker."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.engine.project import Project, project

SETTINGS = """ECR_BUILD_ARGS="PLAIN=zq1m4rk3r1
API_TOKEN=zq2m4rk3r2
BASE={base}"
ECR_BUILD_CONTEXTS=extra=https://user:zq3m4rk3r3@127.0.0.1:9/x.git
ECR_SECRETS=id=npm,env=BUILD_SECRET
BUILD_SECRET=zq4m4rk3r4
AWS_SESSION_TOKEN=zq5m4rk3r5zq5m4rk3r5zq5m4rk3r5
"""
MARKER = "m4rk3r"

RECORDER = """#!{python}
import os, sys
with open({log!r}, "ab") as log:
    log.write(b" ".join(map(os.fsencode, sys.argv)) + b"\\n")
os.execv({program!r}, [{program!r}, *sys.argv[1:]])
"""

ENDINGS = {
    "success": "ARG BASE\nFROM $BASE\nARG PLAIN\nARG API_TOKEN\nRUN true\n",
    "a step that prints them": "ARG BASE\nFROM $BASE\nARG PLAIN\nARG API_TOKEN\nRUN echo $PLAIN $API_TOKEN; exit 7\n",
    "a secret that is printed": "ARG BASE\nFROM $BASE\nRUN --mount=type=secret,id=npm cat /run/secrets/npm; exit 7\n",
    "a base image": "ARG PLAIN\nFROM zq.invalid/$PLAIN\n",
    "a base image by default": "ARG TAG_TOKEN=zq6m4rk3r6\nFROM zq.invalid/a:$TAG_TOKEN\n",
    "a file": "ARG BASE\nFROM $BASE\nARG PLAIN\nCOPY $PLAIN /\n",
    "a context": "ARG BASE\nFROM $BASE\nCOPY --from=extra / /\n",
}


@pytest.fixture
def recorded(engine: dict[str, str], tiny_base: str, tmp_path: Path) -> tuple[Project, Path]:
    """Return a project whose docker, buildx and git record their arguments, and the record."""
    log, folder, config = tmp_path / "log", tmp_path / "bin", tmp_path / "config"
    (config / "cli-plugins").mkdir(parents=True)
    folder.mkdir()
    user_plugins = Path(engine["DOCKER_CONFIG"], "cli-plugins")
    plugins = (user_plugins, *(Path(p, "docker/cli-plugins") for p in ("/usr/local/lib", "/usr/lib", "/usr/libexec")))
    buildx = next(plugin / "docker-buildx" for plugin in plugins if (plugin / "docker-buildx").is_file())
    programs = {folder / name: shutil.which(name, path=engine["PATH"]) for name in ("docker", "git")}
    for recorder, program in (*programs.items(), (config / "cli-plugins" / "docker-buildx", str(buildx.resolve()))):
        recorder.write_text(RECORDER.format(python=sys.executable, log=str(log), program=program), encoding="utf-8")
        recorder.chmod(0o755)
    environ = engine | {"PATH": f"{folder}:{engine['PATH']}", "DOCKER_CONFIG": str(config)}
    made = project(tmp_path / "project", environ, "")
    made.write(".env", SETTINGS.format(base=tiny_base))
    return made, log


@pytest.mark.parametrize("skip", ["commit", "content"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_no_argument_and_no_output_has_a_secret(recorded: tuple[Project, Path], ending: str, skip: str) -> None:
    made, log = recorded
    made.write("Dockerfile", ENDINGS[ending])
    made.commit()
    variables = {"ECR_SKIP": skip, "ECR_DEBUG": "1", "CI": "true", "AWS_REGION": "eu-central-1"}
    result = made.inv("-d", "-e", "build", **variables)
    assert result.code == (0 if ending == "success" else 3), result.stderr
    arguments = log.read_text(encoding="utf-8")
    assert "bake" in arguments
    assert MARKER not in arguments
    assert MARKER not in result.stdout + result.stderr
    for file in (made.folder / ".ecr-tasks").rglob("*"):
        assert file.is_dir() or MARKER not in file.read_text(encoding="utf-8")
