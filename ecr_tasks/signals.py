"""Signals that end a run: the first becomes a KeyboardInterrupt, so that ``finally`` blocks run and clean up.

Those that follow at once belong to it: they would only interrupt the clean-up. At one that comes later no program is
waited for any more, as docker and buildx end at the third; what a run has to give back, it still does.
"""

from __future__ import annotations

import atexit
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_INTERRUPTED = 128 + signal.SIGINT

_REPEAT_SECONDS = 0.01
"""The delay before a lost signal is sent again; the code that lost it has returned by then."""

CLEAN_UP_SECONDS = 15
"""How long further signals are ignored. It is longer than what a child gets to end by itself."""

PRESS_SECONDS = 0.5
"""How long signals belong to the first: of one Ctrl-C, a program that started us may hand on a second."""

on_interruption: list[Callable[[], None]] = []
"""What is called first when a signal ends the run; it may neither wait nor raise."""

on_impatience: list[Callable[[], None]] = []
"""What is called at each signal that comes later than with the first, during the clean-up; likewise."""

_default_hook = sys.unraisablehook


class Interruption(KeyboardInterrupt):
    """A signal that ends the run.

    It is a class of its own because Python remembers a plain KeyboardInterrupt in code that `exec` or `eval` compile,
    as every import of a dataclass or a named tuple does: `python -m` then ends by SIGINT, whatever the exit code
    (CPython's `run_eval_code_obj` and `exit_sigint`).
    """


class _State:
    """What the signal handler knows. Only the main thread changes it."""

    held = 0
    pending = False
    interrupted_at = 0.0
    ignored_until = 0.0
    interrupted = False
    loading = False
    between_tasks: Callable[[], object] | None = None


def end_run_by_signals(between_tasks: Callable[[], object] | None = None) -> None:
    """Make SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt once, and keep Python from losing it.

    Invoke ends with exit code 1 at a KeyboardInterrupt in its own code, before, between and after the tasks. There
    the process exits as interrupted instead, once ``between_tasks`` has said so. The function doesn't change a signal
    that already has another handler or is ignored.
    """
    _State.between_tasks = between_tasks
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, _interrupt)
        sys.unraisablehook = _repeat_interrupt
        atexit.register(_ignore_signals)  # at exit no run is left to end


def was_interrupted() -> bool:
    """Return whether a signal has ended the run."""
    return _State.interrupted


def stop_interrupted_thread() -> None:
    """Raise KeyboardInterrupt in a thread of an interrupted run: the signal's own reaches only the main one."""
    if _State.interrupted and threading.current_thread() is not threading.main_thread():
        raise KeyboardInterrupt


@contextmanager
def held_back() -> Iterator[None]:
    """Delay an interruption to the end of the block, which takes something and records that it has to be given back.

    The block must be short, and wait for nobody.
    """
    if threading.current_thread() is not threading.main_thread():  # signals interrupt only the main thread
        yield
        return
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        if _State.pending and not _State.held:
            _State.pending = False
            raise Interruption


@contextmanager
def exit_while_loading() -> Iterator[None]:
    """End the process at a Ctrl-C in the block, without a traceback: nothing has been begun yet."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _repeat_interrupt
    _State.loading = True
    try:
        yield
    finally:
        _State.loading = False
        if _State.interrupted:
            atexit.register(_ignore_signals)
        else:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.unraisablehook = _default_hook


def _ignore_signals() -> None:
    """Ignore our signals: Python itself resets them when it ends, and the next one would decide the exit code."""
    for number in _ENDING:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_IGN)
    sys.unraisablehook = _default_hook


def _interrupt(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if not threading.main_thread().is_alive():  # Python ends
        return
    if now < _State.ignored_until:
        if now > _State.interrupted_at + PRESS_SECONDS:
            for action in on_impatience:
                action()
        return
    _State.interrupted_at, _State.ignored_until = now, now + CLEAN_UP_SECONDS
    _State.interrupted = True
    for action in on_interruption:
        action()
    if _State.held:
        _State.pending = True
    elif _State.loading:
        raise SystemExit(_INTERRUPTED)
    elif _State.between_tasks and _is_between_tasks(frame):
        with suppress(RuntimeError):  # this may have interrupted a write to the same stream
            _State.between_tasks()
        raise SystemExit(_INTERRUPTED)
    else:
        raise Interruption


def _is_between_tasks(frame: FrameType | None) -> bool:
    """Return whether Invoke's own code is running, and no task."""
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if module == "invoke.program" or (module == "invoke.tasks" and frame.f_code.co_name == "__call__"):
            return bool(module == "invoke.program")
        frame = frame.f_back
    return False


def _repeat_interrupt(unraisable: sys.UnraisableHookArgs) -> None:
    """Send a signal again if its exception was raised where Python only prints exceptions and goes on.

    Such places are ``__del__`` methods and callbacks of weak references. Every import runs such a callback (CPython's
    ``_get_module_lock``): of 250 Ctrl-C while boto3 was imported, one was lost.
    """
    if issubclass(unraisable.exc_type, (KeyboardInterrupt, SystemExit)):
        _State.ignored_until = 0.0
        threading.Timer(_REPEAT_SECONDS, _send_again).start()
    else:
        _default_hook(unraisable)


def _send_again() -> None:
    number = next((number for number in _ENDING if callable(signal.getsignal(number))), signal.SIGINT)
    signal.pthread_kill(threading.main_thread().ident or 0, number)
