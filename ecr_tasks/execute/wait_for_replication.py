"""Wait until ECR has replicated an image by itself (private image replication)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Registry
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.destinations import PlannedCopy

REPLICATION_SECONDS = 600.0
"""How long ECR's own replication is waited for before we copy: it promises no time, and a copy does it no harm."""

GRACE_SECONDS = 15.0
"""How long after a push ECR may not mention the image's replication before we take it for not replicated."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


def wait_for_replication(
    copies: Sequence[PlannedCopy],
    image: StoredImage,
    source: Repository,
    registry: Registry,
    *,
    pushed: bool,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    retrier: Retrier,
    now: Callable[[], float] = time.monotonic,
) -> list[PlannedCopy]:
    """Wait until ECR has replicated the image; return the destinations where it did not.

    ``pushed`` means that this run pushed the image, so that replication may just begin.
    """
    waiting = {(copy.destination.account, copy.destination.region): copy for copy in copies}
    left: list[PlannedCopy] = []
    began, pause, announced = now(), _FIRST_PAUSE, False
    while waiting:
        try:
            statuses = registry.replication(source, image.digest)
        except EcrTasksError as error:
            warn(f"ECR's own replication can't be followed, so the image is copied: {error.cause}")
            return [*left, *waiting.values()]
        waited = now() - began
        for location, copy in list(waiting.items()):
            status = statuses.get(location)
            if status == "COMPLETE":
                say(f"{copy.address}: replicated by ECR")
            elif status == "FAILED":
                warn(f"ECR's own replication to {copy.address} failed, so the image is copied.")
                left.append(copy)
            elif status is None and (not pushed or waited >= GRACE_SECONDS):
                left.append(copy)  # it was pushed before there was a rule, and ECR replicates only what comes later
            elif waited >= REPLICATION_SECONDS:
                warn(f"ECR has not replicated the image to {copy.address} in {waited:.0f} s, so it is copied.")
                left.append(copy)
            else:
                continue
            del waiting[location]
        if waiting:
            if not announced:
                say(f"waiting for ECR's own replication to {', '.join(copy.address for copy in waiting.values())}")
                announced = True
            retrier.pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
    return left
