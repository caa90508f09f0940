"""Children that a person watches: on a pipe and on a real pseudo-terminal, to their end and when interrupted."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

RUNNER = """
import json, os, sys
from ecr_tasks.clients.docker import process as live
done = live.run(sys.argv[1:], env=dict(os.environ, MINE="yes"), cwd=os.environ.get("CHILD_CWD"))
print(json.dumps([done.code, done.lines]))
"""


def python(code: str) -> list[str]:
    """A child that runs some Python."""
    return [sys.executable, "-c", code]


def runner(*command: str) -> list[str]:
    """A process that runs a child through ``live.run`` and prints what it returns."""
    return [sys.executable, "-c", RUNNER, *command]


def piped(*command: str, **environ: str) -> tuple[int, list[str], str]:
    """A child under a runner without a terminal: its code, its tail, and the runner's stderr."""
    done = subprocess.run(
        runner(*command), capture_output=True, text=True, check=True, env={**os.environ, **environ}, errors="replace"
    )
    code, lines = json.loads(done.stdout)
    return code, lines, done.stderr


def on_a_terminal(*command: str) -> tuple[int, list[str], bytes]:
    """The same with the runner's stderr on a terminal of 33 rows and 101 columns: what the terminal shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    with subprocess.Popen(
        runner(*command), stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        assert process.stdout is not None
        code, lines = json.loads(process.stdout.read())
    return code, lines, shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is gone
        return b""


def test_everything_the_child_says_is_on_stderr_and_in_the_tail() -> None:
    code, lines, stderr = piped(*python("import sys; print('out', flush=True); print('err', file=sys.stderr)"))
    assert (code, lines) == (0, ["out", "err"])
    assert stderr == "out\nerr\n"


def test_the_childs_exit_code_is_told() -> None:
    assert piped(*python("raise SystemExit(42)"))[0] == 42


def test_the_child_gets_the_environment_and_the_folder_it_is_given(tmp_path: Path) -> None:
    code = "import os; print(os.environ['MINE'], os.getcwd())"
    assert piped(*python(code), CHILD_CWD=str(tmp_path))[1] == [f"yes {tmp_path}"]


def test_the_child_can_read_nothing_from_our_stdin() -> None:
    assert piped(*python("import sys; print(repr(sys.stdin.read()))"))[1] == ["''"]


def test_of_long_output_the_end_is_kept_and_all_is_shown() -> None:
    _, lines, stderr = piped(*python("for n in range(60000): print('line', n)\nprint('the end')"))
    assert lines[-1] == "the end"
    assert lines[-2] == "line 59999"
    assert len(lines) < 60000
    assert stderr.count("\n") == 60001


def test_output_that_is_no_text_does_no_harm() -> None:
    assert piped(*python("import sys; sys.stdout.buffer.write(b'\\xff\\n')"))[1] == ["\ufffd"]


def test_without_a_terminal_the_child_sees_none() -> None:
    assert piped(*python("import sys; print(sys.stdout.isatty(), sys.stderr.isatty())"))[1] == ["False False"]


def test_on_a_terminal_the_child_sees_one_as_large() -> None:
    code, lines, shown = on_a_terminal(
        *python("import os, sys; print(sys.stderr.isatty(), *os.get_terminal_size(sys.stdout.fileno()))")
    )
    assert (code, lines) == (0, ["True 101 33"])
    assert b"True 101 33" in shown


def test_colours_are_shown_and_left_out_of_the_tail() -> None:
    words = "'\\x1b[31mred\\x1b[0m \\x1b[?25hplain'"
    _, lines, shown = on_a_terminal(*python(f"print({words})"))
    assert lines == ["red plain"]
    assert b"\x1b[31mred" in shown


def test_a_program_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    script = (
        "import sys; from ecr_tasks.clients.docker import process as live\n"
        "try: live.run(sys.argv[1:], env={})\nexcept FileNotFoundError: print('none')"
    )
    done = subprocess.run([*python(script), str(tmp_path / "none")], capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"
    assert done.stderr == ""


INTERRUPTED = """
import os, sys
from ecr_tasks.clients.docker import process as live
live._GRACE_SECONDS = 1
try:
    live.run(sys.argv[1:], env=dict(os.environ))
except KeyboardInterrupt:
    print("interrupted")
"""
POLITE = """
import os, signal, sys, time
def stop(*_):
    print("cleaned up", flush=True)
    raise SystemExit(130)
signal.signal(signal.SIGINT, stop)
print("pid", os.getpid(), flush=True)
time.sleep(60)
"""


def interrupt(process: subprocess.Popen[str]) -> int:
    """Waits for the child to say its pid, then interrupts its runner alone; gives the pid."""
    assert process.stderr is not None
    ready, _, _ = select.select([process.stderr], [], [], 20)
    assert ready
    pid = int(process.stderr.readline().split()[1])
    process.send_signal(signal.SIGINT)
    return pid


def is_running(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


STUBBORN = POLITE.replace("signal.signal(signal.SIGINT, stop)", "signal.signal(signal.SIGINT, signal.SIG_IGN)")


@pytest.mark.parametrize("child", [POLITE, STUBBORN], ids=["polite", "stubborn"])
def test_an_interruption_stops_the_child_and_goes_on(child: str) -> None:
    words = [sys.executable, "-c", INTERRUPTED, *python(child)]
    began = time.monotonic()
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_listens_to_interrupts
    ) as process:
        pid = interrupt(process)
        out, err = process.communicate(timeout=30)
    assert out == "interrupted\n"
    assert ("cleaned up" in err) == (child is POLITE)
    assert not is_running(pid)
    assert time.monotonic() - began < 8


def _listens_to_interrupts() -> None:
    # A shell that starts the tests in the background has them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
