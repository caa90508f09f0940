"""Brings a published image to more registries, all at once; what fails in one leaves the others done.

Each has the image by its digest, whole, before its first tag is set there; fixed tags come first, moving ones last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.execute.push import By, Published, State
from ecr_tasks.execute.set_tags import set_tags
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry, Target
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.destinations import PlannedCopy, judged, no_repository

PARALLEL = 8
"""How many destinations are tagged at once."""

REPLICATION_SECONDS = 600.0
"""How long ECR's own replication is waited for before we copy: it promises no time, and a copy does it no harm."""

GRACE_SECONDS = 15.0
"""How long after a push ECR may say nothing of the image's replication before we take it for not replicated."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


@dataclass(frozen=True)
class Failed:
    """A destination that an image did not get to, or not with every tag, and why."""

    copy: PlannedCopy
    error: EcrTasksError


def spread(
    name: str,
    done: Published,
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
) -> list[Published | Failed]:
    """Brings ``done`` to each destination, in their order; never raises for what one of them has against it.

    What is not missing is not sent: an image that is there gets the tags it lacks, and a second run does only what
    the first one left.
    """
    image = done.image
    results: dict[Destination, Published | Failed] = {}
    wanted: dict[Destination, PlannedCopy] = {}
    for copy in copies:
        copy = judged(copy, image)
        if copy.error is not None:
            results[copy.destination] = Failed(copy, copy.error)
        else:
            wanted[copy.destination] = copy
    missing = [copy for copy in wanted.values() if not copy.is_there]
    replicated = [copy for copy in missing if copy.by == "replication"]
    failed = _copy([copy for copy in missing if copy.by == "copy"], done, source, registry, targets, docker)
    left = _await(
        replicated,
        image,
        source,
        registry,
        pushed=done.state == "pushed",
        say=say,
        warn=warn,
        retrier=retrier,
        now=now,
    )
    for copy in left:
        try:
            wanted[copy.destination] = _looked_anew(copy, image, targets[copy.destination])
        except EcrTasksError as error:
            failed[copy.destination] = error
    again = [wanted[copy.destination] for copy in left if copy.destination not in failed]
    failed |= _copy([copy for copy in again if not copy.is_there], done, source, registry, targets, docker)
    copied = {copy.destination for copy in left}

    def finish(copy: PlannedCopy) -> Published | Failed:
        where = copy.destination
        if where in failed:
            return Failed(copy, failed[where])
        by: By | None = None if copy.is_there else "copy" if where in copied else copy.by
        try:
            return _finish(name, copy, image, targets[where], by, warn)
        except EcrTasksError as error:
            return Failed(copy, error)

    results |= dict(zip(wanted, map_parallel(finish, list(wanted.values()), PARALLEL, retrier), strict=True))
    return [results[copy.destination] for copy in copies]


def _copy(
    copies: Sequence[PlannedCopy],
    done: Published,
    source: Repository,
    registry: Registry,
    targets: Mapping[Destination, Target],
    docker: Docker,
) -> dict[Destination, EcrTasksError]:
    """From registry to registries in one go; gives what went wrong, by destination."""
    failed: dict[Destination, EcrTasksError] = {}
    references: dict[str, Destination] = {}
    rooms: dict[tuple[str, str], tuple[Target, Repository, int]] = {}
    for copy in copies:
        where, there = copy.destination, copy.view.repository if copy.view else None
        if there is None:
            failed[where] = no_repository(where, copy.repository)
            continue
        try:
            docker.authorize(replace(targets[where].token(), host=there.host))
        except EcrTasksError as error:
            failed[where] = error
            continue
        references[f"{there.uri}@{done.digest}"] = where
        place = (where.account, where.region)
        rooms[place] = (targets[where], there, rooms[place][2] + 1 if place in rooms else 1)
    if references:
        try:
            docker.authorize(replace(registry.token(), host=source.host))
            with ExitStack() as room:
                # One registry may be several destinations: its room is taken once for all of them.
                for target, there, count in rooms.values():
                    room.enter_context(target.reserve(there, count * done.image.manifests))
                told = docker.copy(f"{source.uri}@{done.digest}", list(references))
        except EcrTasksError as error:
            told = dict.fromkeys(references, error)
        failed |= {references[target]: error for target, error in told.items()}
    return failed


def _await(
    copies: Sequence[PlannedCopy],
    image: StoredImage,
    source: Repository,
    registry: Registry,
    *,
    pushed: bool,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    retrier: Retrier,
    now: Callable[[], float],
) -> list[PlannedCopy]:
    """Waits until ECR has replicated the image by itself; gives the destinations where it did not."""
    waiting = {(copy.destination.account, copy.destination.region): copy for copy in copies}
    left: list[PlannedCopy] = []
    began, pause, told = now(), _FIRST_PAUSE, False
    while waiting:
        try:
            statuses = registry.replication(source, image.digest)
        except EcrTasksError as error:
            warn(f"ECR's own replication can't be followed, so the image is copied: {error.cause}")
            return [*left, *waiting.values()]
        waited = now() - began
        for place, copy in list(waiting.items()):
            status = statuses.get(place)
            if status == "COMPLETE":
                say(f"{copy.place}: replicated by ECR")
            elif status == "FAILED":
                warn(f"ECR's own replication to {copy.place} failed, so the image is copied.")
                left.append(copy)
            elif status is None and (not pushed or waited >= GRACE_SECONDS):
                left.append(copy)  # it was pushed before there was a rule, and ECR replicates only what comes later
            elif waited >= REPLICATION_SECONDS:
                warn(f"ECR has not replicated the image to {copy.place} in {waited:.0f} s, so it is copied.")
                left.append(copy)
            else:
                continue
            del waiting[place]
        if waiting:
            if not told:
                say(f"waiting for ECR's own replication to {', '.join(copy.place for copy in waiting.values())}")
                told = True
            retrier.pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
    return left


def _looked_anew(copy: PlannedCopy, image: StoredImage, target: Target) -> PlannedCopy:
    """The same by what is there now: ECR's replication may have created the repository, and set the tags.

    Raises what stands in the way.
    """
    view = target.describe({copy.repository: [item.tag.name for item in copy.tags]})[copy.repository]
    found = judged(replace(copy, view=view), image)
    if found.error is not None:
        raise found.error
    return found


def _finish(
    name: str, copy: PlannedCopy, image: StoredImage, target: Target, by: By | None, warn: Callable[[str], None]
) -> Published:
    """Looks whether the digest is there, then sets the tags that are not on it."""
    if by == "replication":
        copy = _looked_anew(copy, image, target)
    repository = copy.view.repository if copy.view else None
    if repository is None or (by is not None and not target.present(repository, [image.digest])):
        raise RegistryError(f"ECR does not have {image.digest} in {copy.place} after the copy.", "Run it again.")
    due = [item for item in copy.tags if item.digest != image.digest]
    try:
        moved, left = set_tags(due, image, repository, target, warn)
    except EcrTasksError as error:
        raise type(error)(
            f"{image.digest} is there, but not every tag is set: {error.cause}", error.remedy
        ) from error
    state: State = "pushed" if by is not None else "retagged" if moved else "already-published"
    tags = tuple(item.tag.name for item in copy.tags if item.tag.name not in left and not item.stays)
    return Published(name, repository.host, repository.name, image.digest, tags, state, image, by)
