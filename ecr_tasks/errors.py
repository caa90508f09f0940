"""The errors that a user can act on, each with its cause, its remedy and its exit code.

Known errors of libraries and programs are translated into these where they occur (``clients/``, ``source/``,
``settings/``). Any other error is a bug: it ends the task as an UnexpectedError. The codes never change, because
pipelines use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from ecr_tasks.one_line import one_line, shortened
from ecr_tasks.redaction import redact


class ExitCode(IntEnum):
    """The exit code of a task's process; Invoke's own errors have 1 too."""

    UNEXPECTED = 1
    SETTINGS = 2
    BUILD = 3
    AWS = 4
    REGISTRY = 5
    REFUSED = 6
    INTERRUPTED = 130


class EcrTasksError(Exception):
    """An error that a user can act on: a sentence that names the cause and one that names the remedy.

    Both are printed and written. So secrets are taken out of them here, and what they repeat of other programs, files
    and names is on one line; ``details`` are further lines of the cause, each about one thing.
    """

    code: ExitCode
    about: Sequence[str] = ()
    """The names of the builds that failed, where an error of several is about some of them."""

    def __init__(self, cause: str, remedy: str, details: Sequence[str] = ()) -> None:
        self.cause = "\n  ".join(shortened(one_line(redact(text)).strip()) for text in (cause, *details))
        self.remedy = shortened(one_line(redact(remedy)))
        super().__init__(self.cause, self.remedy)

    @property
    def lines(self) -> list[str]:
        """The lines to print: the cause's, then the remedy."""
        return [*self.cause.split("\n"), self.remedy]

    def __str__(self) -> str:
        return ("\n" if "\n" in self.cause else " ").join((self.cause, self.remedy))


class UnexpectedError(EcrTasksError):
    """Something happened that no other class is for: a bug, or an operating system that refuses something."""

    code = ExitCode.UNEXPECTED


class SettingsError(EcrTasksError):
    """Settings are missing, malformed or contradict each other."""

    code = ExitCode.SETTINGS


class BuildError(EcrTasksError):
    """There is no usable Docker engine or buildx, or the build failed."""

    code = ExitCode.BUILD


class AwsError(EcrTasksError):
    """AWS refused the credentials or could not be reached."""

    code = ExitCode.AWS


class Denied(AwsError):
    """AWS does not let the credentials do something, which nothing but another policy changes."""


class LostBuild(BuildError):
    """The builder lost a build among many at once: with fewer of them it goes on."""


class NoAnswer(BuildError):
    """docker gave no answer in time, which says nothing of what it was asked about."""


class RegistryError(EcrTasksError):
    """The registry lacks something, or a push or pull failed."""

    code = ExitCode.REGISTRY


class NoSuchImage(RegistryError):
    """The registry has no such image, or says so to those that may not read it."""


class Refused(EcrTasksError):
    """The action was refused because it would do harm (move a fixed tag, leak a secret); nothing was changed."""

    code = ExitCode.REFUSED


class Interrupted(EcrTasksError):
    """The person or the CI stopped the run."""

    code = ExitCode.INTERRUPTED


def nearest(name: str, candidates: Sequence[str], cutoff: float = 0.0) -> str:
    """Return the candidate most similar to a name, or an empty text below the similarity ``cutoff`` (0 to 1)."""
    import difflib

    return next(iter(difflib.get_close_matches(name, candidates, n=1, cutoff=cutoff)), "")
