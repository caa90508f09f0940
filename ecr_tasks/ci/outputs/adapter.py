"""What every CI's adapter answers; what a CI can't do is nothing, which is the answer here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.actions import Action
from ecr_tasks.ci.outputs.model import Outputs


class Adapter:
    """A CI that takes nothing from a process but files (Jenkins, CodeBuild, Drone, Woodpecker, and none at all).

    Adapters are pure: they say what to do, ``edge`` does it. ``environ`` is the process environment,
    ``folder`` the project's ``.ecr-tasks/``.
    """

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        """Hands values and summary over, beyond the files that are always written."""
        return ()

    def opened(self, title: str, now: float) -> str | None:
        """The line that begins a group of the log; ``now`` is in seconds since 1970."""
        return None

    def closed(self, title: str, now: float) -> str | None:
        """The line that ends it."""
        return None

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        """Shows an error where the CI shows them."""
        return ()

    def mask(self, secret: str) -> Sequence[Action]:
        """Keeps one line of text out of the log."""
        return ()
