"""Tests of execute/move_latest: `latest` and the tags of release lines never move back from a higher release."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from ecr_tasks.errors import Refused
from ecr_tasks.execute.move_latest import move_forward
from ecr_tasks.execute.push import publish
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Published
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.plan.tag_states import plan_tag
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import tag_set
from tests.support.build import MANIFEST, OCI, digest, image, manifest, repository, settings, source
from tests.support.fakes import Calls, FakeDocker, FakeRegistry
from tests.support.publishing import NAME

RULES = "\n".join(
    ["type=sha", *(f"type=semver,pattern={{{{{part}}}}}" for part in ("version", "major}}.{{minor", "major"))]
)


def release(version: str) -> StoredImage:
    """Return an image with its version and revision in its annotations."""
    annotations = {OCI + "version": version, OCI + "revision": commit(version).revision}
    document = {
        "schemaVersion": 2,
        "config": {"digest": digest(version), "size": 1},
        "layers": [],
        "annotations": annotations,
    }
    text = json.dumps(document)
    return StoredImage(digest(text), text, MANIFEST)


def commit(version: str) -> SourceState:
    """Return the source state of a commit with the git tag of a version, in a clone without other release tags."""
    return source(revision=digest(version)[7:47], tag=f"v{version}", release_tags=(f"v{version}",))


def tags_of(version: str, flavor: str = "") -> tuple[Tag, ...]:
    """Return the tags of a version, in the order in which they are published."""
    return tag_set(settings(tags=RULES, flavor=flavor), commit(version), {}).in_publishing_order


def plan_release(registry: FakeRegistry, version: str, flavor: str = "") -> PlannedImage:
    """Return the plan for a version whose image is in the registry under the tag of its commit."""
    tags = tags_of(version, flavor)
    registry.put(NAME, release(version), tags[0].name)
    plan = make_plan([image(tags)], commit(version), Snapshot(registry.describe({NAME: [tag.name for tag in tags]})))
    plan.check()
    return plan.images[0]


def publish_release(registry: FakeRegistry, version: str, flavor: str = "") -> Published:
    """Plan and publish a version."""
    return publish_planned(registry, plan_release(registry, version, flavor))


def publish_planned(
    registry: FakeRegistry, planned_image: PlannedImage, warnings: list[str] | None = None
) -> Published:
    """Publish a planned image; its warnings are appended to ``warnings``."""
    lines: list[str] = [] if warnings is None else warnings
    return publish(planned_image, None, FakeDocker(registry), registry, warn=lines.append)


def versions(registry: FakeRegistry) -> dict[str, str | None]:
    """Return the version of the image of each tag, without the tags of commits."""
    stored = registry.stored[NAME]
    return {tag: stored[at].version for tag, at in registry.tags[NAME].items() if not tag.startswith("sha-")}


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry(Calls(), repository())


def test_a_higher_release_moves_every_moving_tag(registry: FakeRegistry) -> None:
    publish_release(registry, "1.2.3")
    publish_release(registry, "1.2.4")
    higher = dict.fromkeys(("1.2.4", "1.2", "1", "latest"), "1.2.4")
    assert versions(registry) == {**higher, "1.2.3": "1.2.3"}


def test_a_patch_of_an_older_line_moves_only_the_tag_of_its_line(registry: FakeRegistry) -> None:
    publish_release(registry, "1.3.0")
    planned_image = plan_release(registry, "1.2.9")
    states = {tag.tag.name: tag.state for tag in planned_image.tags}
    assert (states["latest"], states["1"], states["1.2"]) == ("stays", "stays", "new")
    published = publish_planned(registry, planned_image)
    assert versions(registry)["latest"] == versions(registry)["1"] == "1.3.0"
    assert versions(registry)["1.2"] == "1.2.9"
    assert published.tags[1:] == ("1.2.9", "1.2")
    assert list(published.stays) == ["1", "latest"]


@pytest.mark.parametrize("may_list", [True, False])
def test_latest_that_is_set_only_at_a_further_attempt_is_compared_once_more(
    registry: FakeRegistry, may_list: bool
) -> None:
    """Without the permission to list tags, nobody would put back what is moved to the lower release so late."""
    publish_release(registry, "1.2.3")
    planned_image = plan_release(registry, "1.2.4")
    registry.may_list, registry.throttled["latest"] = may_list, True
    registry.calls.after["throttled"] = lambda: registry.put(NAME, release("2.0.0"), "2.0.0", "latest")
    assert "2.0.0" in publish_planned(registry, planned_image).stays["latest"]
    assert versions(registry)["latest"] == "2.0.0"
    assert registry.calls.tags_set.count("latest") == 1, "that of 1.2.3"


def test_a_tag_that_stays_says_why(registry: FakeRegistry) -> None:
    publish_release(registry, "2.0.0")
    latest = plan_release(registry, "1.2.9").tags[-1]
    assert (latest.tag.name, latest.tag.because) == (
        "latest",
        "latest stays with the higher release 2.0.0, which ECR has",
    )


def test_a_higher_release_between_plan_and_push_keeps_latest(registry: FakeRegistry) -> None:
    planned_image, warnings = plan_release(registry, "1.2.3"), list[str]()
    publish_release(registry, "1.2.4")
    published = publish_planned(registry, planned_image, warnings)
    assert versions(registry)["latest"] == versions(registry)["1.2"] == "1.2.4"
    assert published.tags[1:] == ("1.2.3",)
    assert any("1.2.4" in warning for warning in warnings)


def test_a_higher_release_during_our_push_gets_latest_back(registry: FakeRegistry) -> None:
    planned_image, warnings = plan_release(registry, "1.2.3"), list[str]()

    def publish_higher_release() -> None:
        publish_release(registry, "1.2.4")

    registry.calls.after["list_tags"] = publish_higher_release
    published = publish_planned(registry, planned_image, warnings)
    assert versions(registry)["latest"] == versions(registry)["1.2"] == versions(registry)["1"] == "1.2.4"
    assert published.tags[1:] == ("1.2.3",)
    assert any("published meanwhile" in warning for warning in warnings)


def test_prereleases_and_other_tags_do_not_keep_latest(registry: FakeRegistry) -> None:
    registry.put(NAME, release("0.1.0"), "2.0.0-rc.1", "main", "3")
    publish_release(registry, "1.2.3")
    assert versions(registry)["latest"] == "1.2.3"


def test_the_revision_of_a_higher_release_keeps_latest() -> None:
    """An image that nobody has read has no version: its tags name the release."""
    latest = tags_of("1.2.9")[-1]
    rebuilt = StoredImage(digest("1.3.0, built anew"), "", MANIFEST, tags=("1.3.0-r2", "latest"))
    planned_tag = plan_tag(latest, RepositoryView(repository(), {"latest": rebuilt}), None)
    assert (planned_tag.state, planned_tag.digest) == ("stays", rebuilt.digest)
    assert planned_tag.tag.because == "latest stays with the higher release 1.3.0, which ECR has"


def test_a_higher_release_gets_latest_back_with_its_last_revision(registry: FakeRegistry) -> None:
    planned_image = plan_release(registry, "1.2.3")
    rebuilt = manifest("1.2.4, built anew")

    def publish_higher_release() -> None:
        publish_release(registry, "1.2.4")
        registry.put(NAME, rebuilt, "1.2.4-r2", "1.2.4-r10")
        registry.put(NAME, release("1.2.4-r11"), "1.2.4-r11")  # a pre-release that is called so

    registry.calls.after["list_tags"] = publish_higher_release
    publish_planned(registry, planned_image)
    assert registry.tags[NAME]["latest"] == registry.tags[NAME]["1.2"] == rebuilt.digest


def test_a_revision_is_no_later_release_of_pep_440(registry: FakeRegistry) -> None:
    rules = "type=sha\ntype=pep440,pattern={{version}}\ntype=pep440,pattern={{major}}.{{minor}}"
    tags = tag_set(settings(tags=rules), commit("1.2.3"), {}).in_publishing_order
    lines = [tag for tag in tags if tag.release]
    second, third = StoredImage(digest("second"), "", MANIFEST, tags=("1.2.3-r2", "1.2", "latest")), manifest("third")
    view = RepositoryView(repository(), dict.fromkeys(("1.2", "latest"), second))
    assert [plan_tag(tag, view, None).state for tag in lines] == ["moves", "moves"]
    registry.put(NAME, manifest("first"), "1.2.3")
    registry.put(NAME, third, "1.2.3-r2", "1.2.3-r3")
    moved = move_forward(lines, third, repository(), registry, lambda name, why: pytest.fail(why))
    assert moved == ["1.2", "latest"]


def test_a_release_that_has_only_a_tag_that_stays_is_refused(registry: FakeRegistry) -> None:
    registry.put(NAME, release("1.3.0"), "1")
    line = next(tag for tag in tags_of("1.2.9") if tag.name == "1")
    plan = make_plan([image([line])], commit("1.2.9"), Snapshot(registry.describe({NAME: ["1"]})))
    assert [tag.state for tag in plan.images[0].tags] == ["stays"]
    with pytest.raises(Refused, match=r"stays with the higher release 1\.3\.0"):
        plan.check()


def test_forward_false_moves_tags_back(registry: FakeRegistry) -> None:
    publish_release(registry, "1.2.4")
    publish_release(registry, "1.2.3", "forward=false")
    assert versions(registry)["latest"] == versions(registry)["1.2"] == "1.2.3"


def test_the_tags_of_variants_are_not_compared_with_each_other() -> None:
    assert [tag.release for tag in tags_of("1.2.3", "suffix=-alpine,onlatest=true")] == [None] * 5


def test_without_the_permission_to_list_the_tag_itself_is_compared(registry: FakeRegistry) -> None:
    registry.may_list = False
    planned_image = plan_release(registry, "1.2.3")
    publish_release(registry, "1.2.4")
    publish_planned(registry, planned_image)
    assert versions(registry)["latest"] == versions(registry)["1.2"] == "1.2.4"
    publish_release(registry, "1.2.5")
    assert versions(registry)["latest"] == "1.2.5"


@dataclass
class ThreadScheduler:
    """Lets one of several threads continue at a time, chosen at random before each call."""

    generator: random.Random
    running: int
    waiting: list[threading.Event] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Wait until the scheduler chooses this thread."""
        event = threading.Event()
        with self.lock:
            self.waiting.append(event)
            self._next()
        assert event.wait(30)

    def leave(self) -> None:
        """Take this thread out of the schedule."""
        with self.lock:
            self.running -= 1
            self._next()

    def _next(self) -> None:
        if self.waiting and len(self.waiting) == self.running:
            self.waiting.pop(self.generator.randrange(len(self.waiting))).set()


class SharedRegistry(FakeRegistry):
    """A fake registry whose calls are made in the order that a scheduler chooses."""

    scheduler: ThreadScheduler | None = None

    def _wait(self) -> None:
        if self.scheduler is not None:
            self.scheduler.wait()

    def describe(
        self, repositories: Mapping[str, Sequence[str]], moving: Mapping[str, Collection[str]] | None = None
    ) -> Mapping[str, RepositoryView]:
        self._wait()
        return super().describe(repositories, moving)

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        self._wait()
        return super().image(repository, reference)

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        self._wait()
        return super().list_tags(repository)

    def set_tag(
        self, repository: Repository, image: StoredImage, tag: str, again: Callable[[], object] = lambda: None
    ) -> None:
        self._wait()
        super().set_tag(repository, image, tag, again)


@pytest.mark.parametrize("racers", [("1.2.3", "1.2.4"), ("1.2.4", "1.3.0", "1.2.10")])
def test_runs_that_race_end_at_the_highest_release_every_time(racers: tuple[str, ...]) -> None:
    for seed in range(100):
        registry = SharedRegistry(Calls(), repository())
        publish_release(registry, "1.0.0")
        scheduler = registry.scheduler = ThreadScheduler(random.Random(seed), len(racers))  # noqa: S311 - repeatable, not secret

        def race(version: str, registry: SharedRegistry = registry, scheduler: ThreadScheduler = scheduler) -> None:
            try:
                publish_release(registry, version)
            finally:
                scheduler.leave()

        threads = [threading.Thread(target=race, args=(version,)) for version in racers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        highest = max(racers, key=lambda version: [int(part) for part in version.split(".")])
        versions_by_tag = versions(registry)
        assert versions_by_tag["latest"] == versions_by_tag["1"] == highest, seed
        assert versions_by_tag["1.2"] == ("1.2.4" if len(racers) == 2 else "1.2.10"), seed
