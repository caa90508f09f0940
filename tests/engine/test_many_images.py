"""Tests with a real engine: many images of one project, of which some fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project

NAMES = ["web", "base", "broken", "job", "needs-broken", "api"]


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str]) -> Iterator[Project]:
    """Return a project of six images, of which one fails, and one links to that."""
    with LocalEcr(tmp_path / "ecr") as ecr:
        environ = {**engine, **ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
        app = project(tmp_path / "app", environ, "")
        (app.folder / "Dockerfile").unlink()
        for name in NAMES:
            app.write(f"{name}/Dockerfile", f"FROM scratch\nCOPY hello.txt /{name}.txt\n")
            app.write(f"{name}/hello.txt", name)
        app.write("broken/Dockerfile", "FROM scratch\nCOPY missing.txt /\n")
        app.write("api/Dockerfile", "FROM base\nCOPY hello.txt /\n")
        app.write("needs-broken/Dockerfile", "FROM broken\nCOPY hello.txt /\n")
        target = {name: {"context": name} for name in NAMES}
        target["api"]["contexts"] = {"base": "target:base"}  # type: ignore[assignment]
        target["needs-broken"]["contexts"] = {"broken": "target:broken"}  # type: ignore[assignment]
        app.write("docker-bake.json", json.dumps({"group": {"default": {"targets": NAMES}}, "target": target}))
        app.commit()
        app.environ |= {"ECR_REPOSITORY_PREFIX": "team/"}
        app.name = ""
        yield app


def outcomes(app: Project) -> dict[str, str]:
    return {image["name"]: image["outcome"] for image in app.receipt["images"]}


def published(lines: list[str]) -> list[str]:
    return [line.partition("@")[0].rpartition("/")[2] for line in lines]


def test_the_others_are_published_and_a_second_run_does_the_rest(app: Project) -> None:
    result = app.inv("build", "push")
    assert result.code == 3
    assert published(result.lines) == ["web", "base", "job", "api"]  # the file's order
    assert outcomes(app) == {name: "failed" if name in ("broken", "needs-broken") else "published" for name in NAMES}
    assert "2 of 6 images failed (4 are published):" in result.stderr
    error = result.stderr.partition("2 of 6 images failed")[2]  # buildx names the target or the one that needs it
    assert all(f" {name}: " in error or f" {name}, " in error for name in ("broken", "needs-broken"))
    assert "missing.txt" in app.receipt["images"][2]["error"]["cause"]
    assert app.receipt["images"][2]["error"]["exit_code"] == 3

    again = app.inv("build", "push")
    assert (again.code, published(again.lines)) == (3, ["web", "base", "job", "api"])
    assert "api: built" not in again.stderr
    app.write("broken/missing.txt", "here")
    app.commit()
    done = app.ok("build", "push")
    assert published(done.lines) == NAMES
    assert set(outcomes(app).values()) == {"published"}


@pytest.mark.parametrize("words", [("build", "push", "--fail-fast"), ("build", "--fail-fast", "push")])
def test_fail_fast_stops_at_the_first(app: Project, words: tuple[str, ...]) -> None:
    result = app.inv(*words)
    assert (result.code, result.lines) == (3, [])
    assert "missing.txt" in result.stderr
    fails = ("broken", "needs-broken")  # buildx names the target or the one that needs it
    assert {outcomes(app)[name] for name in fails} <= {"failed", "not-begun"}
    assert {outcomes(app)[name] for name in NAMES if name not in fails} == {"not-begun"}
    assert "failed" in outcomes(app).values()
    alone = app.inv("build")
    assert alone.code == 3
    assert outcomes(app)["web"] == "built"
    assert outcomes(app)["broken"] == "failed"


def test_many_dockerfiles_are_read_at_once(app: Project) -> None:
    """BuildKit exports an outline as an empty image, which is the same for all: their exports would collide."""
    contents = {"dockerfile-inline": "FROM scratch\nCOPY hello.txt /\n", "context": "web"}
    targets = {f"image-{number}": {**contents, "args": {"NUMBER": str(number)}} for number in range(40)}
    app.write("docker-bake.json", json.dumps({"group": {"default": {"targets": [*targets]}}, "target": targets}))
    app.commit()
    shown = docker(app.environ, "image", "ls", "--filter", "dangling=true", "--format", "{{.ID}} {{.CreatedAt}}")
    for line in shown.stdout.splitlines():
        if " 1970-01-01 00:00:00 " in line:  # as on an engine that is new
            docker(app.environ, "image", "rm", line.split()[0], check=False)
    app.ok("plan")
