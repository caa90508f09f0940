"""The base images of the images beside their lock, and what of the lock is not as the registries have it now."""

from __future__ import annotations

from ecr_tasks.frozen import dataclass
from ecr_tasks.source.bases import Base
from ecr_tasks.source.bases_lock import Lock

MOVED = "has moved"
UNLOCKED = "not locked"


@dataclass(frozen=True)
class BaseRow:
    """A base image of an image: its locked digest, and what its registry has now, where that was asked."""

    image: str
    base: Base
    locked: str | None
    now: str | None
    state: str


def base_row(image: str, base: Base, lock: Lock | None, now: Lock | None) -> BaseRow:
    """Return the row of a base image; ``now`` is None where no registry was asked."""
    if base.digest:
        return BaseRow(image, base, base.digest, None, "fixed in the Dockerfile")
    current = now.get(base.name) if now is not None else None
    if lock is None or base.name not in lock:
        return BaseRow(image, base, None, current, UNLOCKED)
    locked = lock[base.name]
    if locked is None:
        return BaseRow(image, base, None, current, "only in the engine's store" if current is None else UNLOCKED)
    state = "locked" if now is None or current == locked else MOVED
    return BaseRow(image, base, locked, current, state)


def differing(now: Lock, lock: Lock) -> list[str]:
    """Return the names that two locks don't have with the same digest."""
    return sorted(name for name in {*now, *lock} if name not in now or name not in lock or now[name] != lock[name])
