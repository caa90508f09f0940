"""Push what was built under its first tag, which no other run of the same commit may have with another image."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import field, replace

from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import AwsError, EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.built_manifest import push_with_manifest, with_manifest
from ecr_tasks.execute.from_builder import push_from_builder
from ecr_tasks.execute.set_tags import (
    Look,
    Newer,
    delete_replaceable,
    fixed_digests,
    free_tags,
    look_at_moving,
    newer_now,
    read_commit,
)
from ecr_tasks.execute.turns import Held, HeldTurn, set_in_turn
from ecr_tasks.execute.turns_ahead import take_turns_ahead
from ecr_tasks.execute.upload_apart import can_upload_apart, uploaded_apart
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry
from ecr_tasks.model.receipt import Built, PublishState
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.conflicts import of_another_commit
from ecr_tasks.plan.forward import nothing_else
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.skip import is_ours
from ecr_tasks.plan.snapshot import is_fresh
from ecr_tasks.plan.tag_states import PlannedTag, is_contested

LOOK_AFTER_SECONDS = 60.0
"""How old a plan is when another run of the same commit may well have ended: a look for it may save an upload."""

Pushed = tuple[StoredImage, PublishState]
"""The image that has the first tag, with its manifest, and whether this run pushed it."""


@dataclass(frozen=True)
class FirstTagPush:
    """The push of a build under the first of its planned tags.

    ``newer``, ``age`` and ``ahead`` are as for ``publish``. ``ends`` waits for what is still under way.
    ``seen`` gets the images that the moving tags have when the first tag is set, ``held`` the turns taken ahead.
    """

    item: PlannedImage
    built: Built
    repository: Repository
    docker: Docker
    registry: Registry
    warn: Callable[[str], None]
    newer: Newer
    ends: ExitStack
    age: float = math.inf
    ahead: bool = False
    held: dict[str, HeldTurn] = field(default_factory=dict)
    seen: dict[str, Look] = field(default_factory=dict)

    def push(self) -> Pushed:
        """Push the build and return the image that ECR then has under the tag.

        If another run has published the fixed tag meanwhile, return its image; with ECR_SKIP=never raise Refused when
        that image differs.
        """
        published = self._published()
        if published is not None:
            return self._accept(published)
        tag = self.item.image.tags[0]
        if self.built.joined is None:
            self.docker.authorize(replace(self.registry.token(), host=self.repository.host))
        with self.registry.reserve(self.repository, self._puts()):
            apart = is_contested(self.item.tags[0], self.repository) and can_upload_apart(
                self.repository, self.registry, self.docker
            )
            current = self._look_before_push(apart)
            if current is not None:
                return self._accept(current)
            taken = self._begin_turns() if apart and self.ahead else None
            try:
                image = self._send(apart, taken)
            # RegistryError where a run on this engine removed the upload's local name, or AwsError with fewer rights.
            except (AwsError, Refused, RegistryError):
                if tag.kind == "fixed":
                    with suppress(EcrTasksError):  # a registry that is gone is no better reason than the push's own
                        current = self.registry.image(self.repository, tag.name)
                if current is None:
                    raise
                return self._accept(current)
        return self._verified() if image is None else (image, "pushed")

    def _published(self) -> StoredImage | None:
        """Return the image that is published already and is to be the built one, if it must be that."""
        published = self.item.published
        if published is None or not self.item.rebuilds:
            return None
        if self.built.digest is None:
            published = self.registry.read(self.repository, published)
        return published if not self.item.makes_revision or self.built.is_stored_as(published) else None

    @property
    def _fixed(self) -> list[PlannedTag]:
        return [item for item in self.item.tags if item.tag.kind == "fixed" and not item.stays]

    def _look_before_push(self, apart: bool) -> StoredImage | None:
        """Return the image that has the tag by now, or None once nothing is in the way of the push.

        Nothing that takes time may come between this look and the push: many a repository locks no tag. Raises
        Refused for another fixed tag that another image has, and for a moving one that has a newer image. ECR itself
        refuses a tag that it locks, and there is a look after an upload ``apart``: then there is nothing to see that
        the plan didn't see a moment ago. Where the only fixed tag is locked, a run that was faster within a minute
        costs an upload, and each look a round trip.
        """
        first, *others = self.item.tags
        locked = first in self._fixed and all(self.repository.locks(item.tag.name) for item in self._fixed)
        at_once = self.age < LOOK_AFTER_SECONDS and self._fixed == [first]
        if (is_fresh(self.age) and (apart or locked)) or (locked and at_once):
            return None
        existing = fixed_digests(self.item.tags, self.repository, self.registry)
        if first.tag.name in existing:
            current = self.registry.image(self.repository, existing[first.tag.name])
            if current is not None:
                return current
        free_tags(others, existing, self.built.id, self.repository)
        if because := newer_now(first, self.repository, self.registry, self.newer):
            raise nothing_else(because)
        if self.built.digest is None or first.digest != self.built.digest:
            delete_replaceable(first, self.repository, self.registry)
        return None

    def _puts(self) -> int:
        """Return how many manifests docker puts; a builder also puts an index for each attested platform."""
        if self.built.joined is not None:
            return 0
        definition = self.item.image.definition
        indexes = len(self.built.manifests) if self.built.keep == "builder" and definition.attests else 0
        return definition.manifests + indexes

    def _begin_turns(self) -> Callable[[], Held]:
        """Begin to take the turns at the fixed tags, which takes as long as a small upload."""
        contested = [item for item in self.item.tags if is_contested(item, self.repository)]
        taken = take_turns_ahead(contested, self.repository, self.registry, self.warn, self.ends)

        def wait() -> Held:
            self.held.update(taken())
            return self.held

        return wait

    def _send(self, apart: bool, taken: Callable[[], Held] | None) -> StoredImage | None:
        """Push from the image store or the builder under the tag; return the image if it got the tag by API.

        ``taken`` waits for the turns that are taken ahead.
        """
        first, repository, registry = self.item.tags[0], self.repository, self.registry
        if self.built.joined is not None or self.built.keep == "builder":
            image = self.built.joined or push_from_builder(
                self.built, self.item.image.definition, repository, self.docker, registry
            )
            self._set_first(image, taken() if taken is not None else {})
            return image
        if apart:
            upload = uploaded_apart(first, self.built, repository, self.docker, registry, self.warn, self.ends, taken)
            with upload as (image, held):
                self._set_first(image, held)
            return image
        reference = f"{repository.uri}:{first.tag.name}"
        if self.built.reference != reference:
            self.docker.tag(self.built.image_id or self.built.digest or "", reference)
        push_with_manifest(reference, self.built, self.docker, registry)
        return None

    def _set_first(self, image: StoredImage, held: Held) -> None:
        """Set the first tag of an image that the repository has. Raises Refused when another image gets it, or one of
        the other fixed tags, meanwhile.
        """
        first, repository, registry = self.item.tags[0], self.repository, self.registry
        later = [item for item in self._fixed if item != first]
        others = set_in_turn(
            [first], image, repository, registry, self.warn, self.ends, self._look_at_moving, held, later
        )
        if others:

            def look() -> None:
                free_tags(others, fixed_digests(others, repository, registry), image.digest, repository)

            with registry.permit(repository, 1):
                look()
                looked = begin(self._look_at_moving)
                registry.set_tag(repository, image, first.tag.name, look)
                looked()

    def _look_at_moving(self) -> None:
        """Look at the moving tags, which are set next."""
        self.seen.update(look_at_moving(self.item.tags[1:], self.repository, self.registry))

    def _verified(self) -> Pushed:
        """Return the image that ECR has after docker's push. Raises RegistryError when it is not what was built."""
        tag, reference = self.item.image.tags[0], self.item.reference or ""
        forward = [item for item in self.item.tags[1:] if item.tag.forward is not None]
        names = [tag.name, *(item.tag.name for item in forward)]
        are_there = all(item.digest is not None for item in forward)
        began = time.monotonic()
        images = self.registry.images(self.repository, names, expected=are_there)
        stored = images.get(tag.name)
        self.seen.update({name: Look(images.get(name), began) for name in names[1:]})
        if stored is None:
            raise RegistryError(f"ECR does not have {reference} after the push.", "Run it again.")
        stored = self._with_manifest(stored)
        if self.built.is_stored_as(stored):
            return stored, "pushed"
        if tag.kind == "fixed":
            return self._accept(stored)
        raise RegistryError(
            f"ECR holds {stored.digest} as {reference}, but {self.built.id} was built.",
            "Another run may have pushed at the same time; run it again. No other tag has been touched.",
        )

    def _accept(self, stored: StoredImage) -> Pushed:
        """Return the image that has the fixed tag, with its manifest.

        Raises Refused when it must be the built one and differs, and when it is another commit's.
        """
        stored = self._with_manifest(stored)
        if self.built.is_stored_as(stored):
            return stored, "already-published"
        ours = f", and {self.built.id} was built from this one, {self.item.revision}"
        check_ours(stored, self.item, ours, self.repository, self.registry)
        if self.item.rebuilds:
            raise Refused(
                f"{self.item.reference} is published as {stored.digest}, and {self.built.id} was built anew; a fixed "
                "tag never moves.",
                "Run `inv build push --republish` now, which publishes it under a tag of its own, or make a new "
                "commit; ECR_SKIP=commit keeps what is published.",
            )
        if self.item.whole is not None:  # the runners must agree on one
            self.warn(
                f"The part {self.item.reference} is there already; its image {stored.digest} is taken, and not what "
                "was built now. Delete that tag in ECR and run it again for the new one."
            )
        else:
            self.warn(f"Another run published {self.item.reference} first; its image {stored.digest} is taken.")
        return stored, "already-published"

    def _with_manifest(self, stored: StoredImage) -> StoredImage:
        return with_manifest(stored, self.built.record, self.repository, self.docker, self.registry)


def check_ours(
    stored: StoredImage, item: PlannedImage, ours: str, repository: Repository, registry: Registry
) -> None:
    """Raise Refused if the image that has the fixed tag is another commit's, as the plan would."""
    stored = read_commit(stored, repository, registry)
    if not is_ours(stored, item.image, item.revision):
        raise of_another_commit(item.image.tags[0], item.image.repository, stored, ours)
