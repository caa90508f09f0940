"""A publisher for tests: it publishes an image with a fake docker to a fake registry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ecr_tasks.execute.build import build
from ecr_tasks.execute.push import publish
from ecr_tasks.model.image import BuildDefinition, Keep
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.receipt import Built, Published
from ecr_tasks.model.tag import TURN_TAG, Tag
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import FRESH_SECONDS, Snapshot
from ecr_tasks.source.source_state import SourceState
from tests.support.build import ALL_TAGS, BRANCH, LATEST, REVISION_B, VERSION, image, manifest, repository, source
from tests.support.fakes import Calls, FakeDocker, FakeRegistry

NAME = "team/app"
MOVING_TAGS = ("main", "latest")
OLD_IMAGE = manifest("the last release", REVISION_B)
OTHER_RUN_IMAGE = manifest("another run's")
OTHER_COMMIT = manifest("another commit's", REVISION_B)
VERSION_TAGS = (VERSION, BRANCH, LATEST)


class Publisher:
    """Publishes an image that the fake docker has built to a fake registry that has an older release."""

    def __init__(
        self,
        *,
        tags: Sequence[Tag] = ALL_TAGS,
        keep: Keep = "store",
        classic: bool = False,
        locked: bool = False,
        state: SourceState | None = None,
        definition: BuildDefinition | None = None,
        ahead: bool = False,
        unstable: bool = False,
    ) -> None:
        target = repository("IMMUTABLE_WITH_EXCLUSION", *MOVING_TAGS) if locked else repository()
        self.registry = FakeRegistry(Calls(), target)
        self.registry.put(NAME, OLD_IMAGE, *MOVING_TAGS)
        self.docker = FakeDocker(self.registry, classic=classic, unstable=unstable)
        self.calls = self.registry.calls
        self.state = state or source()
        self.keep: Keep = keep
        self.ahead = ahead
        self.image = image(tags, definition=definition)
        self.built = self._build()
        self.age = FRESH_SECONDS  # of the plan of what is built
        self.warnings: list[str] = []

    def plan(self) -> PlannedImage:
        """Return a new plan for the current state of the registry."""
        views = self.registry.describe({NAME: [tag.name for tag in self.image.tags]})
        plan = make_plan([self.image], self.state, Snapshot(views))
        plan.check()
        return replace(plan.images[0], keep=self.keep)

    def run(self, *, fail_at: int | None = None, late: bool = False) -> Published:
        """Plan and publish, as `inv push` does. ``fail_at`` counts the calls of the publishing only."""
        item = self.plan()
        self.calls.log.clear()
        self.calls.fail_at, self.calls.late = fail_at, late
        try:
            return self.publish(item)
        finally:
            self.calls.fail_at = None

    def publish(self, item: PlannedImage) -> Published:
        """Publish the planned image, with the build if the plan needs it."""
        built = self.built if item.build_needed else None
        age = self.age if item.build_needed else 0.0
        warn = self.warnings.append
        return publish(item, built, self.docker, self.registry, warn=warn, age=age, ahead=self.ahead)

    @property
    def tags(self) -> dict[str, str]:
        """The digest of each tag in the registry."""
        return dict(self.registry.tags[NAME])

    @property
    def turns(self) -> list[str]:
        """The tags of turns that are in the registry."""
        return [tag for tag in self.tags if re.fullmatch(f"{TURN_TAG}[0-9a-f]{{16}}", tag)]

    @property
    def built_image(self) -> StoredImage:
        """The built image, as the registry will have it."""
        return manifest(f"{NAME} as built")

    def _build(self) -> Built:
        engine = Engine(False, "linux/amd64", "beside", "remote")
        builds = build([self.image], self.state, self.docker, builder=None, keep={NAME: self.keep}, engine=engine)
        return builds[NAME]


def all_tags_at(digest: str) -> dict[str, str]:
    """Return all tags with this digest."""
    return dict.fromkeys((tag.name for tag in ALL_TAGS), digest)


VARIANTS = {
    "containerd's store": {},
    "classic store": {"classic": True},
    "kept by the builder": {"keep": "builder"},
    "immutable repository": {"locked": True},
    "classic store, immutable repository": {"classic": True, "locked": True},
    "builder, immutable repository": {"keep": "builder", "locked": True},
}
