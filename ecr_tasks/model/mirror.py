"""A registry that has the images of another one: a mirror, or a pull-through cache of ECR."""

from __future__ import annotations

from collections.abc import Iterable

from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class Mirror:
    """Where the images of a registry, or those below a path of it, are too.

    ``source`` and ``place`` begin with the registry's host: ``docker.io`` and ``mirror.example.com/hub``.
    """

    source: str
    place: str

    def address(self, name: str) -> str | None:
        """Return the address here of an image by its full name; None for an image of another registry."""
        return self.place + name[len(self.source) :] if name.startswith(f"{self.source}/") else None


def addresses(name: str, mirrors: Iterable[Mirror]) -> tuple[str, ...]:
    """Return the addresses of an image in mirrors, in their order."""
    found = (mirror.address(name) for mirror in mirrors)
    return tuple(dict.fromkeys(address for address in found if address))
