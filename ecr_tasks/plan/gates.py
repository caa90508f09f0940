"""What a promotion can be made to depend on, and what came of it: data, apart from what checks it.

Most promotions ask for nothing, and need none of that imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_tasks.model.scan import Level
    from ecr_tasks.source.git.branches import Branch

SCAN, SIGNATURE, BRANCH = "require-scan", "require-signature", "from-branch"
"""The gates, named as their flags are."""


@dataclass(frozen=True)
class Gates:
    """The conditions that were asked for; none by default."""

    scan: Level | None = None
    signature: bool = False
    branch: Branch | None = None

    @property
    def asked(self) -> Mapping[str, Mapping[str, str]]:
        """Each gate that was asked for, and with what."""
        asked: dict[str, Mapping[str, str]] = {}
        if self.scan is not None:
            asked[SCAN] = {"level": self.scan}
        if self.signature:
            asked[SIGNATURE] = {}
        if self.branch is not None:
            asked[BRANCH] = {"branch": self.branch.name, "ref": self.branch.ref}
        return asked


@dataclass(frozen=True)
class Waits:
    """How long we wait for scans and signatures, in seconds: altogether, and between two questions."""

    limit: float = 300.0
    first: float = 2.0
    longest: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Checked:
    """Every gate is passed: what the JSON document tells of them by image, and whether we had to wait."""

    gates: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    waited: bool = False
