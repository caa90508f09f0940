"""A project folder under git, in which tests run the tasks as a user does."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.folder import NO_MAINTENANCE
from tests.support.inv import inv_program, run_inv

COMMIT_TIME = "2024-05-06T07:08:09+00:00"


@dataclass
class CommandResult:
    """The exit code and the output of a command line."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.stdout.splitlines()


@dataclass
class Project:
    """The folder of a project, and the environment of the commands that run in it."""

    folder: Path
    environ: dict[str, str]
    name: str = "team/app"
    settings: dict[str, str] = field(default_factory=dict)

    def inv(self, *arguments: str, **environ: str) -> CommandResult:
        """Run `inv …` without a terminal."""
        result = run_inv(arguments, self.folder, {**self.environ, "ECR_REPOSITORY": self.name, **environ})
        return CommandResult(result.returncode, result.stdout, result.stderr)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start `inv …` and return its process, whose output can be read while it runs."""
        return subprocess.Popen(
            [inv_program(self.environ), *arguments],
            cwd=self.folder,
            env={**self.environ, "ECR_REPOSITORY": self.name, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ok(self, *arguments: str, **environ: str) -> CommandResult:
        """Run `inv …` and check that it ends with exit code 0."""
        result = self.inv(*arguments, **environ)
        assert result.code == 0, result.stderr
        return result

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def git(self, *arguments: str, time: str = COMMIT_TIME) -> str:
        """Run git with a fixed identity and a fixed time, and return its output."""
        git_environment = {
            "GIT_AUTHOR_DATE": time,
            "GIT_COMMITTER_DATE": time,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **NO_MAINTENANCE,
        }
        identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid"]
        result = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.folder,
            env={**self.environ, **git_environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return result.stdout.strip()

    def commit(self, message: str = "change", time: str = COMMIT_TIME) -> str:
        """Commit all files and return the full id of the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message, time=time)
        return self.git("rev-parse", "HEAD")

    def patch_an_older_release(self) -> None:
        """Check out a commit of release 1.1.9, which is lower than the 1.2.3 that was published before."""
        self.git("checkout", "--quiet", "-b", "old")
        self.write("hello.txt", "a patch of an old line\n")
        self.commit()
        self.git("tag", "-d", "v1.2.3")
        self.git("tag", "v1.1.9")

    @property
    def receipt(self) -> dict[str, Any]:
        """The JSON document of the receipt."""
        document: dict[str, Any] = json.loads((self.folder / ".ecr-tasks" / "receipt.json").read_text("utf-8"))
        return document


def project(folder: Path, environ: Mapping[str, str], dockerfile: str) -> Project:
    """Create a project with one commit on branch main and the tasks.py of the README."""
    # Tests share an engine: one must not remove what another has built (test_local_names.py has names of its own).
    project = Project(folder, {"ECR_KEEP_LOCAL": "all", **environ})
    project.write("tasks.py", 'from ecr_tasks import ns\n\n__all__ = ["ns"]\n')
    project.write("Dockerfile", dockerfile)
    project.write(".gitignore", ".env\n.env.*\n.ecr-tasks/\n__pycache__/\n")
    project.write(".dockerignore", ".git\n.env\n.env.*\n.ecr-tasks\n__pycache__\n")
    project.write("hello.txt", "hello\n")
    project.git("init", "--quiet", "--template=", "--initial-branch=main")
    # Nor have one commit with it, and with that one tag and one image.
    project.commit(f"first of {folder}")
    return project
