"""A line on a terminal that says what goes on and for how long, while nothing else is printed.

It is drawn by a thread of its own, after a second: most work is done by then. rich's live display would do the same,
and importing it at that moment takes a fifth of a second from the work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import TextIO

DELAY_SECONDS = 1.0
CALM_SECONDS = 20.0
"""After how long a log gets a line about work that goes on in silence."""

_FRAME_SECONDS = 0.1
_FRAMES = ("⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏")
_PLAIN_FRAMES = ("|", "/", "-", "\\")
_ERASE = "\r\x1b[K"


class _State:
    """The spinner that is shown, if any. Only the main thread starts and ends one."""

    current: _Spinner | None = None


@contextmanager
def spinning(text: str, stream: TextIO, width: int) -> Iterator[None]:
    """Show on a terminal what the block does. Within another one, it only shows this text meanwhile."""
    outer = _State.current
    if outer is not None:
        before, outer.text = outer.text, text
        try:
            yield
        finally:
            outer.text = before
        return
    spinner = _State.current = _Spinner(text, stream, width)
    try:
        yield
    finally:
        _State.current = None
        spinner.end()


@contextmanager
def reminding(say: Callable[[], None]) -> Iterator[None]:
    """Say once what the block does if it takes long."""
    timer = threading.Timer(CALM_SECONDS, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def paused() -> Iterator[None]:
    """Take the spinner's line away while the block prints or asks something."""
    spinner = _State.current
    if spinner is None:
        yield
        return
    with spinner.lock:
        spinner.erase()
        yield


class _Spinner:
    def __init__(self, text: str, stream: TextIO, width: int) -> None:
        self.text = text
        self.lock = threading.RLock()
        self._stream, self._width = stream, width
        self._frames = cycle(_FRAMES if _can_encode(stream) else _PLAIN_FRAMES)
        self._drawn = False
        self._start = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._draw, daemon=True).start()

    def end(self) -> None:
        """Take the line away for good."""
        self._ended.set()
        with self.lock:
            self.erase()

    def erase(self) -> None:
        """Take the line away, if it is there."""
        if self._drawn:
            self._drawn = False
            self._write(_ERASE)

    def _draw(self) -> None:
        wait = DELAY_SECONDS
        while not self._ended.wait(wait):
            wait = _FRAME_SECONDS
            with self.lock:
                if self._ended.is_set():
                    return
                line = f"{next(self._frames)} {self.text} ({time.monotonic() - self._start:.0f} s)"
                self._drawn = True
                self._write(f"{_ERASE}{line[: self._width - 1]}")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def _can_encode(stream: TextIO) -> bool:
    try:
        _FRAMES[0].encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
