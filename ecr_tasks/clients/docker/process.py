"""Runs a child process with its output on our stderr, and keeps its last lines.

An error in the last line of a child that fails is held back: our own error repeats it, mostly, and says what to do.

stdout is for data. On a terminal the child gets a pseudo-terminal: buildx and docker draw their live progress, and we
still read the failing step of a build, which only this output contains. Without live progress the child gets a pipe,
as older versions of docker have no other way to push and pull without bars, and its output is shown in plain whole
lines. Invoke's own runner with a pseudo-terminal (3.0.3) was tried: it gives the child the size of stdout's terminal
(80 columns when that is a file), waits for ever for a child that ignores Ctrl-C or reads stdin, goes on after an
interruption, and splits characters between reads.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path

from ecr_tasks.clients.docker.build_log import BuildLog, current_log
from ecr_tasks.frozen import dataclass
from ecr_tasks.one_line import without_commands
from ecr_tasks.redaction import redact_known
from ecr_tasks.signals import held_back, on_impatience, on_interruption, stop_interrupted_thread
from ecr_tasks.terminal.gathering import gathered, gathering
from ecr_tasks.terminal.held_output import Discarded, held_output

TAIL_BYTES = 64 * 1024
"""How much of the child's output is kept, to explain a failure."""

GRACE_SECONDS = 10
"""How long an interrupted child may take to end by itself."""

_running: dict[subprocess.Popen[bytes], bool] = {}
"""The children that run, and whether each was interrupted."""

_OVERWRITTEN = re.compile(rb"^(#\d+ [\d.]+ )?.*\r(?=.)", re.MULTILINE)
"""The part of a line that a carriage return lets a terminal overwrite, without what buildx puts before the line."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-B]|\r(?=\n)")


_USAGE = re.compile(rb"unknown (?:(?:shorthand )?flag|command): |docker: '\S+' is not a docker command")
"""How docker begins when it can't start a command; how it is used follows, and our own error says what is missing."""

_ERROR = re.compile(rb"(?:\x1b\[[0-9;?]*[A-Za-z])*(?:ERROR|error|docker|Error response from daemon): ")


@dataclass(frozen=True)
class ProcessResult:
    """A child's exit code, and the last lines that it printed, without terminal codes.

    ``held`` is the error in its last line, as it is to be shown, if nobody has seen it yet.
    """

    code: int
    lines: tuple[str, ...]
    held: bytes = b""

    @property
    def held_line(self) -> str:
        """The text of the error that is held back."""
        return _ANSI.sub("", self.held.decode(errors="replace")).strip()


def show_held(result: ProcessResult) -> None:
    """Show the error that was held back."""
    if (lines := gathered()) is not None:
        lines.add(result.held.decode("utf-8", "replace"))
    else:
        _show(result.held)


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None = None,
    live: bool = True,
    build: bool = False,
    last_line: str = "",
    seconds: float | None = None,
) -> ProcessResult:
    """Run a command to its end, its output on our stderr; with ``live``, as it draws it on a terminal.

    ``last_line`` is a text that is not shown when it is the last line: the caller prints it.

    Only a ``build``'s output may have a CI's commands in its plain lines: its steps are the user's own. What others
    print repeats what a registry says.

    On an interruption the child gets a SIGINT, as a terminal would send it, ten seconds to end, or until the next
    Ctrl-C, and then a SIGKILL; the interruption goes on. After so many ``seconds`` the child is killed. Raises
    FileNotFoundError when there is no such program.
    """
    terminal = draws(live=live)
    read_end, write_end = _open_terminal() if terminal else os.pipe()
    plain = None if terminal else partial(_plain, commands=build)
    log = current_log() if build and not terminal else None
    if log is not None:
        plain = partial(_sorted, log)
    child = killer = None
    try:
        try:
            with held_back():  # a child that is started and not recorded would live on
                child = subprocess.Popen(  # noqa: S603 - a list from our own code, no shell
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=write_end,
                    stderr=write_end,
                    env=dict(env),
                    cwd=cwd,
                )
                _running[child] = False
        finally:
            os.close(write_end)
        if seconds is not None:
            killer = threading.Timer(seconds, child.kill)
            killer.start()
        stop_interrupted_thread()  # the signal came before the child was there
        if (output := held_output()) is not None:
            process = child
            output.wait(lambda: process.poll() is not None)
        tail, held = _forward(_chunks(read_end), plain, last_line.encode())
        if log is not None:
            _show(log.rest().encode("utf-8", "surrogateescape"))
        code = child.wait()
    except BaseException as error:
        if child is not None:
            with gathering(programs=False) if isinstance(error, Discarded) else nullcontext():
                _stop(child, read_end, plain)
        if log is not None:
            _show(log.rest().encode("utf-8", "surrogateescape"))
        raise
    finally:
        if killer is not None:
            killer.cancel()
        if child is not None:
            _running.pop(child, None)
        os.close(read_end)
    lines = tuple(_ANSI.sub("", tail.decode(errors="replace")).splitlines())
    if code == 0 and not (last_line and held.strip() == last_line.encode()):
        _show(held)
    return ProcessResult(code, lines, b"" if code == 0 or _USAGE.match(held) else held)


def answer(
    command: Sequence[str], *, env: Mapping[str, str], seconds: float, folder: Path | None = None
) -> tuple[int, str, str] | None:
    """Run a command that shows nothing and return its exit code, stdout and stderr; None when it takes too long.

    It is killed then, with the programs that it has started: they would hold its output open. Raises OSError.
    """
    with subprocess.Popen(  # noqa: S603 - a list from our own code, no shell
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        cwd=folder,
        start_new_session=True,
    ) as child:
        try:
            stdout, stderr = child.communicate(timeout=seconds)
        except BaseException as error:
            kill_session(child)
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise
        return child.returncode, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace")


def kill_session(child: subprocess.Popen[bytes]) -> None:
    """Kill a child that was started in a session of its own, and the programs that it has started in it."""
    with suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL) if hasattr(os, "killpg") else child.kill()


def show(lines: Iterable[str], has_failed: Callable[[], bool]) -> ProcessResult:
    """Show lines on our stderr as they come, like those of a command, and return the result of what makes them.

    ``has_failed`` is asked after the last one.
    """
    tail, held = _forward((f"{line}\n".encode() for line in lines), partial(_plain, commands=False))
    code = int(has_failed())
    if code == 0:
        _show(held)
    return ProcessResult(code, tuple(tail.decode(errors="replace").splitlines()), b"" if code == 0 else held)


def draws(*, live: bool) -> bool:
    """Return whether a program that this thread starts may draw its ``live`` progress on a terminal."""
    return live and gathered() is None and sys.stderr is not None and sys.stderr.isatty() and os.name == "posix"


def _forward(
    chunks: Iterable[bytes], plain: Callable[[bytes], bytes] | None, last_line: bytes = b""
) -> tuple[bytes, bytes]:
    """Copy a child's output to our stderr until its end; return the last TAIL_BYTES of it, and an error in its end.

    That error, a line, is not copied, nor is ``last_line``, nor an output that begins with how docker is used. What
    we print next begins a line, even when the child ended in the middle of one. With ``plain``, output is copied in
    whole lines that it makes plain.
    """
    tail = pending = held = b""
    is_usage = False
    for chunk in chunks:
        is_usage = is_usage or (not tail and bool(_USAGE.match(chunk)))
        tail = (tail + chunk)[-TAIL_BYTES:]
        if plain:
            lines, line_break, pending = (pending + chunk).rpartition(b"\n")
            chunk = plain(lines + line_break)
        held = held + chunk if is_usage else _show_but_error(held + chunk, last_line)
    if plain:
        held = held + plain(pending) if is_usage else _show_but_error(held + plain(pending), last_line)
    if tail and not tail.endswith(b"\n"):
        if not held:
            _show(b"\n")
        return tail, held and held + b"\n"
    return tail, held


def _show_but_error(text: bytes, last_line: bytes) -> bytes:
    """Show a text but for its last line, which is returned, if that is an error or ``last_line``."""
    start = text.rstrip(b"\r\n").rfind(b"\n") + 1
    if _ERROR.match(text, start) or (last_line and text[start:].strip() == last_line):
        _show(text[:start])
        return text[start:]
    _show(text)
    return b""


def _chunks(read_end: int) -> Iterator[bytes]:
    with suppress(OSError):  # EIO: a pseudo-terminal whose other end is closed has no more output
        while chunk := os.read(read_end, 65536):
            yield chunk


def _plain(text: bytes, *, commands: bool) -> bytes:
    """Return what a terminal would show of some lines in the end, without its codes and without our secrets.

    Without ``commands`` no line is a CI's command.
    """
    decoded = redact_known(_ANSI.sub("", text.decode("utf-8", "surrogateescape")))
    shown = _OVERWRITTEN.sub(rb"\1", decoded.encode("utf-8", "surrogateescape")).replace(b"\r", b"")
    if commands:
        return shown
    lines = shown.decode("utf-8", "surrogateescape").split("\n")
    return "\n".join(map(without_commands, lines)).encode("utf-8", "surrogateescape")


def _sorted(log: BuildLog, text: bytes) -> bytes:
    """Return those of a build's lines, made plain, that are to be shown now."""
    shown = _plain(text, commands=True).decode("utf-8", "surrogateescape")
    return log.feed(shown).encode("utf-8", "surrogateescape")


def _show(text: bytes) -> None:
    """Write to our stderr. Where it can't be written, the child goes on, and nobody reads it.

    Where this thread's lines are gathered, it is one of them, if it is wanted there.
    """
    if (lines := gathered()) is not None:
        if lines.programs:
            lines.add(text.decode("utf-8", "replace"))
        return
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
        while text:
            text = text[os.write(sys.stderr.fileno(), text) :]


def _stop(child: subprocess.Popen[bytes], read_end: int, plain: Callable[[bytes], bytes] | None) -> None:
    """Interrupt the child and show the rest of its output; kill it when it takes too long."""
    _interrupt(child)
    killer = threading.Timer(GRACE_SECONDS, child.kill)
    killer.start()
    try:
        _, held = _forward(_chunks(read_end), plain)
        _show(held)
        child.wait()
    finally:
        killer.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    """Send a child one SIGINT: at the third, buildx ends without cleaning up."""
    if not _running.get(child):
        _running[child] = True
        with suppress(OSError):
            child.send_signal(signal.SIGINT)


def _interrupt_all() -> None:
    """Interrupt the children of every thread, of which the signal's exception reaches only the main one."""
    children = list(_running)
    for child in children:
        _interrupt(child)
    if children:
        killer = threading.Timer(GRACE_SECONDS, _kill, [children])
        killer.daemon = True
        killer.start()


def _kill(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child in _running:
            child.kill()


def _kill_interrupted() -> None:
    """Kill the children that were interrupted; one that tidies up was not."""
    for child, is_interrupted in list(_running.items()):
        if is_interrupted:
            child.kill()


on_interruption.append(_interrupt_all)
on_impatience.append(_kill_interrupted)


def kill_users(folder: Path) -> None:
    """Kill the processes that a docker configuration below a run's folder was given to (where there is a /proc).

    Their run is gone: they work for nobody, and write into a folder that is about to be removed.
    """
    marks = [name + os.fsencode(folder) + b"/" for name in (b"DOCKER_CONFIG=", b"--config\0")]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = b"\0".join((process / name).read_bytes() for name in ("cmdline", "environ"))
            if any(mark in words for mark in marks) and process.name != str(os.getpid()):
                os.kill(int(process.name), signal.SIGKILL)


def _open_terminal() -> tuple[int, int]:
    """Return both ends of a new pseudo-terminal as large as ours: our end, the child's end."""
    import fcntl
    import pty
    import termios

    our_end, child_end = pty.openpty()
    size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(child_end, termios.TIOCSWINSZ, size)
    return our_end, child_end
