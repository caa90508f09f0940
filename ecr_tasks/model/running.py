"""What runs in an account: images that ECS, Lambda and others use, and who could not be asked."""

from __future__ import annotations

from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class Use:
    """An image in use: the reference as it is configured, the digest where that is known, and by what."""

    reference: str
    where: str
    digest: str | None = None


@dataclass(frozen=True)
class Running:
    """All images in use that could be found.

    ``asked`` names who answered, ``failed`` who should have and didn't, ``silent`` of whom nobody can be asked, each
    with the reason.
    """

    uses: tuple[Use, ...] = ()
    asked: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    def __add__(self, other: Running) -> Running:
        return Running(
            self.uses + other.uses,
            self.asked + other.asked,
            self.failed + other.failed,
            self.silent + other.silent,
        )

    @property
    def unasked(self) -> tuple[str, ...]:
        """Why it is not known of everybody what runs."""
        return tuple(dict.fromkeys(self.failed + self.silent))
