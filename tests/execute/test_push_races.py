"""Several runs publish the same commit at once: one image wins, and every tag is on it."""

from __future__ import annotations

import pytest

from ecr_tasks.model.image import Keep
from tests.support.build import SHA_TAG
from tests.support.world import KINDS, NAME, THEIRS, World, all_at


@pytest.mark.parametrize("kind", KINDS)
def test_another_run_that_published_the_commit_before_our_push_is_taken(kind: str) -> None:
    world = World(**KINDS[kind])  # type: ignore[arg-type]
    item = world.plan()
    world.registry.put(NAME, THEIRS, SHA_TAG)
    done = world.publish(item)
    assert world.calls.named("push") == []
    assert done.digest == THEIRS.digest
    assert done.state != "pushed"
    assert world.tags == all_at(THEIRS.digest)
    assert THEIRS.digest in "".join(world.warnings)


@pytest.mark.parametrize("keep", ["store", "builder"])
@pytest.mark.parametrize("classic", [False, True])
def test_another_run_that_wins_during_our_push_is_taken_in_an_immutable_repository(keep: Keep, classic: bool) -> None:
    world = World(locked=True, keep=keep, classic=classic)
    during = "push" if keep == "store" else "build"
    world.calls.before[during] = lambda: world.registry.put(NAME, THEIRS, SHA_TAG)
    done = world.run()
    assert done.digest == THEIRS.digest
    assert done.state != "pushed"
    assert world.tags == all_at(THEIRS.digest)
    assert world.warnings


def test_another_run_that_overwrites_our_push_in_a_mutable_repository_is_taken() -> None:
    world = World()
    world.calls.after["push"] = lambda: world.registry.put(NAME, THEIRS, SHA_TAG)
    done = world.run()
    assert done.digest == THEIRS.digest
    assert world.tags == all_at(THEIRS.digest)
    assert world.warnings


def test_another_run_that_published_the_very_same_image_is_no_news() -> None:
    world = World()
    world.calls.before["image"] = lambda: world.registry.put(NAME, world.ours, SHA_TAG)
    assert world.run().digest == world.ours.digest
    assert world.calls.named("push") == []
    assert world.warnings == []
    assert world.tags == all_at(world.ours.digest)
