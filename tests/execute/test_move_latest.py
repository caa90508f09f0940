"""`latest` and the tags of release lines: never back from a higher release that ECR has, whoever is at it as well."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from ecr_tasks.execute.push import publish
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Published
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.plan import PlannedImage, make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.from_settings import tag_set
from tests.support.build import MANIFEST, OCI, digest, image, repository, settings, source
from tests.support.fakes import Calls, FakeDocker, FakeRegistry
from tests.support.world import NAME

RULES = "\n".join(
    ["type=sha", *(f"type=semver,pattern={{{{{part}}}}}" for part in ("version", "major}}.{{minor", "major"))]
)


def release(version: str) -> StoredImage:
    """An image whose annotations tell its version and revision."""
    notes = {OCI + "version": version, OCI + "revision": commit(version).revision}
    document = {
        "schemaVersion": 2,
        "config": {"digest": digest(version), "size": 1},
        "layers": [],
        "annotations": notes,
    }
    text = json.dumps(document)
    return StoredImage(digest(text), text, MANIFEST)


def commit(version: str) -> SourceState:
    """A commit with a version's git tag; its clone knows of no other."""
    return source(revision=digest(version)[7:47], tag=f"v{version}", release_tags=(f"v{version}",))


def tags_of(version: str, flavor: str = "") -> tuple[Tag, ...]:
    return tag_set(settings(tags=RULES, flavor=flavor), commit(version), {}).in_publishing_order


def planned(registry: FakeRegistry, version: str, flavor: str = "") -> PlannedImage:
    """A plan for a version whose commit's image is in the registry already."""
    tags = tags_of(version, flavor)
    registry.put(NAME, release(version), tags[0].name)
    plan = make_plan([image(tags)], commit(version), Snapshot(registry.describe({NAME: [tag.name for tag in tags]})))
    plan.check()
    return plan.images[0]


def run(registry: FakeRegistry, version: str, flavor: str = "") -> Published:
    return carry_out(registry, planned(registry, version, flavor))


def carry_out(registry: FakeRegistry, item: PlannedImage, notes: list[str] | None = None) -> Published:
    said: list[str] = [] if notes is None else notes
    return publish(item, None, FakeDocker(registry), registry, warn=said.append)


def versions(registry: FakeRegistry) -> dict[str, str | None]:
    """Tag → version of its image, the commits' tags left out."""
    held = registry.held[NAME]
    return {tag: held[at].version for tag, at in registry.tags[NAME].items() if not tag.startswith("sha-")}


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry(Calls(), repository())


def test_a_higher_release_takes_them_all(registry: FakeRegistry) -> None:
    run(registry, "1.2.3")
    run(registry, "1.2.4")
    higher = dict.fromkeys(("1.2.4", "1.2", "1", "latest"), "1.2.4")
    assert versions(registry) == {**higher, "1.2.3": "1.2.3"}


def test_a_patch_of_an_older_line_gets_that_lines_tag_and_no_other(registry: FakeRegistry) -> None:
    run(registry, "1.3.0")
    item = planned(registry, "1.2.9")
    states = {tag.tag.name: (tag.state, tag.stays) for tag in item.tags}
    assert states["latest"] == states["1"] == ("present", True)
    assert states["1.2"] == ("new", False)
    done = carry_out(registry, item)
    assert versions(registry)["latest"] == versions(registry)["1"] == "1.3.0"
    assert versions(registry)["1.2"] == "1.2.9"
    assert done.tags[1:] == ("1.2.9", "1.2")


def test_a_tag_that_stays_says_why(registry: FakeRegistry) -> None:
    run(registry, "2.0.0")
    latest = planned(registry, "1.2.9").tags[-1]
    assert (latest.tag.name, latest.tag.because) == (
        "latest",
        "latest stays with the higher release 2.0.0, which ECR has",
    )


def test_a_release_that_comes_between_plan_and_push_keeps_latest(registry: FakeRegistry) -> None:
    item, notes = planned(registry, "1.2.3"), list[str]()
    run(registry, "1.2.4")
    done = carry_out(registry, item, notes)
    assert versions(registry)["latest"] == versions(registry)["1.2"] == "1.2.4"
    assert done.tags[1:] == ("1.2.3",)
    assert any("1.2.4" in note for note in notes)


def test_a_release_that_we_overtook_gets_its_tags_back(registry: FakeRegistry) -> None:
    item, notes = planned(registry, "1.2.3"), list[str]()

    def overtaken() -> None:
        run(registry, "1.2.4")

    registry.calls.after["list_tags"] = overtaken
    done = carry_out(registry, item, notes)
    assert versions(registry)["latest"] == versions(registry)["1.2"] == versions(registry)["1"] == "1.2.4"
    assert done.tags[1:] == ("1.2.3",)
    assert any("published meanwhile" in note for note in notes)


def test_prereleases_and_other_tags_hold_nothing_up(registry: FakeRegistry) -> None:
    registry.put(NAME, release("0.1.0"), "2.0.0-rc.1", "main", "3")
    run(registry, "1.2.3")
    assert versions(registry)["latest"] == "1.2.3"


def test_a_tag_that_the_image_is_pushed_under_moves_with_the_push(registry: FakeRegistry) -> None:
    registry.put(NAME, release("1.3.0"), "1")
    line = next(tag for tag in tags_of("1.2.9") if tag.name == "1")
    plan = make_plan([image([line])], commit("1.2.9"), Snapshot(registry.describe({NAME: ["1"]})))
    assert [(tag.state, tag.stays) for tag in plan.images[0].tags] == [("moves", False)]


def test_forward_false_moves_them_back_as_asked(registry: FakeRegistry) -> None:
    run(registry, "1.2.4")
    run(registry, "1.2.3", "forward=false")
    assert versions(registry)["latest"] == versions(registry)["1.2"] == "1.2.3"


def test_the_tags_of_variants_are_not_compared_with_each_other() -> None:
    assert [tag.release for tag in tags_of("1.2.3", "suffix=-alpine,onlatest=true")] == [None] * 5


def test_without_the_permission_to_list_the_tag_itself_is_compared(registry: FakeRegistry) -> None:
    registry.may_list = False
    item = planned(registry, "1.2.3")
    run(registry, "1.2.4")
    carry_out(registry, item)
    assert versions(registry)["latest"] == versions(registry)["1.2"] == "1.2.4"
    run(registry, "1.2.5")
    assert versions(registry)["latest"] == "1.2.5"


@dataclass
class Turns:
    """Lets one of several threads go on at a time, whichever the dice say, from call to call."""

    dice: random.Random
    running: int
    waiting: list[threading.Event] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        mine = threading.Event()
        with self.lock:
            self.waiting.append(mine)
            self._next()
        assert mine.wait(30)

    def leave(self) -> None:
        with self.lock:
            self.running -= 1
            self._next()

    def _next(self) -> None:
        if self.waiting and len(self.waiting) == self.running:
            self.waiting.pop(self.dice.randrange(len(self.waiting))).set()


class SharedRegistry(FakeRegistry):
    """A registry whose calls come in the order that the turns give them."""

    turns: Turns | None = None

    def _turn(self) -> None:
        if self.turns is not None:
            self.turns.wait()

    def describe(self, repositories: Mapping[str, Sequence[str]]) -> Mapping[str, RepositoryView]:
        self._turn()
        return super().describe(repositories)

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        self._turn()
        return super().image(repository, reference)

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        self._turn()
        return super().list_tags(repository)

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        self._turn()
        super().set_tag(repository, image, tag)


@pytest.mark.parametrize("racers", [("1.2.3", "1.2.4"), ("1.2.4", "1.3.0", "1.2.10")])
def test_runs_that_race_end_at_the_highest_release_every_time(racers: tuple[str, ...]) -> None:
    for seed in range(100):
        registry = SharedRegistry(Calls(), repository())
        run(registry, "1.0.0")
        turns = registry.turns = Turns(random.Random(seed), len(racers))  # noqa: S311 - repeatable, not secret

        def race(version: str, registry: SharedRegistry = registry, turns: Turns = turns) -> None:
            try:
                run(registry, version)
            finally:
                turns.leave()

        threads = [threading.Thread(target=race, args=(version,)) for version in racers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        highest = max(racers, key=lambda version: [int(part) for part in version.split(".")])
        found = versions(registry)
        assert found["latest"] == found["1"] == highest, seed
        assert found["1.2"] == ("1.2.4" if len(racers) == 2 else "1.2.10"), seed
