"""The list of tasks has one line for each on a terminal of 80 columns, and no line of a task's help is wider."""

from __future__ import annotations

import inspect

import pytest

from ecr_tasks.tasks.collection import ns
from tests.tasks.conftest import Project

LISTED = 53
"""What Invoke leaves for a description beside our longest name, also below a collection's name such as ``ecr``."""

HELP = 76
"""What it leaves of 80 columns for a line of --help TASK, which it does not wrap."""


@pytest.mark.parametrize("name", [*ns.task_names])
def test_a_tasks_help_fits_80_columns(name: str) -> None:
    first, *others = (inspect.getdoc(ns[name]) or "").splitlines()
    assert 0 < len(first) <= LISTED, first
    assert first.endswith(".")
    assert not others or others[0] == ""
    assert [line for line in others if len(line) > HELP] == []


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("name", ["export", "promote", "pull", "env", "ci.init", "ec2.user-data", "build"])
def test_help_may_follow_a_task_that_takes_a_word_by_position(project: Project, name: str, flag: str) -> None:
    result = project.inv(name, flag)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: inv [--core-opts] {name} ")
