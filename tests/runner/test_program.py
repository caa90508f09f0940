"""The command line of ecr-tasks suggests what may have been meant, and lets a reader leave."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.inv import ECR_TASKS, INVOKE, run_inv


@pytest.mark.parametrize(
    ("line", "cause", "remedy"),
    [
        ("pusj", "There is no task pusj.", "Did you mean push? "),
        ("build pusj", "There is no task pusj.", "Did you mean push? "),
        ("repo.ensur", "There is no task repo.ensur.", "Did you mean repo.ensure? "),
        ("--help plann", "There is no task plann.", "Did you mean plan? "),
        ("xyzzyxyzzy", "There is no task xyzzyxyzzy.", "`ecr-tasks --list` shows the tasks."),
        ("images --jsn", "--jsn is no flag of the task images.", "Did you mean --json? "),
        ("images --limti=3", "--limti is no flag of the task images.", "Did you mean --limit? "),
        ("promote", "promote needs SOURCE.", "`ecr-tasks --help promote` shows"),
        ("images --limit", "--limit needs a value.", "`ecr-tasks --help images` shows"),
        ("push --image", "--image needs a value.", "`ecr-tasks --help push` shows"),
        ("push --image --json", "--image needs a value.", "`ecr-tasks --help push` shows"),
        ("-D x --list", "'x' is no number", "`ecr-tasks --help` shows"),
        ("local.up --port x", "--port x is no port.", "Write a number up to 65535"),
        ("local.up --port 65536", "--port 65536 is no port.", "Write a number up to 65535"),
        ("ci.init github --stdout", "--stdout is no flag of the task ci.init.", "`ecr-tasks --help ci.init` shows"),
    ],
)
def test_a_mistake_in_the_command_line_gets_a_remedy(tmp_path: Path, line: str, cause: str, remedy: str) -> None:
    done = run_inv(line.split(), tmp_path, os.environ, ECR_TASKS)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("ecr-tasks: ")
    assert cause in first
    assert second.startswith(remedy)


@pytest.mark.parametrize(
    ("line", "stream"),
    [
        *((line, "stdout") for line in ("--list", "--help", "--help promote", "--version", "settings --all", "tags")),
        *((line, "stderr") for line in ("settings --all", "tags", "pusj")),
    ],
)
def test_a_reader_that_leaves_is_no_error_of_ours(tmp_path: Path, line: str, stream: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)  # nobody reads it any more
    try:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: write_end}
        done = subprocess.run([*ECR_TASKS, *line.split()], cwd=tmp_path, text=True, check=False, **streams)  # type: ignore[call-overload]
    finally:
        os.close(write_end)
    assert done.returncode == (2 if line == "pusj" else 0)
    assert "Traceback" not in (done.stdout or "") + (done.stderr or "")
    assert "BrokenPipe" not in (done.stderr or "")


@pytest.mark.parametrize(
    ("line", "said", "remedy"),
    [
        ("local history", "did not receive", "`inv --help history` shows what can be written."),
        ("images --jsn", "'--jsn'", "`inv --help images` shows what can be written."),
        ("local pusj", "'pusj'", "`inv --list` shows the tasks."),
    ],
)
def test_what_invoke_says_of_a_mistake_gets_a_remedy(tmp_path: Path, line: str, said: str, remedy: str) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import *\n", "utf-8")
    words = [*INVOKE, *line.split()]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    first, second = done.stderr.splitlines()
    assert (done.returncode, said in first, second) == (1, True, remedy)


@pytest.mark.parametrize("line", ["--list", "--help promote"])
def test_a_reader_that_leaves_invokes_help_is_no_error(tmp_path: Path, line: str) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import *\n", "utf-8")
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        words = [*INVOKE, *line.split()]
        done = subprocess.run(words, cwd=tmp_path, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")
