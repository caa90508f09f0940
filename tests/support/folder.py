"""A project's folder, for tests that write files and run git in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}
NO_MAINTENANCE = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "maintenance.auto", "GIT_CONFIG_VALUE_0": "false"}
"""Saves the program that every commit starts to look whether the repository has become large."""


class Folder:
    """A folder in which a test writes files and runs git."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        """Write a file and return its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def git(self, *arguments: str) -> str:
        """Run git in the folder, check that it succeeds, and return its output."""
        environ = {**os.environ, **IDENTITY, **NO_MAINTENANCE, "GIT_CONFIG_NOSYSTEM": "1"}
        result = subprocess.run(
            ["git", *arguments], cwd=self.path, env=environ, check=True, capture_output=True, text=True
        )
        return result.stdout.strip()
