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
"""How long to wait for ECR's own replication before copying: ECR promises no time, and a copy is harmless."""

GRACE_SECONDS = 15.0
"""How long after a push ECR may report no replication status before the image counts as not replicated."""

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

    ``pushed`` says that this run pushed the image, so that replication may not have started yet.
    """
    waiting = {(copy.destination.account, copy.destination.region): copy for copy in copies}
    unreplicated: list[PlannedCopy] = []
    start, pause, announced = now(), _FIRST_PAUSE, False
    while waiting:
        try:
            statuses = registry.replication(source, image.digest)
        except EcrTasksError as error:
            warn(f"ECR's own replication can't be followed, so the image is copied: {error.cause}")
            return [*unreplicated, *waiting.values()]
        waited = now() - start
        for location, copy in list(waiting.items()):
            status = statuses.get(location)
            if status == "COMPLETE":
                say(f"{copy.address}: replicated by ECR")
            elif status == "FAILED":
                warn(f"ECR's own replication to {copy.address} failed, so the image is copied.")
                unreplicated.append(copy)
            elif status is None and (not pushed or waited >= GRACE_SECONDS):
                unreplicated.append(copy)  # pushed before the rule existed: ECR replicates only later pushes
            elif waited >= REPLICATION_SECONDS:
                warn(f"ECR has not replicated the image to {copy.address} in {waited:.0f} s, so it is copied.")
                unreplicated.append(copy)
            else:
                continue
            del waiting[location]
        if waiting:
            if not announced:
                say(f"waiting for ECR's own replication to {', '.join(copy.address for copy in waiting.values())}")
                announced = True
            retrier.pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
    return unreplicated
