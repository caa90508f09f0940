"""Real git repositories in temporary folders, untouched by the machine's own git configuration."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecr_tasks.source.read import read
from ecr_tasks.source.source_state import SourceState

COMMIT_TIME = "2024-05-06T07:08:09+02:00"


@dataclass(frozen=True)
class Repo:
    """A work tree, and the environment in which git is started."""

    path: Path
    environ: Mapping[str, str]

    def git(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """Run git here; it must succeed. Return its output."""
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**self.environ, **(environ or {})},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, name: str, content: str = "content\n") -> Path:
        """Write a file of the work tree."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def commit(self, name: str = "file", content: str = "content\n") -> str:
        """Write and commit one file; return the commit's id."""
        self.write(name, content)
        self.git("add", "--force", "--", name)
        self.git("commit", "--quiet", "--message", f"Change {name}")
        return self.git("rev-parse", "HEAD")

    def clone(self, name: str, *options: str) -> Repo:
        """Make a clone beside this one, over git's own transport."""
        target = self.path.parent / name
        self.git("clone", "--quiet", *options, self.path.as_uri(), str(target))
        return Repo(target, self.environ)

    def read(self, folder: str = ".", **environ: str) -> SourceState:
        """Read its state with the code under test."""
        return read(self.path / folder, environ={**self.environ, **environ})


@pytest.fixture
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which git has only the configuration of the test."""
    home = tmp_path_factory.mktemp("home")
    configuration = home / "gitconfig"
    # The second saves the program that every commit starts to look whether the repository has become large.
    text = "[init]\n\tdefaultBranch = main\n[maintenance]\n\tauto = false\n"
    configuration.write_text(text, encoding="utf-8")
    who = {"NAME": "A Committer", "EMAIL": "committer@example.com", "DATE": COMMIT_TIME}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(configuration),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_AUTHOR_{key}": value for key, value in who.items()},
        **{f"GIT_COMMITTER_{key}": value for key, value in who.items()},
    }


@pytest.fixture
def empty(tmp_path: Path, environ: dict[str, str]) -> Repo:
    """A repository before its first commit."""
    path = tmp_path / "repo"
    path.mkdir()
    repo = Repo(path, environ)
    repo.git("init", "--quiet", "--template=")
    return repo


@pytest.fixture
def repo(empty: Repo) -> Repo:
    """A repository with one commit on main."""
    empty.commit()
    return empty
