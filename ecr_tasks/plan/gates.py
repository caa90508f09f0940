"""The gates of a promotion: the conditions that an image must meet, and the verdicts on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.scan import ScanRules
from ecr_tasks.model.signing import Signer
from ecr_tasks.source.git.branches import Branch

SCAN, SIGNATURE, BRANCH = "require-scan", "require-signature", "from-branch"
"""The names of the gates, which are also those of their flags."""


@dataclass(frozen=True)
class Gates:
    """The gates that a promotion must pass; none by default. ``signers`` are those whose signature counts.

    ``limit`` is how many seconds to wait for scans and signatures instead of as long as always.
    """

    scan: ScanRules | None = None
    signers: tuple[Signer, ...] = ()
    branch: Branch | None = None
    limit: float | None = None

    @property
    def options(self) -> Mapping[str, Mapping[str, Any]]:
        """The options of each gate that is required, by gate."""
        options: dict[str, Mapping[str, Any]] = {}
        if self.scan is not None:
            options[SCAN] = self.scan.options
        if self.signers:
            options[SIGNATURE] = {"signers": ", ".join(map(str, self.signers))}
        if self.branch is not None:
            options[BRANCH] = {"branch": self.branch.name, "ref": self.branch.ref}
        return options


@dataclass(frozen=True)
class Waits:
    """How long to wait for scans and signatures, in seconds: in all, and between two checks."""

    limit: float = 300.0
    first: float = 2.0
    longest: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


WAITS = Waits()
"""The waits of promote."""


@dataclass(frozen=True)
class GateResults:
    """The results when every gate is passed: facts for the JSON document by image, and whether there was a wait."""

    gates: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    waited: bool = False


@dataclass(frozen=True)
class Passed:
    """A condition is met; ``facts`` go into the JSON document."""

    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A condition isn't met; ``cause`` and ``remedy`` are a sentence each."""

    cause: str
    remedy: str


@dataclass(frozen=True)
class Pending:
    """The verdict isn't known yet; after ``within`` seconds (None: the whole wait) it becomes ``otherwise``."""

    words: str
    otherwise: Failed
    within: float | None = None


Verdict = Passed | Failed | Pending
