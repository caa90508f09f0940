"""An argument by position, which may be left out, does not take another task's name."""

from __future__ import annotations

import pytest

from ecr_tasks.runner.optional_position import has_value_by_position

TASKS = ("pull", "ecr.pull", "deploy", "build", "local")
TAKES_VALUE = {"--image": True, "--platform": True, "--json": False}


@pytest.mark.parametrize(
    ("line", "by_position"),
    [
        ("pull", False),
        ("pull 1.2.3", True),
        ("ecr.pull main", True),
        ("pull deploy", False),
        ("pull deploy 1.2.3", False),
        ("local pull main deploy", True),
        ("pull --platform linux/amd64 1.2.3", True),
        ("pull --platform linux/amd64 deploy", False),
        ("pull --platform=linux/amd64 1.2.3", True),
        ("pull --json main", True),
        ("pull --image main", False),
        ("pull --image pull", False),
        ("build --pull main", False),
        ("deploy main pull", False),
    ],
)
def test_only_a_word_that_is_no_task_is_a_value(line: str, by_position: bool) -> None:
    assert has_value_by_position(line.split(), "pull", TAKES_VALUE, TASKS) is by_position


@pytest.mark.parametrize(
    ("line", "by_position"),
    [
        ("deploy build", False),
        ("deploy build main", True),
        ("deploy build pull", False),
        ("deploy --image x build main", True),
        ("deploy build --image x", False),
        ("pull main deploy build", False),
    ],
)
def test_the_values_of_required_arguments_come_before_it(line: str, by_position: bool) -> None:
    assert has_value_by_position(line.split(), "deploy", TAKES_VALUE, TASKS, required=1) is by_position
