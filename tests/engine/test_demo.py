"""The demo, as a newcomer runs it: twice, since the second run must find everything in place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import CHECKOUT, USERS, docker


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The user's environment with a local ECR of its own, which ends with the test."""
    environ = {**USERS, "XDG_DATA_HOME": str(tmp_path / "data")}
    yield environ
    subprocess.run(
        [Path(sys.executable).with_name("inv"), "local.down"],
        cwd=CHECKOUT / "example",
        env=environ,
        capture_output=True,
        check=True,
    )


def demo(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [CHECKOUT / "script/demo"],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_demo(engine: dict[str, str], newcomer: dict[str, str]) -> None:
    first, second = demo(newcomer), demo(newcomer)
    pushed, pulled = first.stdout.splitlines()
    assert pushed == pulled
    assert "/example@sha256:" in pushed
    assert '{"slug": "hello-ecr"}' in first.stderr
    assert second.stdout == first.stdout, "the same source is the same image"
    assert docker(engine, "ps", "--all", "--quiet", "--filter", f"ancestor={pushed}").stdout == ""
    docker(engine, "image", "rm", "--force", pushed)
