"""Older local names are removed, with a line; an engine that doesn't answer is no error."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.execute.tidy_local_names import tidy_local_names
from tests.plan.test_local_names import IMAGES
from tests.support.fakes.docker import FakeDocker
from tests.support.fakes.registry import FakeRegistry


@pytest.fixture
def docker() -> FakeDocker:
    docker = FakeDocker(FakeRegistry())
    docker.local = list(IMAGES)
    return docker


def test_a_line_says_how_many_are_removed(docker: FakeDocker) -> None:
    said: list[str] = []
    tidy_local_names(["team/app", "team/app", "other"], 3, docker, said.append)
    assert said == ["team/app: removed 14 older local names (ECR_KEEP_LOCAL=3)"]
    assert len(docker.calls.named("remove_names")[0]) == 1 + 14


def test_a_build_that_another_push_is_to_come_for_stays(docker: FakeDocker) -> None:
    said: list[str] = []
    tidy_local_names(["team/app"], 3, docker, said.append, others={"sha256:0", "sha256:6"})
    assert said == ["team/app: removed 10 older local names (ECR_KEEP_LOCAL=3)"]


def test_all_keeps_them_without_a_look(docker: FakeDocker) -> None:
    tidy_local_names(["team/app"], None, docker, pytest.fail)
    assert docker.calls.named("local_names") == []


def test_an_engine_that_does_not_answer_is_said(docker: FakeDocker) -> None:
    class Gone(FakeDocker):
        def local_names(self, repository: str) -> Sequence[str]:
            raise BuildError("The engine is gone.", "Start it.")

    said: list[str] = []
    tidy_local_names(["team/app"], 3, Gone(FakeRegistry()), said.append)
    assert said == ["team/app: older local names are not removed: The engine is gone."]
