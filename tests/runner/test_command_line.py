"""Tests of reading the command line: what Invoke would drop is refused."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.command_line import check_repetitions


@pytest.mark.parametrize(
    "line",
    [
        "env a build push env b build push",
        "build push local build push",
        "local build push env prod push",
        "ecr.env a ecr.push ecr.env b ecr.push",
    ],
)
def test_a_task_that_is_repeated_with_other_settings_is_refused(line: str) -> None:
    with pytest.raises(SettingsError, match="Invoke runs a task only once") as caught:
        check_repetitions(line.split())
    assert caught.value.remedy.startswith("Run two command lines, the second one from ")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "env prod local build push",
        "local env prod build push",
        "build push env prod plan",
        "env push push",
        "promote v1 --tag push env prod push",
        "push env push",
        "build build",
    ],
)
def test_any_other_command_line_is_taken(line: str) -> None:
    check_repetitions(line.split())
