"""What the documentation tells people to type: tasks and settings that exist, in prose and tables as well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ecr_tasks
from ecr_tasks.settings.schema import TABLE
from tests.support.shell_blocks import CHECKOUT, pages

EVERY = pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(CHECKOUT).as_posix())
TASKS = {*ecr_tasks.ns.task_names, *ecr_tasks.ns.collections}
# Names of variables of ours that are no settings, and a wildcard's.
OTHER_NAMES = {"ECR_DEBUG", "ECR_ENV_FILE", "ECR_"}


@EVERY
def test_tasks_exist(path: Path) -> None:
    """`inv env prod build push`: what follows a word that is no task is its value, and options end the check."""
    text = path.read_text("utf-8")
    for command in re.findall(r"`(?:inv|ecr-tasks) ([^`]+)`", text):
        # In a larger tasks.py they are below a name.
        first = command.split()[0].rstrip(",;:").removeprefix("ecr.")
        if re.fullmatch(r"[a-z][a-z0-9.-]*", first):
            assert first in TASKS, command


@EVERY
def test_settings_exist(path: Path) -> None:
    for name in set(re.findall(r"\bECR_[A-Z_]*", path.read_text("utf-8"))):
        assert name in TABLE or name in OTHER_NAMES, name
