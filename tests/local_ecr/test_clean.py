"""What script/clean removes and what it leaves, in a small checkout, with a local ECR that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from ecr_tasks.local_ecr import background

CHECKOUT = Path(__file__).parents[2]
KEPT = (".env", "examples/service/.env", "README.md", ".venv.mine/file")
REMOVED = (".venv/bin/inv", ".mypy_cache/file", "dist/file", "examples/service/.ecr-tasks/receipt.json")


@pytest.fixture
def checkout(tmp_path: Path, no_docker: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scripts and the local ECR in a folder with all sorts of files, where no docker works."""
    folder = tmp_path / "checkout"
    shutil.copytree(CHECKOUT / "script", folder / "script")
    shutil.copytree(CHECKOUT / "ecr_tasks/local_ecr", folder / "ecr_tasks/local_ecr")
    for name in (*KEPT, *REMOVED, "tests/x", "bench/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.setenv("PATH", f"{no_docker}{os.pathsep}{os.environ['PATH']}")
    cached = Path(os.environ["XDG_CACHE_HOME"]) / "ecr-tasks/bases/busybox.tar"
    cached.parent.mkdir(parents=True)
    cached.touch()
    return folder


@pytest.fixture
def local_ecr() -> Iterator[Path]:
    """The user's local ECR, running, with the repositories of the examples."""
    root = background.default_root()
    background.up(root)
    create("example", "example/api")
    yield root
    background.down(root)


def create(*names: str) -> None:
    endpoint = background.status(background.default_root()).endpoint
    client = boto3.client(
        "ecr", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    for name in names:
        client.create_repository(repositoryName=name)


def clean(checkout: Path, *arguments: str, code: int = 0) -> str:
    """Run it without a terminal and return what it says."""
    command = [str(checkout / "script/clean"), *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


def test_without_a_terminal_it_shows_what_there_is_and_removes_nothing(checkout: Path, local_ecr: Path) -> None:
    shown = clean(checkout, code=2)
    for path in (checkout / ".venv", checkout / "dist", local_ecr, Path(os.environ["XDG_CACHE_HOME"]) / "ecr-tasks"):
        assert str(path).replace(os.environ["HOME"] + "/", "~/") in shown.replace(os.environ["HOME"] + "/", "~/")
        assert path.exists()
    assert "script/clean --yes removes it" in shown
    assert background.status(local_ecr).running


def test_it_removes_what_is_ours_and_stops_what_runs(checkout: Path, local_ecr: Path) -> None:
    clean(checkout, "--yes")
    assert [name for name in REMOVED if (checkout / name).exists()] == []
    assert [name for name in KEPT if not (checkout / name).exists()] == []
    assert not local_ecr.exists()
    assert not background.status(local_ecr).running
    assert not (Path(os.environ["XDG_CACHE_HOME"]) / "ecr-tasks").exists()
    assert "nothing to remove" in clean(checkout, "--yes")


def test_a_local_ecr_with_other_repositories_stays(checkout: Path, local_ecr: Path) -> None:
    create("team/app")
    shown = clean(checkout, "--yes")
    assert "stays, as it holds other repositories, too (team/app)" in shown
    assert background.status(local_ecr).running
