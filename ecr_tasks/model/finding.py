"""What a check finds: one line of `doctor`'s page, with its state, its remedy, and what could mend it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from ecr_tasks.errors import EcrTasksError, ExitCode
from ecr_tasks.frozen import dataclass

State = Literal["fine", "warning", "wrong", "unknown"]
"""``wrong`` is in the way of a push, ``warning`` is not, ``unknown`` could not be asked."""


@dataclass(frozen=True)
class AppendLine:
    """A line that a file which git or docker reads should have."""

    file: Path
    line: str


@dataclass(frozen=True)
class RemoveLogins:
    """Entries of ``auths`` in a docker configuration that are of no use."""

    file: Path
    names: tuple[str, ...]


@dataclass(frozen=True)
class RemoveLeftNames:
    """What killed runs have left: their folders, and the local image names in those."""


@dataclass(frozen=True)
class StartBuilder:
    """A builder that exists and does not run."""

    name: str


Mend: TypeAlias = AppendLine | RemoveLogins | RemoveLeftNames | StartBuilder
"""Something that is safe to do on this machine."""


@dataclass(frozen=True)
class Finding:
    """One line of the page: ``text`` is what is so, ``remedy`` what to do about it, empty where all is fine.

    ``code`` is the exit code that a push would end with, for what is wrong. ``mends`` are what `--fix` does.
    """

    section: str
    name: str
    state: State
    text: str
    remedy: str = ""
    code: ExitCode = ExitCode.UNEXPECTED
    mends: tuple[Mend, ...] = ()


@dataclass(frozen=True)
class Section:
    """The name under which a group of checks reports, and short ways to write its findings."""

    name: str
    code: ExitCode = ExitCode.UNEXPECTED
    """The exit code of what is wrong here and has no error with a code of its own."""

    def fine(self, name: str, text: str) -> Finding:
        """Return a finding that all is well."""
        return Finding(self.name, name, "fine", text)

    def warning(self, name: str, text: str, remedy: str, *mends: Mend) -> Finding:
        """Return a finding that is not in the way of a push."""
        return Finding(self.name, name, "warning", text, remedy, mends=mends)

    def wrong(self, name: str, text: str, remedy: str, *mends: Mend, code: ExitCode | None = None) -> Finding:
        """Return a finding that is in the way of a push."""
        return Finding(self.name, name, "wrong", text, remedy, code or self.code, mends)

    def unknown(self, name: str, reason: str, remedy: str = "") -> Finding:
        """Return a finding about what could not be asked; ``reason`` completes "could not be asked: …"."""
        return Finding(self.name, name, "unknown", f"could not be asked: {reason.rstrip('.')}", remedy)

    def error(self, name: str, error: EcrTasksError, *mends: Mend) -> Finding:
        """Return the finding of an error that a push would end with."""
        return Finding(self.name, name, "wrong", error.cause, error.remedy, error.code, mends)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first thing that is wrong; 0 where nothing is."""
    return next((int(item.code) for item in findings if item.state == "wrong"), 0)
