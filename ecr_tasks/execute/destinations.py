"""Copy a published image to more registries in parallel; a failure in one does not stop the others.

Each registry has the complete image by its digest before its first tag is set; moving tags are set last. What the
engine has uploaded there meanwhile need not be copied (:class:`~ecr_tasks.execute.upload_apart.UploadsAhead`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError, Interrupted
from ecr_tasks.execute.attestations import copy_attached
from ecr_tasks.execute.copy import Place, check_present, copy_manifests, missing_after_copy
from ecr_tasks.execute.set_tags import Look, Newer, any_order, fixed_digests, free_tags, look_at_moving, set_tags
from ecr_tasks.execute.turns import HeldTurn, begin_check, can_take_turns, set_in_turn
from ecr_tasks.execute.upload_apart import UploadsAhead
from ecr_tasks.execute.wait_for_replication import wait_for_replication
from ecr_tasks.model.attestation import Attached
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry, Target
from ecr_tasks.model.receipt import FailedCopy, ImageReceipt, Published, PublishState, Transport
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.destinations import PlannedCopy, missing_destination, with_tag_states
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.tag_states import is_contested

PARALLEL = 8
"""How many destinations are tagged at once."""


def copy_image(
    item: PlannedImage,
    receipt: ImageReceipt,
    registry: Registry,
    targets: Mapping[Destination, Target],
    docker: Docker,
    *,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    retrier: Retrier,
    newer: Newer = any_order,
    uploads: UploadsAhead | None = None,
) -> ImageReceipt:
    """Copy a published image to its destinations and return its receipt with the copies and the failed ones."""
    source = item.view.repository if item.view else None
    if source is None:
        return receipt
    unused = item.unused_revisions(receipt.published[0].digest)
    copies_to_make = [
        replace(copy, tags=tuple(tag for tag in copy.tags if tag.tag.name not in unused)) for copy in item.copies
    ]
    results = copy_to_destinations(
        receipt.published[0],
        source,
        copies_to_make,
        registry,
        targets,
        docker,
        say=say,
        warn=warn,
        retrier=retrier,
        newer=newer,
        uploads=uploads,
    )
    copies = tuple(result for result in results if isinstance(result, Published))
    failed = tuple(result for result in results if isinstance(result, FailedCopy))
    return replace(receipt, published=(*receipt.published, *copies), failed=failed)


def copy_to_destinations(
    published: Published,
    source: Repository,
    copies: Sequence[PlannedCopy],
    registry: Registry,
    targets: Mapping[Destination, Target],
    docker: Docker,
    *,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    retrier: Retrier,
    now: Callable[[], float] = time.monotonic,
    newer: Newer = any_order,
    uploads: UploadsAhead | None = None,
) -> list[Published | FailedCopy]:
    """Copy the image to each destination and return the results in the same order; errors are results, not raised.

    Only missing content is sent: a destination that has the image gets only the tags that it lacks, and a second run
    does only what the first one did not finish. ``uploads`` are those of this image that were begun before its push.
    """
    image = published.image
    if any(copy.error is None and not copy.is_present for copy in copies):
        image = registry.read(source, image)  # its manifest goes along
        published = replace(published, image=image)
    planned = {copy.destination: with_tag_states(copy, image) for copy in copies}
    errors = {copy.destination: copy.error for copy in planned.values() if copy.error is not None}
    missing = [copy for copy in planned.values() if copy.error is None and not copy.is_present]
    held = {copy.destination: uploads.turn(copy.destination, image.digest) for copy in missing} if uploads else {}
    errors |= _copy(
        [copy for copy in missing if copy.transport == "copy" and held.get(copy.destination) is None],
        *(published, source, registry, targets, docker),
    )
    unreplicated = wait_for_replication(
        [copy for copy in missing if copy.transport == "replication"],
        image,
        source,
        registry,
        pushed=published.state == "pushed",
        say=say,
        warn=warn,
        retrier=retrier,
        now=now,
    )
    for copy in unreplicated:
        try:
            planned[copy.destination] = replace(_refresh(copy, image, targets[copy.destination]), transport="copy")
        except EcrTasksError as error:
            errors[copy.destination] = error
    to_copy = [planned[copy.destination] for copy in unreplicated if copy.destination not in errors]
    errors |= _copy([copy for copy in to_copy if not copy.is_present], published, source, registry, targets, docker)

    def attach(target: Target, repository: Repository) -> tuple[Attached, ...]:
        if not published.attached:
            return ()
        return copy_attached(published.attached, source, registry.artifacts, repository, target.artifacts, image)

    def finish(copy: PlannedCopy) -> Published | FailedCopy:
        if copy.destination in errors:
            return FailedCopy(copy.address, errors[copy.destination])
        try:
            target, turn = targets[copy.destination], held.get(copy.destination)
            return _set_tags(
                published.name, copy, image, target, warn, newer, lambda place: attach(target, place), retrier, turn
            )
        except Interrupted:
            raise  # which is no destination's error
        except EcrTasksError as error:
            return FailedCopy(copy.address, error)

    return map_parallel(finish, list(planned.values()), PARALLEL, retrier)


def _copy(
    copies: Sequence[PlannedCopy],
    published: Published,
    source: Repository,
    registry: Registry,
    targets: Mapping[Destination, Target],
    docker: Docker,
) -> dict[Destination, EcrTasksError]:
    """Copy the image to these destinations and return the errors by destination."""
    errors: dict[Destination, EcrTasksError] = {}
    places: dict[Destination, Place] = {}
    for copy in copies:
        destination, repository = copy.destination, copy.view.repository if copy.view else None
        if repository is None:
            errors[destination] = missing_destination(destination, copy.repository)
        else:
            location = (destination.account, destination.region)
            places[destination] = Place(targets[destination], repository, location, destination.identity)
    if not places:
        return errors
    manifests = {published.digest: published.image.manifests}
    return errors | copy_manifests(manifests, source, registry, places, docker)


def _warn_of(address: str, warn: Callable[[str], None], text: str) -> None:
    warn(f"{address}: {text}")


def _refresh(copy: PlannedCopy, image: StoredImage, target: Target) -> PlannedCopy:
    """Read the destination again and return the updated plan: ECR may have created the repository and set the tags.

    Raises the error that prevents the copy.
    """
    view = target.describe({copy.repository: [item.tag.name for item in copy.tags]})[copy.repository]
    copy = with_tag_states(replace(copy, view=view), image)
    if copy.error is not None:
        raise copy.error
    return copy


def _set_tags(
    name: str,
    copy: PlannedCopy,
    image: StoredImage,
    target: Target,
    warn: Callable[[str], None],
    newer: Newer,
    attach: Callable[[Repository], tuple[Attached, ...]],
    retrier: Retrier,
    held: HeldTurn | None,
) -> Published:
    """Verify that the destination has the digest, attach what belongs to it, set the tags that don't point at it.

    ``held`` is the turn of its upload, which is given back as soon as the fixed tags are set.
    """
    transport: Transport | None = None if copy.is_present else copy.transport
    if transport == "replication":
        copy = _refresh(copy, image, target)
    repository = copy.view.repository if copy.view else None
    if repository is None:
        raise missing_after_copy(image.digest, copy.address)
    pending = [item for item in copy.tags if item.digest != image.digest]
    # At the same time: what the next steps need to know.
    place = Place(target, repository)
    present = begin(partial(check_present, [image.digest], place)) if transport is not None else None
    if any(is_contested(item, repository) for item in pending):
        begin(partial(can_take_turns, repository, target))
    existing = begin(partial(fixed_digests, pending, repository, target))
    if present is not None:
        present()
    seen: dict[str, Look] = {}

    def look() -> None:
        seen.update(look_at_moving(pending, repository, target))

    try:
        attached = attach(repository)
        if attached:  # which took some time
            existing = partial(fixed_digests, pending, repository, target)
        pending = free_tags(pending, existing(), image.digest, repository)
        with ExitStack() as ends:
            turns = {held.tag: held} if held is not None else {}
            others = set_in_turn(pending, image, repository, target, warn, ends, look, turns)
            check_kept = begin_check(pending, image.digest, repository, target)
            warn_there = partial(_warn_of, copy.address, warn)
            any_set, left = set_tags(others, image, repository, target, warn_there, newer, seen, retrier)
            any_set = any_set or len(others) < len(pending)
            check_kept()
    except EcrTasksError as error:
        sent = "there" if held is None else "uploaded"
        raise type(error)(
            f"{image.digest} is {sent}, but not every tag is set: {error.cause}", error.remedy
        ) from error
    state: PublishState = "pushed" if transport is not None else "retagged" if any_set else "already-published"
    tags = tuple(item.tag.name for item in copy.tags if item.tag.name not in left)
    published = Published(name, repository.host, repository.name, image.digest, tags, state, image, transport, left)
    return replace(published, attached=attached)
