"""Older local names are removed, with a line; an engine that doesn't answer is no error."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.execute.tidy_local_names import tidy_local_names
from tests.plan.test_local_names import IMAGES, planned
from tests.support.fakes.docker import FakeDocker
from tests.support.fakes.registry import FakeRegistry


@pytest.fixture
def docker() -> FakeDocker:
    docker = FakeDocker(FakeRegistry())
    docker.local = list(IMAGES)
    return docker


def test_a_line_says_what_is_removed(docker: FakeDocker) -> None:
    said: list[str] = []
    tidy_local_names([planned()], 3, docker, said.append, is_known=lambda commit: True)
    (line,) = said
    assert line == (
        "team/app: removed 14 older local names (ECR_KEEP_LOCAL=3): sha-0000000, sha-1111111, sha-2222222, "
        "sha-3333333 +3"
    )
    assert len(docker.calls.named("remove_names")[0]) == 1 + 14


def test_a_build_that_another_push_is_to_come_for_stays(docker: FakeDocker) -> None:
    said: list[str] = []
    waiting = {"sha256:0", "sha256:6"}
    tidy_local_names([planned()], 3, docker, said.append, is_known=lambda commit: True, others=waiting)
    assert said[0].startswith("team/app: removed 10 older local names (ECR_KEEP_LOCAL=3): sha-1111111, ")


def test_an_engine_that_does_not_answer_is_said(docker: FakeDocker) -> None:
    class Gone(FakeDocker):
        def local_names(self, repository: str) -> Sequence[str]:
            raise BuildError("The engine is gone.", "Start it.")

    said: list[str] = []
    tidy_local_names([planned()], 3, Gone(FakeRegistry()), said.append, is_known=lambda commit: True)
    assert said == ["team/app: older local names are not removed: The engine is gone."]
