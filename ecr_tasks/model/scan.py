"""What a scan found, and how much of it is too much. Data and pure decisions; ``ecr/evidence.py`` fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Level = Literal["critical", "high", "medium", "low", "informational", "undefined"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""The severities, the worst first (API model, FindingSeverity)."""

DEFAULT_LEVEL: Level = "critical"


@dataclass(frozen=True)
class Finding:
    """One vulnerability; ``severity`` is in ECR's words, ``name`` usually a CVE number."""

    severity: str
    name: str


@dataclass(frozen=True)
class ScanResult:
    """What ECR knows of one image's scan; ``counts`` holds how many findings there are by severity.

    ``complete`` is False where the status says that it is and nothing else does: for some seconds ECR calls an
    enhanced scan COMPLETE whose findings it has not yet (aws/aws-sdk#289).
    """

    status: str
    description: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    complete: bool = True

    def at_or_above(self, level: Level) -> dict[str, int]:
        """How many findings of each severity there are that are at least this bad, the worst first."""
        limit = LEVELS.index(level)
        names = sorted((name for name, count in self.counts.items() if count), key=_rank)
        return {name: self.counts[name] for name in names if _rank(name) <= limit}

    def worst(self, level: Level) -> tuple[str, ...]:
        """Their names, the worst first, each once."""
        limit = LEVELS.index(level)
        bad = [finding for finding in self.findings if _rank(finding.severity) <= limit]
        return tuple(dict.fromkeys(finding.name for finding in sorted(bad, key=lambda item: _rank(item.severity))))


def counted(counts: Mapping[str, int]) -> str:
    """``2 critical, 1 high``; ``no findings``."""
    named = sorted((name for name, count in counts.items() if count), key=_rank)
    return ", ".join(f"{counts[name]} {name.lower()}" for name in named) or "no findings"


def _rank(severity: str) -> int:
    """Where a severity stands; what has no rating (Inspector's UNTRIAGED) is as UNDEFINED."""
    lowered = severity.lower()
    return next((rank for rank, level in enumerate(LEVELS) if level == lowered), len(LEVELS) - 1)
