"""ECR_SKIP in publishing: which tags are set in which order, and what other runs and failures do."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.execute.build import build
from ecr_tasks.execute.push import publish
from ecr_tasks.model.receipt import Built, Published
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.settings.schema import Skip
from tests.support.build import ALL_TAGS, BRANCH, REVISION_A, SHA_TAG, manifest, repository, source
from tests.support.fakes import Calls, FakeDocker, FakeRegistry
from tests.support.inputs import NAME, OURS, PLAIN, TAG, THERE, of


class World:
    """A registry that holds some images, and runs that plan, build and publish."""

    def __init__(self, *, skip: Skip = "content", locked: bool = False, classic: bool = False) -> None:
        held_in = repository("IMMUTABLE_WITH_EXCLUSION", "main", "latest") if locked else repository()
        self.registry = FakeRegistry(Calls(), held_in)
        self.docker = FakeDocker(self.registry, classic=classic)
        self.skip: Skip = skip
        self.warnings: list[str] = []
        self.made = of(OURS if skip == "content" else None)
        self.calls = self.registry.calls

    def plan(self) -> Plan:
        views = self.registry.describe({NAME: self.made.tag_names})
        plan = make_plan([self.made], source(), Snapshot(views), skip=self.skip)
        plan.check()
        return plan

    def built(self) -> Built:
        return build([self.made], source(), self.docker, builder=None, keep={NAME: "store"})[NAME]

    def run(self, plan: Plan | None = None) -> Published:
        (item,) = (plan or self.plan()).images
        built = self.built() if item.build_needed else None
        self.calls.made.clear()
        return publish(item, built, self.docker, self.registry, warn=self.warnings.append)

    @property
    def set_tags(self) -> list[str]:
        return [call[2] for call in self.calls.named("set_tag")]

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.registry.tags[NAME])


@pytest.mark.parametrize("classic", [False, True])
def test_what_is_built_gets_its_inputs_tag_before_any_that_moves(classic: bool) -> None:
    world = World(classic=classic)
    done = world.run()
    assert done.state == "pushed"
    assert world.set_tags == [TAG, "1.2.3", "main", "latest"]
    assert world.tags == dict.fromkeys([*(tag.name for tag in ALL_TAGS), TAG], done.digest)
    assert TAG not in done.tags


@pytest.mark.parametrize("locked", [False, True])
def test_what_is_found_by_its_inputs_gets_every_tag_fixed_ones_first(locked: bool) -> None:
    world = World(locked=locked)
    world.registry.put(NAME, THERE, TAG)
    world.registry.put(NAME, PLAIN, "main")
    done = world.run()
    assert (done.state, done.digest) == ("retagged", THERE.digest)
    assert [call[0] for call in world.calls.made] == ["set_tag"] * 4
    assert world.set_tags == [SHA_TAG, "1.2.3", "main", "latest"]
    assert world.tags == dict.fromkeys([*(tag.name for tag in ALL_TAGS), TAG], THERE.digest)
    world.run()
    assert world.calls.made == []


def test_a_failure_in_the_middle_is_finished_by_another_run() -> None:
    expected = World()
    expected.run()
    for position in range(len(expected.calls.made)):
        for late in (False, True):
            world = World()
            plan = world.plan()
            (item,) = plan.images
            built = world.built()
            world.calls.made.clear()
            world.calls.fail_at, world.calls.late = position, late
            with pytest.raises(RegistryError):
                publish(item, built, world.docker, world.registry)
            world.calls.fail_at = None
            world.run()
            assert world.tags == expected.tags


def test_an_error_in_the_middle_names_no_tag_that_is_not_set() -> None:
    world = World()
    world.registry.put(NAME, THERE, TAG)
    plan = world.plan()
    world.calls.before["set_tag"] = lambda: setattr(world.calls, "fail_at", len(world.calls.made) - 1)
    with pytest.raises(RegistryError) as caught:
        world.run(plan)
    assert SHA_TAG not in caught.value.cause


@pytest.mark.parametrize("locked", [False, True])
def test_another_run_that_was_quicker_keeps_the_inputs_tag(locked: bool) -> None:
    for call in ("push", "image"):
        world = World(locked=locked)
        world.calls.after[call] = lambda world=world: world.registry.put(NAME, THERE, TAG)  # type: ignore[misc]
        done = world.run(world.plan())
        assert world.tags[TAG] == THERE.digest
        assert world.tags[SHA_TAG] == done.digest != THERE.digest


def test_an_image_of_other_inputs_gets_no_inputs_tag() -> None:
    world = World()
    plan = world.plan()
    world.registry.put(NAME, manifest("another run's", REVISION_A), SHA_TAG)
    world.run(plan)
    assert TAG not in world.tags
    assert world.warnings


def test_never_leaves_a_published_image_that_came_out_the_same() -> None:
    world = World(skip="never")
    first = world.run()
    again = world.run()
    assert (again.state, again.digest) == ("already-published", first.digest)
    assert world.calls.made == []
    world.registry.put(NAME, PLAIN, "main")
    assert (world.run().state, world.set_tags) == ("retagged", ["main"])
    assert world.warnings == []


@pytest.mark.parametrize("classic", [False, True])
def test_never_refuses_another_image_under_a_fixed_tag_and_moves_nothing(classic: bool) -> None:
    world = World(skip="never", classic=classic)
    own = manifest("published", REVISION_A)
    world.registry.put(NAME, own, SHA_TAG)
    before = world.tags
    with pytest.raises(Refused) as caught:
        world.run()
    assert own.digest in caught.value.cause
    made = manifest(f"{NAME} as built")
    assert (str(made.config_digest) if classic else made.digest) in caught.value.cause
    assert "ECR_SKIP=commit" in caught.value.remedy
    assert world.tags == before
    assert world.calls.named("push", "set_tag") == []


@pytest.mark.parametrize(
    ("locked", "moment"),
    [(False, "before our look"), (True, "before our look"), (True, "before our push"), (False, "after our push")],
)
def test_never_takes_no_other_runs_image_either(locked: bool, moment: str) -> None:
    world = World(skip="never", locked=locked)
    own = manifest("another run's", REVISION_A)
    plan = world.plan()
    when = world.calls.after if moment == "after our push" else world.calls.before
    call = "image" if moment == "before our look" else "push"
    when[call] = lambda: world.registry.put(NAME, own, SHA_TAG)
    with pytest.raises(Refused) as caught:
        world.run(plan)
    assert own.digest in caught.value.cause
    assert world.set_tags == []
    assert world.tags == {SHA_TAG: own.digest}


def test_never_moves_a_tag_that_moves() -> None:
    world = World(skip="never")
    world.made = of(None, [BRANCH])
    world.registry.put(NAME, PLAIN, "main")
    assert world.run().state == "pushed"
