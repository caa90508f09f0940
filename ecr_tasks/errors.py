"""The errors that a user can act on, each with its cause, its remedy and its exit code.

Known errors of libraries and programs are translated into these where they occur (``clients/``, ``source/``,
``settings/``). Any other error is a bug: it ends the task as an UnexpectedError. The codes never change, because
pipelines use them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum


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

    Neither may hold a secret, a token or a build argument's value: both are printed.
    """

    code: ExitCode

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause} {self.remedy}"


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


class RegistryError(EcrTasksError):
    """The registry lacks something, or a push or pull failed."""

    code = ExitCode.REGISTRY


class Refused(EcrTasksError):
    """The action was refused because it would do harm (move a fixed tag, leak a secret); nothing was changed."""

    code = ExitCode.REFUSED


class Interrupted(EcrTasksError):
    """The person or the CI stopped the run."""

    code = ExitCode.INTERRUPTED


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text with secrets as ``***``, except those of one or two characters, which occur everywhere."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) > 2:
            text = text.replace(secret, "***")
    return text


def nearest(name: str, candidates: Sequence[str], cutoff: float = 0.0) -> str:
    """Return the candidate most similar to a name, or an empty text below the similarity ``cutoff`` (0 to 1)."""
    import difflib

    return next(iter(difflib.get_close_matches(name, candidates, n=1, cutoff=cutoff)), "")
