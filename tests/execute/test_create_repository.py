"""Tests of execute/create_repository: many at once, of which some may be refused."""

from __future__ import annotations

import threading
from typing import Any, cast

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError
from ecr_tasks.execute.create_repository import create_missing
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.model.repository import DesiredRepository
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.snapshot import Snapshot
from tests.support.build import image, source

DENIED = AwsError("These credentials may not do ecr:CreateRepository.", "Ask for it.")


class Admin:
    """Creates repositories but for those of others, and notes how many are created at the same moment."""

    def __init__(self, expected: int) -> None:
        self.together = threading.Barrier(expected)
        self.created: list[str] = []

    @property
    def admin(self) -> Admin:
        return self

    def connect(self) -> None:
        self.together.reset()

    def create(self, name: str, desired: object) -> Repository:
        self.together.wait(20)
        if name.startswith("theirs/"):
            raise DENIED
        self.created.append(name)
        return Repository(name, "111122223333", f"host/{name}")

    def set_policies(self, name: str, desired: object) -> None:
        pass


def test_several_are_created_at_once_and_one_that_is_refused_stops_none() -> None:
    names = ["team/api", "theirs/web", "team/job"]
    images = [image(name=name) for name in names]
    snapshot = Snapshot({name: RepositoryView(None) for name in names})
    plan = make_plan(images, source(), snapshot, create_repository=True)
    registry, said = Admin(3), list[str]()
    found, failed = create_missing(
        plan.images,
        snapshot,
        lambda: cast(DesiredRepository, None),
        cast(Any, registry),
        cast(Any, None),
        said.append,
        said.append,
        Retrier(),
    )
    assert sorted(registry.created) == ["team/api", "team/job"]
    assert failed == {"theirs/web": DENIED}
    assert [name for name, view in found.repositories.items() if view.repository] == ["team/api", "team/job"]
    assert len(said) == 2
