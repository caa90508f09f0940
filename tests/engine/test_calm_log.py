"""`inv build push` on a pseudo-terminal: a live display for people, plain lines and whole groups for a CI's log."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project
from tests.support.inv import inv_program

CI_WITH_A_TERMINAL = {
    "Buildkite": {"CI": "true", "BUILDKITE": "true"},
    "Travis": {"CI": "true", "TRAVIS": "true"},
    "act": {"CI": "true", "GITHUB_ACTIONS": "true", "ACT": "true"},
    "GitLab": {"CI": "true", "GITLAB_CI": "true"},
    "another one": {"CI": "1"},
}
_GROUP = re.compile(
    r"--- |::(?:end)?group::|##\[(?:end)?group\]|travis_fold:(?:start|end):|\x1b\[0Ksection_(?:start|end):"
)
_HIDDEN_MARK = re.compile(r"^(?:travis_fold|\x1b\[0Ksection_)\S+?\r\x1b\[0K", re.MULTILINE)
"""What Travis CI and GitLab take out of the log: a mark of theirs up to the code that would hide it."""


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    unique = str(tmp_path)  # else the step may come from the cache
    step = f"printf 'one\\rtwo\\n\\033[31mred\\033[0m\\n' && echo {unique} >/unique"
    dockerfile = f"FROM {tiny_base}\nCOPY hello.txt /\nRUN {step}\n"
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    app.environ |= {"ECR_CREATE_REPOSITORY": "true", "TERM": "xterm"}
    return app


def on_a_terminal(app: Project, *arguments: str, **environ: str) -> str:
    """Run `inv …` with all its streams on a pseudo-terminal and return what it showed, its line breaks as ``\\n``."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        [inv_program(app.environ), *arguments],
        cwd=app.folder,
        env={**app.environ, "ECR_REPOSITORY": app.name, **environ},
        stdin=its,
        stdout=its,
        stderr=its,
    ) as process:
        os.close(its)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
    text = shown.decode().replace("\r\n", "\n")
    assert process.returncode == 0, text
    return text


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is gone
        return b""


@pytest.mark.parametrize("name", CI_WITH_A_TERMINAL)
def test_a_ci_with_a_terminal_gets_plain_lines_and_groups_that_begin_and_end_on_lines(
    app: Project, name: str
) -> None:
    text = on_a_terminal(app, "build", "push", **CI_WITH_A_TERMINAL[name])
    groups = [match.start() for match in _GROUP.finditer(text)]
    assert all(start == 0 or text[start - 1] == "\n" for start in groups)
    assert bool(groups) == (name != "another one")
    plain = _HIDDEN_MARK.sub("", text)
    assert "\x1b" not in plain
    assert "\r" not in plain
    assert "red\n" in plain
    assert "building with" in plain
    assert f"{app.name}@sha256:" in plain


@pytest.mark.parametrize("environ", [{}, {"CI": "false"}, {"CI": "0"}, {"CI": "true", "BUILDKIT_PROGRESS": "tty"}])
def test_a_person_s_terminal_and_who_asks_for_it_gets_the_live_display(app: Project, environ: dict[str, str]) -> None:
    assert "\x1b[" in on_a_terminal(app, "build", **environ)


def test_a_terminal_that_can_t_move_its_cursor_gets_plain_lines(app: Project) -> None:
    text = on_a_terminal(app, "build", TERM="dumb")
    assert "\x1b" not in text
    assert "\r" not in text


def test_nothing_asks_in_a_ci(app: Project) -> None:
    app.ok("repo.ensure")
    ours, its = pty.openpty()
    process = subprocess.run(
        [inv_program(app.environ), "repo.delete"],
        cwd=app.folder,
        env={**app.environ, "ECR_REPOSITORY": app.name, "CI": "true"},
        stdin=its,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(ours)
    os.close(its)
    assert process.returncode == 6
    assert "nobody to ask in a CI" in process.stderr
