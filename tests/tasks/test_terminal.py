"""On a terminal a task's table fits and is coloured; in a pipe and a CI it is complete, plain, and without rich."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

SGR = re.compile(r"\x1b\[[0-9;]*m")
PROGRAM = """
import atexit, sys
atexit.register(lambda: print("rich" if "rich" in sys.modules else "no rich", file=open("imported", "w")))
from ecr_tasks.__main__ import main
main()
"""
CI_VARIABLES = re.compile(r"CI$|CI_|GITHUB_|GITLAB_|BUILDKITE|JENKINS_|ECR_|AWS_|NO_COLOR|.*COLOR|TERM$|COLUMNS$")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project's folder with a setting whose value is long."""
    (tmp_path / ".env").write_text(f"ECR_REPOSITORY=team/{'a-long-name/' * 8}app\nAWS_REGION=eu-central-1\n", "utf-8")
    return tmp_path


def run(folder: Path, *words: str, width: int | None, **variables: str) -> str:
    """Run a command line with stdout on a terminal of a width, or on a pipe, and return what is printed there."""
    environ = {name: text for name, text in os.environ.items() if not CI_VARIABLES.match(name)}
    environ |= {"TERM": "xterm", **variables}
    command = [sys.executable, "-c", PROGRAM, *words]
    if width is None:
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
        return done.stdout
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    child = subprocess.Popen(command, cwd=folder, env=environ, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    output = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        output += chunk
    os.close(ours)
    assert child.wait() == 0
    return output.decode().replace("\r\n", "\n")


def imported(folder: Path) -> str:
    return (folder / "imported").read_text("utf-8").strip()


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_table_fits_the_terminal_and_is_coloured(folder: Path, width: int) -> None:
    output = run(folder, "settings", "--all", width=width)
    assert "\x1b[1m" in output
    assert max(len(SGR.sub("", line)) for line in output.splitlines()) <= width
    assert "ECR_REPOSITORY" in output
    assert imported(folder) == "rich"


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"FORCE_COLOR": "0"}, {"CLICOLOR": "0"}])
def test_colours_can_be_turned_off(folder: Path, variables: dict[str, str]) -> None:
    output = run(folder, "settings", "--all", width=60, **variables)
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 60


@pytest.mark.parametrize(
    ("width", "variables"),
    [(None, {}), (40, {"CI": "true"}), (40, {"TERM": "dumb"}), (40, {"GITHUB_ACTIONS": "true"})],
)
def test_a_pipe_and_a_ci_get_everything_plain_and_without_rich(
    folder: Path, width: int | None, variables: dict[str, str]
) -> None:
    output = run(folder, "settings", width=width, **variables)
    assert "\x1b" not in output
    (row,) = [line.split() for line in output.splitlines() if line.startswith("ECR_REPOSITORY")]
    assert row == ["ECR_REPOSITORY", f"team/{'a-long-name/' * 8}app", ".env:1"]
    assert imported(folder) == "no rich"


def test_colours_that_are_forced_cut_nothing_in_a_pipe(folder: Path) -> None:
    output = run(folder, "settings", width=None, FORCE_COLOR="1")
    assert "\x1b[1mECR_REPOSITORY\x1b[0m" in output
    assert f"team/{'a-long-name/' * 8}app" in output


@pytest.mark.parametrize("words", [("--list",), ("--help", "promote"), ("tags",)])
def test_what_is_no_table_does_without_rich_on_a_terminal_too(folder: Path, words: tuple[str, ...]) -> None:
    output = run(folder, *words, width=80)
    assert output
    assert max(len(line) for line in output.splitlines()) <= 80
    assert imported(folder) == "no rich"
