"""The tasks.py of docs/own-tasks.md with a real engine and the local ECR."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project

PAGE = Path(__file__).parents[2] / "docs" / "own-tasks.md"


def python_blocks() -> list[str]:
    """Return the Python blocks of the page: the whole tasks.py, then the parts of others."""
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    dockerfile = f"FROM {tiny_base}\nCOPY hello.txt /hello.txt\nCOPY --chmod=755 test.sh /test.sh\n"
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    app.write("tasks.py", python_blocks()[0])
    app.write("test.sh", "#!/bin/sh\ngrep hello /hello.txt\n")
    app.commit()
    return app


def test_what_passed_its_test_in_a_container_is_pushed_and_handed_on(app: Project) -> None:
    result = app.ok("release", "deploy")
    *_, reference = result.lines
    assert "hello" in result.lines
    (image,) = app.receipt["images"]
    assert reference == image["published"][0]["reference"]
    assert image["local"]["digest"] == image["digest"], "it is the image that was built"
    assert (app.folder / "deployed.txt").read_text("utf-8") == f"team/app {reference}\n"
    assert docker(app.environ, "run", "--rm", reference, "cat", "/hello.txt").stdout == "hello\n"


def test_an_image_that_fails_its_test_is_not_pushed(app: Project) -> None:
    app.write("hello.txt", "broken\n")
    app.commit()
    result = app.inv("release")
    assert result.code == 1
    assert json.loads(app.ok("plan", "--json").stdout)["images"][0]["creates_repository"]


def test_the_values_are_typed(tmp_path: Path) -> None:
    """Invoke's own types take no decorated function in add_task, which is not ours to say."""
    whole, errors, _ = python_blocks()
    example = tmp_path / "tasks.py"
    example.write_text(re.sub(r"(?m)^ns\.add_task.*$", "", whole + errors), encoding="utf-8")
    example.write_text(example.read_text("utf-8") + "reveal_type(build)\nreveal_type(push)\n", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "mypy", str(example)],  # strict, and with the cache of the checks
        cwd=PAGE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "ecr_tasks.model.built_image.Build]" in result.stdout
    assert "ecr_tasks.model.publication.Publication]" in result.stdout
