"""Signals that end a run: each becomes a KeyboardInterrupt, so that ``finally`` blocks run and clean up."""

from __future__ import annotations

import atexit
import signal
import sys
import threading
from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_REPEAT_SECONDS = 0.01
"""The delay before a lost signal is sent again; the code that lost it has returned by then."""

_default_hook = sys.unraisablehook


def end_run_by_signals() -> None:
    """Make SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does, and keep Python from losing one of the three.

    The function doesn't change a signal that already has a handler or is ignored.
    """
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _interrupt)
        sys.unraisablehook = _repeat_interrupt
        atexit.register(setattr, sys, "unraisablehook", _default_hook)  # at exit no run is left to end


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _repeat_interrupt(unraisable: sys.UnraisableHookArgs) -> None:
    """Send a signal again if its KeyboardInterrupt was raised where Python only prints exceptions and goes on.

    Such places are ``__del__`` methods and callbacks of weak references. Every import runs such a callback (CPython's
    ``_get_module_lock``): of 250 Ctrl-C while boto3 was imported, one was lost.
    """
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(_REPEAT_SECONDS, _send_again).start()
    else:
        _default_hook(unraisable)


def _send_again() -> None:
    number = next((number for number in _ENDING if callable(signal.getsignal(number))), signal.SIGINT)
    signal.pthread_kill(threading.main_thread().ident or 0, number)
