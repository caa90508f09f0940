"""The interface that each CI system's ``outputs.py`` implements; its defaults do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.actions import Action
from ecr_tasks.ci.outputs.model import Outputs


class Adapter:
    """What one CI system takes from us. This class is for a CI that takes files only, and for no CI.

    The methods are pure: they return the actions that ``perform`` carries out, or a line to print on stderr.
    ``environ`` is the process environment, ``folder`` the project's ``.ecr-tasks/``.
    """

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        """Return the actions that pass on values and summary, in addition to the files that every CI gets."""
        return ()

    def group_start(self, title: str, now: float) -> str | None:
        """Return the line that begins a group of the log; ``now`` is in seconds since 1970."""
        return None

    def group_end(self, title: str, now: float) -> str | None:
        """Return the line that ends the group."""
        return None

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        """Return the actions that show an error where the CI shows errors."""
        return ()

    def mask(self, secret: str) -> Sequence[Action]:
        """Return the actions that have the CI hide one line of text in its log."""
        return ()


FILES_ONLY = Adapter()
