"""Signals end a run once, however many come, and neither stop its clean-up nor hit what is being begun."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

CLEAN_UP = """
import sys, time
from pathlib import Path
from ecr_tasks.signals import end_run_by_signals
end_run_by_signals()
steps = Path(sys.argv[1])
try:
    print("ready", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    for number in range(30):
        time.sleep(0.02)
        (steps / str(number)).touch()
    sys.exit(130)
"""

HELD_BACK = """
import time
from ecr_tasks import signals
from ecr_tasks.signals import end_run_by_signals, held_back
end_run_by_signals()
try:
    with held_back():
        print("ready", flush=True)
        while not signals._State.pending:
            time.sleep(0.01)
        for _ in range(5):  # more of them come
            time.sleep(0.02)
        print("recorded", flush=True)
    print("not interrupted", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

LOADING = """
import time
from ecr_tasks.signals import exit_while_loading
with exit_while_loading():
    print("ready", flush=True)
    time.sleep(600)
"""

COMPILING = """
import signal, sys
from ecr_tasks.signals import end_run_by_signals, held_back
end_run_by_signals()
numbers = [signal.SIGINT, signal.SIGTERM]
for code in ("signal.raise_signal(numbers.pop())", "with held_back(): signal.raise_signal(numbers.pop())"):
    try:
        exec(code)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        from ecr_tasks import signals
        signals._State.ignored_until = 0
sys.exit(130)
"""


def _hear_hang_ups() -> None:
    """Undo what nohup set for the tests: a run that is to ignore SIGHUP goes on ignoring it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _start(script: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_hang_ups,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _burst(process: subprocess.Popen[str], numbers: list[signal.Signals]) -> tuple[int, str, str]:
    """Send signals every few milliseconds until the process ends; return its exit code and output."""
    for count in range(3000):
        if process.poll() is not None:
            break
        process.send_signal(numbers[count % len(numbers)])
        time.sleep(0.004)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize("numbers", [[number] for number in SIGNALS] + [SIGNALS], ids=str)
def test_a_burst_of_signals_leaves_the_clean_up_alone(numbers: list[signal.Signals], tmp_path: Path) -> None:
    assert _burst(_start(CLEAN_UP, str(tmp_path)), numbers) == (130, "", "")
    assert len(list(tmp_path.iterdir())) == 30


def test_a_block_that_is_held_back_is_finished_and_then_interrupted() -> None:
    code, stdout, stderr = _burst(_start(HELD_BACK), SIGNALS)
    assert (code, stdout, stderr) == (0, "recorded\ninterrupted\n", "")


def test_an_interruption_while_the_tasks_are_loaded_is_no_traceback() -> None:
    assert _burst(_start(LOADING), [signal.SIGINT]) == (130, "", "")


def test_a_signal_while_an_import_compiles_code_ends_with_the_exit_code(tmp_path: Path) -> None:
    """The imports of dataclasses and of named tuples do; `python -m invoke` died by SIGINT then."""
    (tmp_path / "compiling.py").write_text(COMPILING, encoding="utf-8")
    command = [sys.executable, "-m", "compiling"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "interrupted\ninterrupted\n", "")
