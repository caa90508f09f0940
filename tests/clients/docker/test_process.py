"""Children with their output on stderr: on a pipe and on a real pseudo-terminal, to their end and interrupted."""

from __future__ import annotations

import fcntl
import json
import os
import pty
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
from ecr_tasks.clients.docker import process
live = os.environ.get("LIVE") != "no"
result = process.run(sys.argv[1:], env=dict(os.environ, MINE="yes"), cwd=os.environ.get("CHILD_CWD"), live=live,
                     build=os.environ.get("BUILD") == "yes", last_line=os.environ.get("LAST_LINE", ""),
                     seconds=float(os.environ.get("SECONDS_LEFT", 600)))
print(json.dumps([result.code, result.lines]))
"""


def python(code: str) -> list[str]:
    """Return a command that runs some Python."""
    return [sys.executable, "-c", code]


def runner(*command: str) -> list[str]:
    """Return a command that runs a child through ``process.run`` and prints the result."""
    return [sys.executable, "-c", RUNNER, *command]


def piped(*command: str, **environ: str) -> tuple[int, list[str], str]:
    """Run a child under a runner without a terminal; return its code, its last lines, and the runner's stderr."""
    completed = subprocess.run(
        runner(*command), capture_output=True, text=True, check=True, env={**os.environ, **environ}, errors="replace"
    )
    code, lines = json.loads(completed.stdout)
    return code, lines, completed.stderr


def on_a_terminal(*command: str, **environ: str) -> tuple[int, list[str], bytes]:
    """Run a child with the runner's stderr on a terminal of 33 rows and 101 columns; return its output too."""
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    with subprocess.Popen(
        runner(*command),
        stdout=subprocess.PIPE,
        stderr=stderr,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
    ) as process:
        os.close(stderr)
        shown = b"".join(iter(lambda: _read(terminal), b""))
        os.close(terminal)
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


def test_without_live_progress_the_child_sees_no_terminal() -> None:
    code = "import sys; print(sys.stdout.isatty(), sys.stderr.isatty())"
    _, lines, shown = on_a_terminal(*python(code), LIVE="no")
    assert lines == ["False False"]
    assert shown == b"False False\r\n"  # the terminal's own line break


WORDS = "#5 0.328 one\\rtwo\\rthree\\n#5 0.4 \\x1b[31mred\\x1b[0m\\x1b[2K\\r\\n\\x1b]0;title\\x07\\xc3\\xa9 plain"


def test_plain_lines_are_what_a_terminal_would_show_in_the_end() -> None:
    _, lines, stderr = piped(*python(f"import sys; sys.stdout.buffer.write(b'{WORDS}')"))
    assert stderr == "#5 0.328 three\n#5 0.4 red\n\u00e9 plain\n"
    assert lines[-1] == "\u00e9 plain"


def test_plain_lines_that_arrive_in_pieces_are_shown_whole() -> None:
    code = (
        "import sys, time\nfor byte in b'one\\rtwo \\x1b[31mr\\xc3\\xa9d\\x1b[0m\\nend':\n"
        "    sys.stdout.buffer.write(bytes([byte])); sys.stdout.flush(); time.sleep(0.002)"
    )
    assert piped(*python(code))[2] == "two r\u00e9d\nend\n"


def test_what_a_registry_says_is_no_command_and_a_builds_steps_may_have_some() -> None:
    lines = "denied:\n::set-output name=x::y\n#5 0.1 ##vso[task.setvariable variable=x]y"
    said = "denied:\n: :set-output name=x::y\n#5 0.1 # #vso[task.setvariable variable=x]y\n"
    assert piped(*python(f"print({lines!r})"))[2] == said
    assert piped(*python(f"print({lines!r})"), BUILD="yes")[2] == f"{lines}\n"


@pytest.mark.parametrize("environ", [{}, {"LIVE": "no"}])
def test_what_is_printed_next_begins_a_line(environ: dict[str, str]) -> None:
    assert piped(*python("print('part', end='')"), **environ)[2] == "part\n"
    assert on_a_terminal(*python("print('part', end='')"), **environ)[2] == b"part\r\n"
    assert piped(*python("pass"), **environ)[2] == ""


def test_a_child_goes_on_when_nobody_reads_our_stderr() -> None:
    code = "for n in range(20000): print('line', n)"
    line = '"$@" 2>/dev/full'
    words = ["bash", "-c", line, "bash", *runner(*python(code))]
    completed = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(completed.stdout)[0] == 0


def test_a_program_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    script = (
        "import sys; from ecr_tasks.clients.docker import process\n"
        "try: process.run(sys.argv[1:], env={})\nexcept FileNotFoundError: print('none')"
    )
    completed = subprocess.run([*python(script), str(tmp_path / "none")], capture_output=True, text=True, check=True)
    assert completed.stdout == "none\n"
    assert completed.stderr == ""


INTERRUPTED = """
import os, sys
from ecr_tasks.clients.docker import process
process.GRACE_SECONDS = 1
try:
    process.run(sys.argv[1:], env=dict(os.environ))
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
print("slept on", flush=True)
"""


def interrupt(process: subprocess.Popen[str]) -> int:
    """Wait for the child to print its pid, then interrupt its runner alone; return the pid."""
    assert process.stderr is not None
    pid = int(process.stderr.readline().split()[1])
    process.send_signal(signal.SIGINT)
    return pid


def is_running(pid: int) -> bool:
    """Return whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


STUBBORN = POLITE.replace("signal.signal(signal.SIGINT, stop)", "signal.signal(signal.SIGINT, signal.SIG_IGN)")


@pytest.mark.parametrize("child", [POLITE, STUBBORN], ids=["polite", "stubborn"])
def test_an_interruption_stops_the_child_and_goes_on(child: str) -> None:
    words = [sys.executable, "-c", INTERRUPTED, *python(child)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_listens_to_interrupts
    ) as process:
        pid = interrupt(process)
        out, err = process.communicate()
    assert out == "interrupted\n"
    assert ("cleaned up" in err) == (child is POLITE)
    assert "slept on" not in err
    assert not is_running(pid)


IMPATIENT = """
import os, sys, time
from ecr_tasks import signals
from ecr_tasks.clients.docker import process
process.GRACE_SECONDS = 3600
signals.PRESS_SECONDS, signals.CLEAN_UP_SECONDS = 0.2, 3600
signals.end_run_by_signals()
try:
    process.run(sys.argv[1:], env=dict(os.environ))
except KeyboardInterrupt:
    tidying = "import time; print('tidied up', end=''); time.sleep(1); print(' to the end')"
    process.run([sys.executable, "-c", tidying], env=dict(os.environ))
    print("interrupted")
"""


def test_whoever_interrupts_again_waits_for_no_child_but_for_what_tidies_up() -> None:
    words = [sys.executable, "-c", IMPATIENT, *python(STUBBORN)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_listens_to_interrupts
    ) as process:
        pid = interrupt(process)
        while process.poll() is None:
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (out, "tidied up to the end" in err, "slept on" in err) == ("interrupted\n", True, False)
    assert not is_running(pid)


def _listens_to_interrupts() -> None:
    # A shell that starts the tests in the background has them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("live", ["yes", "no"])
@pytest.mark.parametrize(
    ("printed", "code", "shown"),
    [
        ("step\nERROR: it broke\n", 1, "step\n"),
        ("step\nERROR: it broke", 1, "step\n"),
        ("step\nERROR: it broke\n", 0, "step\nERROR: it broke\n"),
        ("ERROR: one\nstep\n", 1, "ERROR: one\nstep\n"),
        ("step\nERROR: it broke\nView build details: here\n", 1, "step\nERROR: it broke\nView build details: here\n"),
    ],
)
def test_the_last_error_of_a_child_that_fails_is_held_back(live: str, printed: str, code: int, shown: str) -> None:
    child = python(f"import os, sys; os.write(2, {printed.encode()!r}); sys.exit({code})")
    if live == "no":
        got_code, lines, stderr = piped(*child, LIVE="no")
    else:
        got_code, lines, raw = on_a_terminal(*child)
        stderr = raw.decode().replace("\r", "")
    assert (got_code, stderr) == (code, shown)
    assert "ERROR: it broke" in lines or "ERROR: one" in lines


@pytest.mark.parametrize("live", ["yes", "no"])
@pytest.mark.parametrize(
    ("printed", "code", "shown"),
    [
        ("unknown flag: --file\n\nUsage:  docker [OPTIONS]\n", 125, False),
        ("docker: 'buildx' is not a docker command.\nSee 'docker --help'\n", 1, False),
        ("step\nunknown flag: --file\n\nUsage:  mine\n", 1, True),
        ("unknown flag: --file\n", 0, True),
    ],
)
def test_how_docker_is_used_is_not_shown_where_it_can_not_be_started(
    live: str, printed: str, code: int, shown: bool
) -> None:
    child = python(
        f"import os, sys\nfor line in {printed!r}.splitlines(True): os.write(2, line.encode())\nsys.exit({code})"
    )
    if live == "no":
        got_code, lines, stderr = piped(*child, LIVE="no")
    else:
        got_code, lines, raw = on_a_terminal(*child)
        stderr = raw.decode().replace("\r", "")
    assert (got_code, stderr) == (code, printed if shown else "")
    assert next(line for line in printed.splitlines() if line) in lines


@pytest.mark.parametrize("live", ["yes", "no"])
@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("host/app: Pulling\nhost/app\n", "host/app: Pulling\n"),
        ("host/app\nStatus: done\n", "host/app\nStatus: done\n"),
        ("host/app: Pulling", "host/app: Pulling\n"),
    ],
)
def test_what_the_caller_prints_is_not_shown_as_the_last_line_too(live: str, printed: str, shown: str) -> None:
    child = python(f"import os; os.write(1, {printed.encode()!r})")
    if live == "no":
        _, _, stderr = piped(*child, LIVE="no", LAST_LINE="host/app")
    else:
        _, _, raw = on_a_terminal(*child, LAST_LINE="host/app")
        stderr = raw.decode().replace("\r", "")
    assert stderr == shown


def test_a_child_that_does_not_end_is_killed() -> None:
    code, lines, _ = piped("sh", "-c", "echo begun; exec sleep 600", SECONDS_LEFT="3")
    assert (code, lines) == (-signal.SIGKILL, ["begun"])


AHEAD = """
import os, sys, threading, time
from pathlib import Path
from ecr_tasks.clients.docker import process
from ecr_tasks.terminal.held_output import Discarded, HeldOutput
output, codes = HeldOutput(), []
def run():
    try:
        codes.append(output.run(lambda: process.run(sys.argv[1:], env=dict(os.environ), live=False)).code)
    except Discarded:
        codes.append("discarded")
thread = threading.Thread(target=run)
thread.start()
begun = os.environ["BEGUN"]
while not (Path(begun).exists() if begun else output.ended):
    time.sleep(0.01)
print("decided", file=sys.stderr, flush=True)
output.decide(needed=os.environ["NEEDED"] == "yes")
thread.join()
print(codes[0], "early" if output.ended else "late")
"""


def ahead(*command: str, needed: str, begun: Path | None = None) -> tuple[str, list[str]]:
    """Run a child whose output is held until it is decided; return how it ended, and the runner's stderr.

    It is decided when the child has made the file ``begun``; without one, when the child has ended.
    """
    completed = subprocess.run(
        [sys.executable, "-c", AHEAD, *command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NEEDED": needed, "BEGUN": str(begun or "")},
    )
    return completed.stdout.strip(), completed.stderr.splitlines()


def test_a_child_that_begins_ahead_shows_its_output_when_it_is_needed(tmp_path: Path) -> None:
    assert ahead(*python("print('first')"), needed="yes") == ("0 early", ["decided", "first"])
    begun = tmp_path / "begun"
    later = (
        "import pathlib, time; print('first', flush=True)\n"
        f"pathlib.Path({str(begun)!r}).touch(); time.sleep(2); print('last')"
    )
    assert ahead(*python(later), needed="yes", begun=begun) == ("0 late", ["decided", "first", "last"])


def test_a_child_that_nobody_needs_is_interrupted_and_says_nothing(tmp_path: Path) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    code = (
        "import pathlib, time\nprint('first', flush=True)\n"
        f"try:\n pathlib.Path({str(begun)!r}).touch()\n time.sleep(60)\n"
        f"except KeyboardInterrupt:\n print('bye')\n pathlib.Path({str(ended)!r}).touch()"
    )
    assert ahead(*python(code), needed="no", begun=begun) == ("discarded late", ["decided"])
    assert ended.exists()
