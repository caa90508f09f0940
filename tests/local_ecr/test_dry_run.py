"""`inv --dry local …` where no local ECR runs: it is not started, and nobody else is asked in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.shell import Shell


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """Return the project with a Dockerfile, because a dry run ends with what is in the way of a build."""
    (shell.folder / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    return shell


@pytest.mark.parametrize(
    "words", ["repo.show", "repo.show --json", "pull", "pull --image 1.2.3", "login", "logout", "commands"]
)
def test_the_users_own_account_is_not_asked_instead(shell: Shell, ecr: LocalEcr, tmp_path: Path, words: str) -> None:
    before = ecr.requests()  # what the settings lead to, while another local ECR does not run
    done = shell.inv("--dry", "local", *words.split(), XDG_DATA_HOME=str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (5, "")
    assert "the local ECR does not run" in done.stderr
    assert ecr.requests() == before


@pytest.mark.parametrize("words", ["plan", "push", "images", "repo.ensure", "repo.delete", "promote a --tag b"])
def test_what_only_shows_ends_well(shell: Shell, ecr: LocalEcr, tmp_path: Path, words: str) -> None:
    before = ecr.requests()
    done = shell.inv("--dry", "local", *words.split(), XDG_DATA_HOME=str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    assert ecr.requests() == before
