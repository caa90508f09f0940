"""A registry that holds an earlier release, a docker that has built this commit, and the runs that publish it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecr_tasks.execute.build import build
from ecr_tasks.execute.push import publish
from ecr_tasks.model.image import Keep
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Built, Published
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.plan import PlannedImage, make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.source.state import SourceState
from tests.support.build import ALL_TAGS, REVISION_B, image, manifest, repository, source
from tests.support.fakes import Calls, FakeDocker, FakeRegistry

NAME = "team/app"
MOVING = ("main", "latest")
OLD = manifest("the last release", REVISION_B)
THEIRS = manifest("another run's")


class World:
    """A registry that holds an earlier release, a docker that has built, and the runs that publish."""

    def __init__(
        self,
        *,
        names: Sequence[Tag] = ALL_TAGS,
        keep: Keep = "store",
        classic: bool = False,
        locked: bool = False,
        state: SourceState | None = None,
    ) -> None:
        held_in = repository("IMMUTABLE_WITH_EXCLUSION", *MOVING) if locked else repository()
        self.registry = FakeRegistry(Calls(), held_in)
        self.registry.put(NAME, OLD, *MOVING)
        self.docker = FakeDocker(self.registry, classic=classic)
        self.calls = self.registry.calls
        self.state = state or source()
        self.keep: Keep = keep
        self.image = image(names)
        self.built = self._build()
        self.warnings: list[str] = []

    def plan(self) -> PlannedImage:
        """A new plan from what the registry holds now."""
        views = self.registry.describe({NAME: [tag.name for tag in self.image.tags]})
        plan = make_plan([self.image], self.state, Snapshot(views))
        plan.check()
        return replace(plan.images[0], keep=self.keep)

    def run(self, *, fail_at: int | None = None, late: bool = False) -> Published:
        """Plans and publishes, as `inv push` does; ``fail_at`` counts publishing's own calls."""
        item = self.plan()
        self.calls.made.clear()
        self.calls.fail_at, self.calls.late = fail_at, late
        try:
            return self.publish(item)
        finally:
            self.calls.fail_at = None

    def publish(self, item: PlannedImage) -> Published:
        """Publishes what has been built, if it is needed."""
        built = self.built if item.build_needed else None
        return publish(item, built, self.docker, self.registry, warn=self.warnings.append)

    @property
    def tags(self) -> dict[str, str]:
        """What each tag points at in the registry."""
        return dict(self.registry.tags[NAME])

    @property
    def ours(self) -> StoredImage:
        """What was built, as the registry will hold it."""
        return manifest(f"{NAME} as built")

    def _build(self) -> Built:
        return build([self.image], self.state, self.docker, builder=None, keep={NAME: self.keep})[NAME]


def all_at(digest: str) -> dict[str, str]:
    """Every tag at one image."""
    return dict.fromkeys((tag.name for tag in ALL_TAGS), digest)


KINDS = {
    "containerd's store": {},
    "classic store": {"classic": True},
    "kept by the builder": {"keep": "builder"},
    "immutable repository": {"locked": True},
    "classic store, immutable repository": {"classic": True, "locked": True},
    "builder, immutable repository": {"keep": "builder", "locked": True},
}
