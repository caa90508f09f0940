"""Take turns at setting a fixed tag that ECR doesn't lock, so that it never moves.

ECR can't set a tag only where there is none: of two runs that look at the same moment and find none, both would set
it. So all runs first set another tag, the same for all of them, each to its own image; a run sets the fixed tag only
while the other tag still has its image, and the run that has lost it waits. This is Fischer's mutual exclusion with
one shared register: it holds where what is between a run's look and its next call is shorter than what is between
another run's first two calls.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ecr_tasks.errors import AwsError, EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.set_tags import free_tags
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Target
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.tag_states import PlannedTag, is_contested

ATTEMPTS = 5
POLL_SECONDS = 0.5
TURN_SECONDS = 20
"""How long a run waits for one whose turn it is: by then that has only to set the tag, or was killed."""

LEAD_SECONDS = 0.5
"""The time between a run's first two calls, which is many times what comes between its look and its next call."""


def turn_tag(item: PlannedTag) -> str:
    """Return the tag of the run whose turn it is to set a fixed tag."""
    return f"{TURN_TAG}{sha256_digest(item.tag.name).removeprefix('sha256:')[:16]}"


def can_take_turns(repository: Repository, registry: Target, left: Sequence[str] = ()) -> bool:
    """Return whether the other tag would leave no trace, and remove those ``left`` by killed runs.

    It takes ecr:BatchDeleteImage to remove it, which not everybody who pushes has, and ECR's own replication would
    copy it to other registries, where it would stay.
    """
    if registry.replicates_to(repository.name):
        return False
    try:
        for tag in left or [f"{TURN_TAG}{secrets.token_hex(8)}"]:  # a missing tag is no error
            registry.untag(repository, tag)
    except AwsError:
        return False
    return True


def set_in_turn(
    pending: Sequence[PlannedTag],
    image: StoredImage,
    repository: Repository,
    registry: Target,
    warn: Callable[[str], None],
) -> list[PlannedTag]:
    """Set the fixed ones of the pending tags that ECR doesn't lock, and return the other tags.

    The image is in the repository. Raises Refused when another image gets one of the tags meanwhile.
    """
    contested = [item for item in pending if is_contested(item, repository)]
    if not contested or not can_take_turns(repository, registry):
        return list(pending)
    turns, due = [turn_tag(item) for item in contested], contested
    try:
        for _ in range(ATTEMPTS):
            for item in due:
                with suppress(Refused):  # another run has it, and ECR locks that tag
                    registry.set_tag(repository, image, turn_tag(item))
            wait_before_look(time.monotonic())
            existing = registry.tag_digests(repository, [item.tag.name for item in due])
            due = free_tags(due, existing, image.digest, repository)
            turn = registry.tag_digests(repository, turns)  # last: nothing may come between it and the next call
            for item in due:
                if turn.get(turn_tag(item)) == image.digest:
                    registry.set_tag(repository, image, item.tag.name)
            due = [item for item in due if turn.get(turn_tag(item)) != image.digest]
            if not due:
                return [item for item in pending if item not in contested]
            wait_for_turn(due[0], image.digest, repository, registry)
    finally:
        for tag in turns:
            remove_turn(tag, image.digest, repository, registry, warn)
    raise RegistryError(
        f"Other runs set {due[0].tag.name} in {repository.uri} at the same time, and none of them has ended.",
        "Run it again.",
    )


def wait_before_look(turn_set: float) -> None:
    """Wait between the calls that set a turn and that look at the fixed tag and the turn; ``turn_set`` is the time of
    the first one (``time.monotonic``)."""
    time.sleep(max(0.0, turn_set + LEAD_SECONDS - time.monotonic()))


def remove_turn(tag: str, digest: str, repository: Repository, registry: Target, warn: Callable[[str], None]) -> None:
    """Remove the tag of a run's turn from its image, if it still has that image."""
    try:
        registry.untag(repository, tag, digest)
    except EcrTasksError as error:
        warn(f"{repository.uri}:{tag}, which was for the upload only, is not removed: {error.cause}")


def wait_for_turn(item: PlannedTag, image: str, repository: Repository, registry: Target) -> None:
    """Wait until the run whose turn it is has ended; ``image`` is the digest or id of ours.

    What a killed run has left, which ECR may lock, is removed in the end. Raises Refused when another image has got
    the tag.
    """
    turn, other = turn_tag(item), None
    for _ in range(int(TURN_SECONDS / POLL_SECONDS)):
        existing = dict(registry.tag_digests(repository, [turn, item.tag.name]))
        current = existing.pop(turn, None)
        if not free_tags([item], existing, image, repository):
            return
        other = other or current
        if current is None or current != other:
            return
        time.sleep(POLL_SECONDS)
    if other is not None:
        registry.untag(repository, turn, other)
