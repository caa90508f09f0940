"""Publish one image: push the fixed tag, verify its digest in ECR, then set the other tags."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.set_tags import (
    Look,
    Newer,
    any_order,
    fixed_digests,
    free_tags,
    look_at_moving,
    set_tags,
)
from ecr_tasks.execute.turns import Held, begin_check, set_in_turn
from ecr_tasks.model.attestation import Attached, Wanted
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Built, ImageReceipt, Published, PublishState, Transport
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.republish import commit_tag
from ecr_tasks.plan.snapshot import is_fresh
from ecr_tasks.plan.tag_states import PlannedTag

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Docker, Registry

_NOTHING = Wanted()


def publish_image(
    item: PlannedImage,
    receipt: ImageReceipt,
    docker: Docker | None,
    registry: Registry,
    *,
    warn: Callable[[str], None],
    retrier: Retrier,
    newer: Newer = any_order,
    age: float = math.inf,
    wanted: Wanted = _NOTHING,
    pushed: Callable[[], object] = lambda: None,
    ahead: bool = False,
) -> ImageReceipt:
    """Publish a built image with what is to be attached to it; return its receipt with platforms and sizes.

    ``pushed`` is called when the registry has the image under its first tag, and no local name is needed any more.
    """
    published = publish(
        item,
        receipt.built,
        docker,
        registry,
        warn=warn,
        newer=newer,
        age=age,
        wanted=wanted,
        retrier=retrier,
        pushed=pushed,
        ahead=ahead,
    )
    # The size of an index is the sum of its images' sizes, which are read only when something was built.
    sizes = _sizes(published, registry, warn) if receipt.built is not None else {}
    # A single image's is in its configuration, which a run that builds nothing does not read.
    single = item.image.definition.platforms if receipt.built is None and not published.image.is_index else ()
    return replace(
        receipt,
        published=(published,),
        platforms=tuple(platform for platform, _ in published.image.children) or single,
        sizes=sizes,
        size=sum(sizes.values()) if sizes else published.image.size,
    )


def publish(
    item: PlannedImage,
    built: Built | None,
    docker: Docker | None,
    registry: Registry,
    *,
    warn: Callable[[str], None] = lambda text: None,
    newer: Newer = any_order,
    age: float = math.inf,
    wanted: Wanted = _NOTHING,
    retrier: Retrier | None = None,
    pushed: Callable[[], object] = lambda: None,
    ahead: bool = False,
) -> Published:
    """Publish a planned image; ``built`` and ``docker`` are needed unless the image is published already.

    ``newer`` says why the image that has a moving tag by now is newer than this one. ``age`` is how many seconds ago
    the registry was read for the plan. ``wanted`` is attached after the push of the first tag, before others are set,
    so that nobody gets the image under a moving tag without it. ``ahead`` is whether to take the turns at fixed tags
    before the upload, which costs some calls, and saves the wait between two of them.

    This run must hold the image's push lock. After a failure each moving tag points at its old image or at this
    complete one, and a second run completes the work. Raises AwsError,
    RegistryError or Refused.
    """
    with ExitStack() as ends:  # waits for what is beside the rest, also after an error
        return _publish(item, built, docker, registry, warn, newer, age, wanted, retrier, pushed, ahead, ends)


def _publish(
    item: PlannedImage,
    built: Built | None,
    docker: Docker | None,
    registry: Registry,
    warn: Callable[[str], None],
    newer: Newer,
    age: float,
    wanted: Wanted,
    retrier: Retrier | None,
    pushed: Callable[[], object],
    ahead: bool,
    ends: ExitStack,
) -> Published:
    repository = item.view.repository if item.view else None
    if repository is None:
        raise RegistryError(f"The repository {item.image.repository} is gone.", "Run it again.")
    image = None if item.build_needed else item.published
    state: PublishState = "already-published"
    fresh = is_fresh(age)
    seen: dict[str, Look] = {}
    unused: Collection[str] = ()
    pending: Sequence[PlannedTag] = item.tags
    held: Held = {}
    if image is not None and fresh:
        newer = any_order
    if image is None:
        if built is None or docker is None:
            raise RegistryError(f"{item.image.name} was not built.", "Run `inv build push`.")
        from ecr_tasks.execute.push_first_tag import FirstTagPush

        push = FirstTagPush(item, built, repository, docker, registry, warn, newer, ends, age, ahead)
        image, state = push.push()
        pushed()
        unused = item.unused_revisions(image.digest)
        pending, seen, held = [tag for tag in pending[1:] if tag.tag.name not in unused], push.seen, push.held
    elif any(tag.startswith(TURN_TAG) for tag in image.tags):
        from ecr_tasks.execute.turns_ahead import remove_left

        remove_left(image, item.tags, repository, registry)
    attached: tuple[Attached, ...] = ()
    if wanted.kinds:
        attached = _attach(wanted, image, built, item, repository, registry)
    if item.build_needed or fresh:
        pending = [tag for tag in pending if tag.digest != image.digest]
    else:  # whether the tags that had the image still have it is as old as the rest of the plan
        pending = [tag for tag in pending if tag.tag.kind == "fixed" or tag.digest != image.digest]
    looked_at = time.monotonic()
    try:
        if not (fresh and all(repository.locks(tag.tag.name) for tag in pending if tag.tag.kind == "fixed")):
            pending = free_tags(pending, fixed_digests(pending, repository, registry), image.digest, repository)
        if not image.is_read and any(not tag.stays for tag in pending):  # a tag is set with the manifest's bytes
            image = _read_published(image, item, repository, registry)
        _set_inputs_tag(item, image, repository, registry, pushed=state == "pushed")

        def look() -> None:
            seen.update(look_at_moving(pending, repository, registry))

        others = set_in_turn(pending, image, repository, registry, warn, ends, look, held)
        just_set = [*item.tags[:1], *pending] if state == "pushed" else pending
        check_kept = begin_check(just_set, image.digest, repository, registry)
        any_set, left = set_tags(others, image, repository, registry, warn, newer, seen, retrier, looked_at)
        any_set = any_set or len(others) < len(pending)
        check_kept()
    except EcrTasksError as error:
        raise type(error)(
            f"{image.digest} is published{_as_tag(item)}, but not every tag is set: {error.cause}", error.remedy
        ) from error
    if state == "already-published" and any_set:
        state = "retagged"
    tags = tuple(tag.tag.name for tag in item.tags if tag.tag.name not in (*left, *unused))
    transport: Transport | None = "push" if state == "pushed" else None
    name, host = item.image.name, repository.host
    return Published(name, host, repository.name, image.digest, tags, state, image, transport, left, attached)


def _attach(
    wanted: Wanted,
    image: StoredImage,
    built: Built | None,
    item: PlannedImage,
    repository: Repository,
    registry: Registry,
) -> tuple[Attached, ...]:
    """Attach what is wanted. Raises the error with what is published by then."""
    from ecr_tasks.execute.attestations import attach_wanted

    is_built = built is not None and built.is_stored_as(image)
    try:
        return attach_wanted(wanted, repository, image, registry.artifacts, is_built=is_built)
    except EcrTasksError as error:
        raise type(error)(
            f"{image.digest} is published{_as_tag(item)}, but without all that is to be attached: {error.cause}",
            error.remedy,
        ) from error


def _read_published(
    image: StoredImage, item: PlannedImage, repository: Repository, registry: Registry
) -> StoredImage:
    """Return the published image with its manifest. Raises Refused if it is another commit's under this one's tag."""
    image, first = registry.read(repository, image), commit_tag(item.image)
    tagged = item.view.tags.get(first.name) if first and item.view else None
    if tagged is not None and tagged.digest == image.digest:
        from ecr_tasks.execute.push_first_tag import check_ours

        check_ours(image, item, "", repository, registry)
    return image


def _set_inputs_tag(
    item: PlannedImage,
    image: StoredImage,
    repository: Repository,
    registry: Registry,
    *,
    pushed: bool,
) -> None:
    """Give an image the tag of its inputs, unless an image of the same inputs has it already.

    Two runs need not take turns at it: of two images of the same inputs, either will do.
    """
    inputs, view = item.image.inputs, item.view
    if inputs is None or inputs.tag is None or (view is not None and inputs.tag in view.tags):
        return
    if (pushed or image.inputs == inputs.digest) and not registry.tag_digests(repository, [inputs.tag]):
        with suppress(Refused):  # another run set it first, for an image of the same inputs
            registry.set_tag(repository, image, inputs.tag)


def _as_tag(item: PlannedImage) -> str:
    """Return " as TAG" if the first tag is certainly set, also when setting the others has failed."""
    first = item.tags[0]
    is_set = item.build_needed or first.state == "present"
    return f" as {first.tag.name}" if is_set else ""


def _sizes(published: Published, registry: Registry, warn: Callable[[str], None]) -> dict[str, int]:
    """Return the compressed bytes of an index's images by platform; empty for a single image, which has its own size.

    The image is already published, so an error is only a warning.
    """
    if not published.image.is_index:
        return {}
    repository = Repository(published.repository, "", f"{published.registry}/{published.repository}")
    try:
        images = registry.images(repository, [digest for _, digest in published.image.children])
    except EcrTasksError as error:
        warn(f"{published.name} is published, but its size is not known: {error.cause}")
        return {}
    sizes = ((platform, images.get(digest)) for platform, digest in published.image.children)
    return {platform: image.size or 0 for platform, image in sizes if image is not None}
