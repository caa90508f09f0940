"""Tests of script/demo, which also works a second time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import docker
from tests.support.scripts import CHECKOUT, USER_ENVIRONMENT


@pytest.fixture
def user_environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the user's environment with a local ECR of its own, which stops after the test."""
    environ = {**USER_ENVIRONMENT, "XDG_DATA_HOME": str(tmp_path / "data")}
    yield environ
    subprocess.run(
        [Path(sys.executable).with_name("inv"), "local.down"],
        cwd=CHECKOUT / "examples/service",
        env=environ,
        capture_output=True,
        check=True,
    )


def run_demo(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the demo and return its result."""
    result = subprocess.run(
        [CHECKOUT / "script/demo"],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result


def test_a_second_run_of_the_demo_prints_the_same(engine: dict[str, str], user_environment: dict[str, str]) -> None:
    first, second = run_demo(user_environment), run_demo(user_environment)
    pushed, pulled = first.stdout.splitlines()
    assert pushed == pulled
    assert "/example@sha256:" in pushed
    assert first.stderr.startswith("This takes about "), "said before anything is done"
    assert '{"slug": "hello-ecr"}' in first.stderr
    assert second.stdout == first.stdout, "the same source is the same image"
    assert docker(engine, "ps", "--all", "--quiet", "--filter", f"ancestor={pushed}").stdout == ""
    docker(engine, "image", "rm", "--force", pushed)


def test_the_readmes_picture_can_be_recorded_anew(engine: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "demo.svg"
    environ = {**USER_ENVIRONMENT, "XDG_DATA_HOME": str(tmp_path / "data")}
    subprocess.run([CHECKOUT / "script/cast", file], env=environ, capture_output=True, check=True)
    shown = file.read_text("utf-8")
    assert "pushed sha-" in shown
    titles = [
        text.partition("<title>")[2].partition("</title>")[0]
        for text in (shown, (CHECKOUT / "docs/demo.svg").read_text("utf-8"))
    ]
    assert titles[0] == titles[1] != ""
