"""Publishes one image: the fixed tag first, then a look at what ECR holds, and only then the other tags."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.build import Built
from ecr_tasks.execute.set_tags import make_way, set_tags
from ecr_tasks.model.image import BuildInput
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.plan import PlannedImage

By = Literal["push", "copy", "replication"]
"""How an image comes into a registry: pushed, copied by us, or replicated by ECR itself."""

State = Literal["pushed", "retagged", "already-published"]


@dataclass(frozen=True)
class Published:
    """What the registry holds now, and what was done for it."""

    name: str
    registry: str
    repository: str
    digest: str
    tags: tuple[str, ...]
    state: State
    image: StoredImage
    by: By | None = None
    """How it got there in this run; None where it was there already."""

    @property
    def reference(self) -> str:
        """``host/repository@sha256:…``"""
        return f"{self.registry}/{self.repository}@{self.digest}"


def publish(
    planned: PlannedImage,
    built: Built | None,
    docker: Docker,
    registry: Registry,
    *,
    builder: str | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> Published:
    """Carries a planned image out; ``built`` is needed unless the commit is published already.

    This run must have the push lock of its reference. Every failure leaves the moving tags where they were or on this
    complete image (interface.md, Publishing 5); running it again finishes. Raises RegistryError or Refused.
    """
    repository = planned.view.repository if planned.view else None
    if repository is None:
        raise RegistryError(f"The repository {planned.image.repository} is gone.", "Run it again.")
    image = None if planned.build_needed else planned.published
    state: State = "already-published"
    due = planned.tags
    if image is None:
        if built is None:
            raise RegistryError(f"{planned.image.name} was not built.", "Run `inv build push`.")
        image, state = _push(planned, built, repository, docker, registry, builder, warn)
        due = due[1:]
    _name_by_inputs(planned, image, repository, registry, pushed=state == "pushed")
    try:
        moved, left = set_tags(
            [item for item in due if item.digest != image.digest], image, repository, registry, warn
        )
    except EcrTasksError as error:
        raise type(error)(
            f"{image.digest} is published{_as(planned)}, but not every tag is set: {error.cause}", error.remedy
        ) from error
    if state == "already-published" and moved:
        state = "retagged"
    tags = tuple(item.tag.name for item in planned.tags if item.tag.name not in left and not item.stays)
    by: By | None = "push" if state == "pushed" else None
    return Published(planned.image.name, repository.host, repository.name, image.digest, tags, state, image, by)


def _push(
    planned: PlannedImage,
    built: Built,
    repository: Repository,
    docker: Docker,
    registry: Registry,
    builder: str | None,
    warn: Callable[[str], None],
) -> tuple[StoredImage, State]:
    """Pushes under the publishing tag and returns what ECR then holds there.

    A fixed tag that another run has published meanwhile stays: that image is taken instead of ours, or refused
    where it must not be (ECR_SKIP=never).
    """
    tag = planned.image.tags[0]
    reference = planned.reference or ""
    if planned.published is not None and planned.rebuilds:
        return _theirs(planned, planned.published, built, warn)
    docker.authorize(replace(registry.token(), host=repository.host))
    if tag.kind == "fixed" and (theirs := registry.image(repository, tag.name)) is not None:
        return _theirs(planned, theirs, built, warn)
    if built.digest is None or planned.tags[0].digest != built.digest:
        make_way(planned.tags[0], repository, registry)
    try:
        with registry.reserve(repository, planned.image.definition.manifests):
            digest = _send(planned, built, reference, docker, builder)
    except Refused:
        theirs = registry.image(repository, tag.name)
        if tag.kind == "moving" or theirs is None:
            raise
        return _theirs(planned, theirs, built, warn)
    stored = registry.image(repository, tag.name)
    if stored is None:
        raise RegistryError(f"ECR does not have {reference} after the push.", "Run it again.")
    if _same(stored, built, digest):
        return stored, "pushed"
    if digest is not None and registry.image(repository, digest) is not None and tag.kind == "fixed":
        return _theirs(planned, stored, built, warn)
    raise RegistryError(
        f"ECR holds {stored.digest} as {reference}, but {digest or built.image_id} was built.",
        "Another run may have pushed at the same time; run it again. No other tag has been touched.",
    )


def _send(planned: PlannedImage, built: Built, reference: str, docker: Docker, builder: str | None) -> str | None:
    """Sends what was built, from where it stays; returns its digest if that is known."""
    if built.keep == "store":
        if built.reference != reference:
            docker.tag(built.image_id or built.digest or "", reference)
        docker.push(reference)
        return built.digest
    item = BuildInput(built.name, planned.image.definition, (reference,), "builder", push=True)
    result = docker.build([item], builder)[built.name]
    if result.digest != built.digest:
        raise RegistryError(
            f"The builder no longer has what was built: it pushed {result.digest} instead of {built.digest}.",
            "Run `inv build push` again; no other tag has been touched.",
        )
    return result.digest


def _same(stored: StoredImage, built: Built, digest: str | None) -> bool:
    if digest is not None:
        return stored.digest == digest
    # A classic store's image has no manifest of its own until it is pushed; its configuration names it.
    return stored.config_digest == built.image_id


def _theirs(
    planned: PlannedImage, theirs: StoredImage, built: Built, warn: Callable[[str], None]
) -> tuple[StoredImage, State]:
    """The image that has the fixed tag, in place of ours; Refused where another one than ours must not be taken."""
    if planned.rebuilds and not _same(theirs, built, built.digest):
        raise Refused(
            f"{planned.reference} is published as {theirs.digest}, and {built.digest or built.image_id} was built "
            "(ECR_SKIP=never); a fixed tag never moves.",
            "Make a new commit to publish it, or set ECR_SKIP=commit to keep what is published.",
        )
    if theirs.digest != built.digest and not planned.rebuilds:
        warn(f"Another run published {planned.reference} first; its image {theirs.digest} is taken.")
    return theirs, "already-published"


def _name_by_inputs(
    planned: PlannedImage, image: StoredImage, repository: Repository, registry: Registry, *, pushed: bool
) -> None:
    """Gives an image the tag of its inputs, unless an image of the same inputs has it already."""
    inputs, view = planned.image.inputs, planned.view
    if inputs is None or inputs.tag is None or (view is not None and inputs.tag in view.tags):
        return
    if (pushed or image.inputs == inputs.digest) and registry.image(repository, inputs.tag) is None:
        with suppress(Refused):  # another run was quicker: its image is as good
            registry.set_tag(repository, image, inputs.tag)


def _as(planned: PlannedImage) -> str:
    """What it is published as for certain, when setting the other tags has failed."""
    first = planned.tags[0]
    is_set = planned.build_needed or first.state == "present"
    return f" as {first.tag.name}" if is_set else ""
