"""The gates of a promotion: which conditions an image must meet, and how a verdict on one looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecr_tasks.model.scan import Level
from ecr_tasks.source.git.branches import Branch

SCAN, SIGNATURE, BRANCH = "require-scan", "require-signature", "from-branch"
"""The gates, named as their flags are."""


@dataclass(frozen=True)
class Gates:
    """The conditions of a promotion; none by default."""

    scan: Level | None = None
    signature: bool = False
    branch: Branch | None = None

    @property
    def options(self) -> Mapping[str, Mapping[str, str]]:
        """The gates that are closed, each with its options."""
        options: dict[str, Mapping[str, str]] = {}
        if self.scan is not None:
            options[SCAN] = {"level": self.scan}
        if self.signature:
            options[SIGNATURE] = {}
        if self.branch is not None:
            options[BRANCH] = {"branch": self.branch.name, "ref": self.branch.ref}
        return options


@dataclass(frozen=True)
class Waits:
    """How long scans and signatures are waited for, in seconds: in all, and between two questions."""

    limit: float = 300.0
    first: float = 2.0
    longest: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


WAITS = Waits()
"""How long promote waits."""


@dataclass(frozen=True)
class GateResults:
    """Every gate is passed: what the JSON document says of them by image, and whether we had to wait."""

    gates: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    waited: bool = False


@dataclass(frozen=True)
class Passed:
    """A condition is met; ``facts`` go into the JSON document."""

    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A condition isn't met: a sentence of cause, one of remedy."""

    cause: str
    remedy: str


@dataclass(frozen=True)
class Pending:
    """The verdict isn't known yet; after ``within`` seconds (None: the whole wait) it is ``otherwise``."""

    words: str
    otherwise: Failed
    within: float | None = None


Verdict = Passed | Failed | Pending
