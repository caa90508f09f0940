"""Older local names are removed from both kinds of image store, but none that a container uses or a user gave."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import docker
from tests.engine.project import Project, project


@pytest.fixture(params=["engine", "classic_engine"])
def app(tmp_path: Path, request: pytest.FixtureRequest, tiny_base: str) -> Iterator[Project]:
    environ: dict[str, str] = request.getfixturevalue(request.param)
    base = request.getfixturevalue("classic_tiny_base") if request.param == "classic_engine" else tiny_base
    text = f"FROM {base}\nCOPY hello.txt /\nCMD sleep 600\n"
    made = project(tmp_path / "app", environ, text)
    made.name = f"keep/{secrets.token_hex(4)}"  # nobody else's: tests share the engine
    yield made
    docker(
        made.environ, "rm", "--force", f"{made.name.replace('/', '-')}-runs", f"{made.name.replace('/', '-')}-ended"
    )
    names = docker(made.environ, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", made.name).stdout.split()
    docker(made.environ, "image", "rm", *names)


def build(app: Project, text: str) -> tuple[str, str]:
    """Build a new commit; returns its local name and what the run said."""
    app.write("hello.txt", text)
    revision = app.commit()
    said = app.ok("build", ECR_KEEP_LOCAL="1").stderr
    return f"{app.name}:sha-{revision[:7]}", said


def test_names_of_older_commits_go(app: Project) -> None:
    container = app.name.replace("/", "-")
    runs, said = build(app, "runs")
    assert "ECR_KEEP_LOCAL" not in said
    docker(app.environ, "run", "--detach", "--name", f"{container}-runs", runs, "sleep", "600")
    ended, said = build(app, "ended")
    docker(app.environ, "create", "--name", f"{container}-ended", ended)
    named, said = build(app, "named")
    docker(app.environ, "tag", named, f"{app.name}:mine")
    last, said = build(app, "last")
    assert f"{app.name}: removed 1 older local name (ECR_KEEP_LOCAL=1)" in said
    listed = docker(app.environ, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", app.name).stdout.split()
    assert sorted(listed) == sorted([runs, ended, last, f"{app.name}:mine", f"{app.name}:main"])
    again, said = build(app, "again")
    assert ("removed 1 older local name" in said, again != last) == (True, True)
