"""The calls of the fakes: noted, and failed on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ecr_tasks.errors import RegistryError


@dataclass
class Calls:
    """What was called, in order, and which call is to fail.

    ``fail_at`` counts from 0; with ``late`` the call does its work first, as when an answer is lost. ``before``
    and ``after`` run something ahead of a call or behind it, once: another run, in the middle of ours.
    """

    made: list[tuple[str, ...]] = field(default_factory=list)
    fail_at: int | None = None
    late: bool = False
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    after: dict[str, Callable[[], None]] = field(default_factory=dict)

    def begin(self, *call: str) -> None:
        """Notes a call; fails it if it is its turn."""
        self.made.append(call)
        if action := self.before.pop(call[0], None):
            action()
        if not self.late and self.fail_at == len(self.made) - 1:
            raise lost()

    def end(self) -> None:
        """The call has done its work."""
        if action := self.after.pop(self.made[-1][0], None):
            action()
        if self.late and self.fail_at == len(self.made) - 1:
            raise lost()

    def named(self, *names: str) -> list[tuple[str, ...]]:
        """The calls of these names, in order."""
        return [call for call in self.made if call[0] in names]


def lost() -> RegistryError:
    """The error of a call that was told to fail."""
    return RegistryError("The network is gone.", "Run it again.")
