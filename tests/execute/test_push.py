"""Publishing against a registry in memory: the order of calls, failures at each of them, and other runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.push import publish
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.tags.from_settings import tags
from tests.support.build import ALL_TAGS, FIXED, HOST, SHA_TAG, dirty, repository
from tests.support.world import KINDS, MOVING, NAME, OLD, THEIRS, World, all_at


def test_the_fixed_tag_is_pushed_and_checked_before_the_others_are_set() -> None:
    world = World()
    done = world.run()
    reference = f"{HOST}/{NAME}:{SHA_TAG}"
    made = world.calls.made
    assert world.calls.named("push") == [("push", reference)]
    after = made[made.index(("push", reference)) + 1 :]
    assert after[0] == ("image", NAME, SHA_TAG)
    assert [call[2] for call in after if call[0] == "set_tag"] == ["1.2.3", "main", "latest"]
    assert world.tags == all_at(world.ours.digest)
    assert (done.state, done.digest) == ("pushed", world.ours.digest)
    assert done.reference == f"{HOST}/{NAME}@{world.ours.digest}"
    assert done.tags == (SHA_TAG, "1.2.3", "main", "latest")
    assert world.warnings == []


def test_fixed_tags_are_set_before_moving_ones_in_whatever_order_they_come() -> None:
    fixed, version, branch, latest = ALL_TAGS
    world = World(names=(fixed, branch, latest, version))
    world.run()
    assert [call[2] for call in world.calls.named("set_tag")] == ["1.2.3", "main", "latest"]


def test_docker_is_let_in_before_it_pushes() -> None:
    world = World()
    world.run()
    names = [call[0] for call in world.calls.made]
    assert names.index("authorize") < names.index("push")
    assert [token.host for token in world.docker.authorized] == [HOST]


def test_a_push_is_counted_with_all_its_manifests_before_it_begins() -> None:
    world = World()
    platforms = ("linux/amd64", "linux/arm64")
    world.image = replace(world.image, definition=BuildDefinition("/project", platforms=platforms))
    world.run()
    assert world.registry.spent == [(NAME, 3)]
    world.run()
    assert world.registry.spent == [(NAME, 3)]


def test_publishing_again_does_nothing() -> None:
    world = World()
    first = world.run()
    again = world.run()
    assert world.calls.made == []
    assert (again.state, again.reference) == ("already-published", first.reference)


def test_missing_and_moved_tags_of_a_published_commit_are_set_without_docker() -> None:
    world = World()
    world.registry.put(NAME, THEIRS, SHA_TAG)
    world.registry.put(NAME, THEIRS, "main")
    done = world.run()
    assert world.calls.made == [("set_tag", NAME, "1.2.3"), ("set_tag", NAME, "latest")]
    assert (done.state, done.digest) == ("retagged", THEIRS.digest)
    assert world.tags == all_at(THEIRS.digest)


def undisturbed(kind: str) -> tuple[World, int]:
    """A world after a run that nothing happened to, and how many calls it took."""
    world = World(**KINDS[kind])  # type: ignore[arg-type]
    world.run()
    return world, len(world.calls.made)


EVERY_CALL = [
    pytest.param(kind, position, late, id=f"{kind}, call {position}{', answer lost' if late else ''}")
    for kind in KINDS
    for position in range(undisturbed(kind)[1])
    for late in (False, True)
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_to_build_ends_with_every_tag_on_what_was_built(kind: str) -> None:
    world, _ = undisturbed(kind)
    assert world.tags == all_at(world.ours.digest)


@pytest.mark.parametrize(("kind", "position", "late"), EVERY_CALL)
def test_a_failure_anywhere_moves_no_tag_too_early_and_another_run_finishes(
    kind: str, position: int, late: bool
) -> None:
    expected = undisturbed(kind)[0].tags
    world = World(**KINDS[kind])  # type: ignore[arg-type]
    before = world.tags
    with pytest.raises(EcrTasksError) as caught:
        world.run(fail_at=position, late=late)
    assert isinstance(caught.value, RegistryError)
    moved = [tag for tag in MOVING if world.tags[tag] != before[tag]]
    if moved:
        complete = {world.tags.get(SHA_TAG), world.tags.get("1.2.3"), *(world.tags[tag] for tag in moved)}
        assert complete == {world.ours.digest}
    done = world.run()
    assert world.tags == expected
    assert done.digest == world.ours.digest


def test_a_failed_moving_tag_is_told_with_what_is_published_already() -> None:
    world = World()
    world.calls.before["set_tag"] = lambda: setattr(world.calls, "fail_at", len(world.calls.made) - 1)
    with pytest.raises(RegistryError) as caught:
        world.publish(world.plan())
    assert world.ours.digest in caught.value.cause
    assert SHA_TAG in caught.value.cause
    assert "The network is gone." in caught.value.cause


@pytest.mark.parametrize("classic", [False, True])
def test_an_image_that_arrives_as_another_stops_before_any_other_tag(classic: bool) -> None:
    world = World(classic=classic)
    before = world.tags
    reference = f"{HOST}/{NAME}:{SHA_TAG}"
    world.calls.before["push"] = lambda: world.docker.store.update({reference: THEIRS})
    with pytest.raises(RegistryError) as caught:
        world.run()
    assert THEIRS.digest in caught.value.cause
    assert (world.built.digest or world.built.image_id or "") in caught.value.cause
    assert {tag: world.tags.get(tag) for tag in (*MOVING, "1.2.3")} == {**before, "1.2.3": None}


def test_a_push_that_leaves_nothing_is_an_error() -> None:
    world = World()
    world.calls.after["push"] = world.registry.tags[NAME].clear
    with pytest.raises(RegistryError, match=SHA_TAG):
        world.run()
    assert world.calls.named("set_tag") == []


def test_a_builder_that_lost_what_it_built_stops_before_any_other_tag() -> None:
    world = World(keep="builder")
    world.docker.unstable = True
    with pytest.raises(RegistryError) as caught:
        world.run()
    assert world.built.digest is not None
    assert world.built.digest in caught.value.cause
    assert {world.tags[tag] for tag in MOVING} == {OLD.digest}


def test_an_uncommitted_tree_is_pushed_over_its_own_tag_and_moves_no_other() -> None:
    state = dirty()
    world = World(names=tags(state), state=state)
    world.registry.put(NAME, THEIRS, f"{SHA_TAG}-dirty")
    done = world.run()
    assert (done.state, done.tags) == ("pushed", (f"{SHA_TAG}-dirty",))
    assert world.tags == {**dict.fromkeys(MOVING, OLD.digest), f"{SHA_TAG}-dirty": world.ours.digest}


def test_a_locked_dirty_tag_makes_way_for_the_next_image() -> None:
    state = dirty()
    world = World(names=tags(state), state=state)
    world.registry.repositories[NAME] = repository("MUTABLE_WITH_EXCLUSION", "sha-*")
    world.registry.put(NAME, THEIRS, f"{SHA_TAG}-dirty")
    assert world.run().state == "pushed"
    names = [call[0] for call in world.calls.named("untag", "push", "set_tag")]
    assert names == ["untag", "push"]
    assert world.tags == {**dict.fromkeys(MOVING, OLD.digest), f"{SHA_TAG}-dirty": world.ours.digest}


def test_a_movable_dirty_tag_is_not_deleted_first() -> None:
    state = dirty()
    world = World(names=tags(state), state=state)
    world.registry.put(NAME, THEIRS, f"{SHA_TAG}-dirty")
    world.run()
    assert world.calls.named("untag") == []


def test_a_locked_dirty_tag_that_is_this_very_image_is_left_alone() -> None:
    state = dirty()
    world = World(names=tags(state), state=state)
    world.registry.repositories[NAME] = repository("MUTABLE_WITH_EXCLUSION", "sha-*")
    world.registry.put(NAME, world.ours, f"{SHA_TAG}-dirty")
    assert world.run().digest == world.ours.digest
    assert world.calls.named("untag") == []


def test_a_dirty_tag_that_the_registry_locks_meanwhile_is_refused() -> None:
    state = dirty()
    world = World(names=tags(state), state=state, locked=True)
    world.calls.before["push"] = lambda: world.registry.put(NAME, THEIRS, f"{SHA_TAG}-dirty")
    with pytest.raises(Refused):
        world.run()


def test_what_was_not_built_is_not_published() -> None:
    world = World()
    with pytest.raises(RegistryError, match="inv build push"):
        publish(world.plan(), None, world.docker, world.registry)
    assert world.calls.named("push", "set_tag") == []


def test_a_repository_that_went_away_is_an_error() -> None:
    world = World()
    gone = replace(world.plan(), view=RepositoryView(None))
    with pytest.raises(RegistryError, match=NAME):
        publish(gone, world.built, world.docker, world.registry)


def test_one_tag_is_all_it_takes() -> None:
    world = World(names=(FIXED,))
    assert world.run().tags == (SHA_TAG,)
    assert world.calls.named("set_tag") == []
