"""A user's project in a folder of its own, with git, and the tasks run in it as a user would type them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INV = (sys.executable, "-m", "invoke")
COMMIT_TIME = "2024-05-06T07:08:09+00:00"


@dataclass
class Done:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Project:
    """The folder and the environment that its commands get."""

    folder: Path
    environ: dict[str, str]
    name: str = "team/app"
    settings: dict[str, str] = field(default_factory=dict)

    def inv(self, *arguments: str, **environ: str) -> Done:
        """Runs `inv …` without a terminal."""
        done = subprocess.run(
            [*INV, *arguments],
            cwd=self.folder,
            env={**self.environ, "ECR_REPOSITORY": self.name, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Runs `inv …` and leaves it running; what it says can be read meanwhile."""
        return subprocess.Popen(
            [*INV, *arguments],
            cwd=self.folder,
            env={**self.environ, "ECR_REPOSITORY": self.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ok(self, *arguments: str, **environ: str) -> Done:
        """The same, and it must end well."""
        done = self.inv(*arguments, **environ)
        assert done.code == 0, done.err
        return done

    def write(self, name: str, text: str) -> Path:
        """Writes a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def git(self, *arguments: str) -> str:
        """Runs git, with an identity and times that are always the same."""
        identity = {
            "GIT_AUTHOR_DATE": COMMIT_TIME,
            "GIT_COMMITTER_DATE": COMMIT_TIME,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid"]
        done = subprocess.run(
            ["git", *who, *arguments],
            cwd=self.folder,
            env={**self.environ, **identity},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str = "change") -> str:
        """Commits everything; gives the full id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def patch_an_older_release(self) -> None:
        """Checks out a commit whose release, 1.1.9, is lower than the 1.2.3 that was tagged here before."""
        self.git("checkout", "--quiet", "-b", "old")
        self.write("hello.txt", "a patch of an old line\n")
        self.commit()
        self.git("tag", "-d", "v1.2.3")
        self.git("tag", "v1.1.9")

    @property
    def receipt(self) -> dict[str, Any]:
        """The receipt, parsed."""
        found: dict[str, Any] = json.loads((self.folder / ".ecr-tasks" / "receipt.json").read_text("utf-8"))
        return found


def project(folder: Path, environ: Mapping[str, str], dockerfile: str) -> Project:
    """A committed project on branch main, whose tasks.py has the README's three lines."""
    made = Project(folder, dict(environ))
    made.write("tasks.py", 'from ecr_tasks import ns\n\n__all__ = ["ns"]\n')
    made.write("Dockerfile", dockerfile)
    made.write(".gitignore", ".env\n.env.*\n.ecr-tasks/\n__pycache__/\n")
    made.write(".dockerignore", ".git\n.env\n.env.*\n.ecr-tasks\n__pycache__\n")
    made.write("hello.txt", "hello\n")
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("first")
    return made
