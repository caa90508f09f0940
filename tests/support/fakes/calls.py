"""The log of the calls to the fakes, which can make a call fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, local

from ecr_tasks.errors import RegistryError


@dataclass
class Calls:
    """Logs the calls in order, and makes one of them fail.

    ``fail_at`` is the number of the call that fails, from 0. With ``late`` it does its work before it fails, as when
    an answer is lost. ``before`` and ``after`` have actions, by the name of a call: each runs once, before or after
    that call. They play another run that happens at the same time.
    """

    log: list[tuple[str, ...]] = field(default_factory=list)
    fail_at: int | None = None
    late: bool = False
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    after: dict[str, Callable[[], None]] = field(default_factory=dict)

    _lock: Lock = field(default_factory=Lock)
    _current: local = field(default_factory=local)
    """The call that each thread has begun: its name and number."""

    def begin(self, *call: str) -> None:
        """Log a call, run its action, and fail if it is the call that must fail."""
        with self._lock:
            self.log.append(call)
            self._current.call = call[0], len(self.log) - 1
        if action := self.before.pop(call[0], None):
            action()
        if not self.late and self.fail_at == self._current.call[1]:
            raise network_error()

    def end(self) -> None:
        """Run the action that follows the call, and fail if the call must fail late."""
        name, number = self._current.call
        if action := self.after.pop(name, None):
            action()
        if self.late and self.fail_at == number:
            raise network_error()

    def named(self, *names: str) -> list[tuple[str, ...]]:
        """Return the calls with these names, in order."""
        return [call for call in self.log if call[0] in names]

    @property
    def tags_set(self) -> list[str]:
        """The tags that were set, in the order of the calls, without those of the turns."""
        return [call[2] for call in self.named("set_tag") if not call[2].startswith("ecr-tasks-upload-")]


def network_error() -> RegistryError:
    """Return the error of a call that fails on demand."""
    return RegistryError("The network is gone.", "Run it again.")
