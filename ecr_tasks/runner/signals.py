"""Signals: SIGTERM and SIGHUP end a run as Ctrl-C does, so that what must be removed is removed."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def end_by_exception() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, where nobody else handles them."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)
