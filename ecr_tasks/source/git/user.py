"""The person that git knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.source.git.command import Git, NoRepositoryError, text


def git_user(folder: Path, environ: Mapping[str, str]) -> str | None:
    """Return git's user as ``Name <address>``, or what is set of both; None where nothing is, or without git."""
    try:
        git = Git.find(folder, environ)
        output = git.run("config", "--null", "--get-regexp", r"^user\.(name|email)$", exit_codes=(0, 1))
    except (EcrTasksError, NoRepositoryError):
        return None
    found = dict(item.split("\n", 1) for item in text(output).split("\0") if "\n" in item)  # the last one counts
    name, address = found.get("user.name", "").strip(), found.get("user.email", "").strip()
    return " ".join(filter(None, (name, f"<{address}>" if address else ""))) or None
