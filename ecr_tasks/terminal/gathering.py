"""What one of several threads prints for people, gathered until its work has ended, so that their lines don't mix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock


class Gathered:
    """The lines of one thread, and of those that it starts with its context.

    ``programs`` is whether the output of the programs that it starts belongs to them.
    """

    def __init__(self, *, programs: bool) -> None:
        self.programs = programs
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        """Add a text that is otherwise printed on stderr."""
        self._texts.append(text)

    @property
    def text(self) -> str:
        """Everything that was added."""
        return "".join(self._texts)


class Pieces:
    """What threads have gathered, each piece shown at once, or after a block in which something else is shown."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._lock = Lock()
        self._held: list[str] | None = None

    def add(self, piece: str) -> None:
        """Show a piece now, or later."""
        with self._lock:
            if self._held is None:
                self._show(piece)
            else:
                self._held.append(piece)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Show the pieces of the block at its end."""
        with self._lock:
            self._held = []
        try:
            yield
        finally:
            with self._lock:
                pieces, self._held = self._held, None
                for piece in pieces:
                    self._show(piece)


_gathered: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


def gathered() -> Gathered | None:
    """Return what this thread's lines are gathered in; None where they are printed at once."""
    return _gathered.get()


@contextmanager
def gathering(*, programs: bool) -> Iterator[Gathered]:
    """Gather what this thread prints on stderr in the block; who calls it prints the text."""
    found = Gathered(programs=programs)
    token = _gathered.set(found)
    try:
        yield found
    finally:
        _gathered.reset(token)
