"""Find where a build reads its base images: in a mirror or pull-through cache that has them, else at their source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError, Refused
from ecr_tasks.execute.base_images import PARALLEL, current_digests
from ecr_tasks.model.mirror import Mirror, addresses
from ecr_tasks.model.ports import Docker
from ecr_tasks.source.build_context.base_images import pinned_digest

MIRROR_SECONDS = 20.0
"""How long a mirror may take to say what it has; then the image comes from its own registry."""


class Ask(Protocol):
    """Returns what registries have under references now, or why that isn't known."""

    def __call__(self, references: Sequence[str], seconds: float | None = None) -> Mapping[str, str | EcrTasksError]:
        """Ask; each answer may take so many ``seconds``, if that is given."""


def asking(
    docker: Docker,
    builder: str | None,
    log_in: Callable[[Iterable[str]], Mapping[str, EcrTasksError]],
    retrier: Retrier,
) -> Ask:
    """Return a function that asks registries for digests."""
    return partial(current_digests, docker=docker, builder=builder, log_in=log_in, retrier=retrier)


def places_of_bases(
    references: Iterable[str],
    mirrors: Sequence[Mirror],
    ask: Ask,
    note: Callable[[str], None],
    retrier: Retrier,
    *,
    pull: bool,
) -> dict[str, tuple[str, str]]:
    """Return by reference where each base image is read, and its digest; those that are read as written are left out.

    ``references`` are full names, with a digest where no other will do. With ``pull`` it is else the one that the
    source has now. A mirror that doesn't have an image is passed over, and ``note`` says so. Raises Refused for a
    mirror that has another image under a digest.
    """

    def place(wanted: str) -> tuple[str, str] | None:
        name, digest = wanted.partition("@")[0], pinned_digest(wanted)
        if digest is None and pull:
            answer = ask([name])[name]
            digest = answer if isinstance(answer, str) else None
        for address in addresses(name, mirrors):
            reference = f"{address}@{digest}" if digest else address
            answer = ask([reference], MIRROR_SECONDS)[reference]
            if isinstance(answer, EcrTasksError):
                note(f"{address} is not read, so {name} comes from its own registry: {answer.cause}")
                continue
            if digest not in (None, answer):
                raise Refused(
                    f"{address} has another image, {answer}, under the digest {digest} of {name}.",
                    "Don't build on it: see who runs the mirror, and take it out of ECR_MIRRORS.",
                )
            return address, answer
        return (name, digest) if digest else None

    wanted = sorted(references)
    found = map_parallel(place, wanted, PARALLEL, retrier)
    return {reference: place for reference, place in zip(wanted, found, strict=True) if place is not None}


def digests_now(
    names: Sequence[str], mirrors: Sequence[Mirror], ask: Ask, note: Callable[[str], None]
) -> dict[str, str | EcrTasksError]:
    """Return the digests that base images have at their source now, or else in a mirror, or the source's error."""
    digests = dict(ask(names))
    for name, answer in list(digests.items()):
        if isinstance(answer, str):
            continue
        for address in addresses(name, mirrors):
            mirrored = ask([address], MIRROR_SECONDS)[address]
            if isinstance(mirrored, str):
                note(f"{name} is what {address} has: {answer.cause}")
                digests[name] = mirrored
                break
    return digests
