"""One image and what is planned for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import Image, Keep
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import INPUTS_RULE, Tag
from ecr_tasks.plan.destinations import PlannedCopy
from ecr_tasks.plan.republish import revision_tags
from ecr_tasks.plan.tag_states import PlannedTag

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine


@dataclass(frozen=True)
class PlannedImage:
    """One image and what is planned for it.

    ``view`` is None when the registry was not read. ``published`` is the existing image of this commit or of the same
    inputs. ``rebuilds`` is True with ECR_SKIP=never and --republish: the image is always built, and no other image
    may be used in its place; with ``makes_revision`` it may be published beside it, under revision tags, the first of
    all. ``own`` are the digests of what the commit is published as, ``revision`` is its id. ``other_settings`` are,
    in words, those with which the published image was built otherwise than now. ``cache_notes`` say which
    caches a build leaves out and why. ``engine`` is None where it does not decide where the result is kept. Of a
    part, the image of one platform, ``whole`` is what is planned for the image of all platforms; that has the
    destinations.
    """

    image: Image
    tags: tuple[PlannedTag, ...]
    build_needed: bool
    because: str
    view: RepositoryView | None = None
    creates_repository: bool = False
    keep: Keep = "store"
    engine: Engine | None = None
    copies: tuple[PlannedCopy, ...] = ()
    published: StoredImage | None = None
    rebuilds: bool = False
    makes_revision: bool = False
    own: Collection[str] = ()
    revision: str | None = None
    other_settings: tuple[str, ...] = ()
    whole: PlannedImage | None = None
    cache_notes: tuple[str, ...] = ()

    @property
    def registry(self) -> str | None:
        """The registry's host; None when the repository was not read or does not exist."""
        repository = self.view.repository if self.view else None
        return repository.host if repository else None

    @property
    def reference(self) -> str | None:
        """The ``host/repository:tag`` to publish; None when the repository was not read or does not exist."""
        repository = self.view.repository if self.view else None
        return f"{repository.uri}:{self.image.tags[0].name}" if repository else None

    @property
    def creates_any_repository(self) -> bool:
        """Whether the image's repository will be created, or one at a destination."""
        return self.creates_repository or any(copy.creates_repository for copy in self.copies)

    def unused_revisions(self, digest: str) -> tuple[str, ...]:
        """Return the new revision tags if nothing needs them, because what came out is the published image."""
        is_same = self.published is not None and self.published.digest == digest
        return revision_tags(self.image) if self.makes_revision and is_same else ()

    @property
    def lock_names(self) -> tuple[str, ...]:
        """The references that only one run at a time may publish: the image's, and that of its inputs' tag."""
        repository, inputs = self.view.repository if self.view else None, self.image.inputs
        tags = (self.image.tags[0].name, inputs.tag if inputs else None)
        return tuple(f"{repository.uri}:{tag}" for tag in tags if tag) if repository else ()

    @property
    def inputs_tag(self) -> PlannedTag | None:
        """The tag of the image's inputs and its state; None when it neither exists nor will be set."""
        inputs, view = self.image.inputs, self.view
        if inputs is None or inputs.tag is None or view is None:
            return None
        current = view.tags.get(inputs.tag)
        digest = self.published.inputs if self.published else inputs.digest
        if current is None and digest != inputs.digest:
            return None
        tag = Tag(inputs.tag, "fixed", INPUTS_RULE, "the inputs")
        return PlannedTag(tag, "present" if current else "new", current.digest if current else None)
