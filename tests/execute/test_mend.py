"""What `doctor --fix` does and says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.execute.mend import mend
from ecr_tasks.model.finding import AppendLine, Finding, Mend, RemoveLeftNames, RemoveLogins, StartBuilder


class FakeMachine:
    """A machine that records what is asked of it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def remove_left_names(self) -> Sequence[str]:
        self.done.append("names")
        return ["ecr-tasks-build:aa"]

    def start_builder(self, name: str) -> None:
        if name == "broken":
            raise BuildError("It does not start.", "Look at it.")
        self.done.append(name)

    def remove_logins(self, file: Path, names: Sequence[str]) -> Path | None:
        self.done.append(f"{file} {names}")
        return file.with_name("copy") if names else None


def findings(*mends: Mend) -> list[Finding]:
    return [Finding("Section", "name", "warning", "text", "remedy", mends=mends)]


def test_a_line_is_added_once_and_nothing_else_changes(tmp_path: Path) -> None:
    file = tmp_path / ".gitignore"
    file.write_bytes(b"*.pyc")
    line = AppendLine(file, "/.env")
    assert mend(findings(line, line), FakeMachine(), dry=False) == [f"added /.env to {file}"]
    assert file.read_bytes() == b"*.pyc\n/.env\n"
    assert mend(findings(line), FakeMachine(), dry=False) == [f"{file} has /.env already"]
    assert mend(findings(AppendLine(tmp_path / "new", "a")), FakeMachine(), dry=False)
    assert (tmp_path / "new").read_bytes() == b"a\n"


MENDS: tuple[Mend, ...] = (
    RemoveLeftNames(),
    StartBuilder("multi"),
    RemoveLogins(Path("/home/me/config.json"), ("https://x",)),
)


def test_each_thing_is_done_and_said() -> None:
    machine = FakeMachine()
    assert mend(findings(*MENDS), machine, dry=False) == [
        "removed what killed runs left: ecr-tasks-build:aa",
        "started the builder multi",
        "removed the login for https://x from /home/me/config.json; /home/me/copy is the file as it was",
    ]
    assert len(machine.done) == 3


def test_a_dry_run_only_says_what_it_would_do(tmp_path: Path) -> None:
    machine = FakeMachine()
    lines = mend(findings(*MENDS, AppendLine(tmp_path / "a", "b")), machine, dry=True)
    assert all(line.startswith("would ") for line in lines)
    assert len(lines) == 4
    assert machine.done == []
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("name", ["broken", "multi"])
def test_what_can_not_be_mended_is_in_the_way_of_nothing(name: str, tmp_path: Path) -> None:
    machine = FakeMachine()
    lines = mend(
        findings(AppendLine(tmp_path / "missing" / "a", "b"), StartBuilder(name), RemoveLeftNames()),
        machine,
        dry=False,
    )
    assert lines[0].startswith("not mended: ")
    assert lines[1].startswith("not mended: It does not start." if name == "broken" else "started")
    assert machine.done[-1] == "names"
