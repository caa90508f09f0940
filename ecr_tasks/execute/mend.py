"""Carry out what `doctor --fix` may do on this machine, and say what was done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.files import append_lines, read_bytes
from ecr_tasks.model.finding import AppendLine, Finding, Mend, RemoveLeftNames, RemoveLogins, StartBuilder


class MendingMachine(Protocol):
    """What can be mended on a machine by docker."""

    def remove_left_names(self) -> Sequence[str]:
        """Remove what killed runs have left, and return the image names that were removed."""

    def start_builder(self, name: str) -> None:
        """Start a builder that exists. Raises BuildError."""

    def remove_logins(self, file: Path, names: Sequence[str]) -> Path | None:
        """Remove entries of ``auths`` from a docker configuration; return the copy of the file as it was before.

        None when none of them is there any more. Raises BuildError.
        """


def mend(findings: Sequence[Finding], machine: MendingMachine, *, dry: bool) -> list[str]:
    """Do what the findings offer, each thing once, and return a line about each."""
    lines = []
    for item in dict.fromkeys(item for finding in findings for item in finding.mends):
        try:
            lines.append(_planned(item) if dry else _done(item, machine))
        except EcrTasksError as error:
            lines.append(f"not mended: {error}")
        except OSError as error:
            lines.append(f"not mended: {error.filename} can't be written: {error.strerror}")
    return lines


def _done(item: Mend, machine: MendingMachine) -> str:
    match item:
        case AppendLine():
            return _append(item)
        case RemoveLogins():
            copy = machine.remove_logins(item.file, item.names)
            names = " and ".join(item.names)
            if copy is None:
                return f"{item.file} has no login for {names} any more"
            return f"removed the login for {names} from {item.file}; {copy} is the file as it was"
        case RemoveLeftNames():
            removed = machine.remove_left_names()
            return f"removed what killed runs left{': ' + ', '.join(removed) if removed else ''}"
        case StartBuilder():
            machine.start_builder(item.name)
            return f"started the builder {item.name}"


def _planned(item: Mend) -> str:
    match item:
        case AppendLine():
            return f"would add {item.line} to {item.file}"
        case RemoveLogins():
            return f"would remove the login for {' and '.join(item.names)} from {item.file}"
        case RemoveLeftNames():
            return "would remove what killed runs left"
        case StartBuilder():
            return f"would start the builder {item.name}"


def _append(item: AppendLine) -> str:
    """Append a line to a file, which is written if it is missing. Raises OSError."""
    content = read_bytes(item.file) if item.file.exists() else b""
    if item.line.encode() in {line.strip() for line in content.split(b"\n")}:
        return f"{item.file} has {item.line} already"
    append_lines(item.file, [item.line])
    return f"added {item.line} to {item.file}"
