"""The result of an image's vulnerability scan, and its findings from a severity upwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

Level = Literal["critical", "high", "medium", "low", "informational", "undefined"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""The severities, the worst first (ECR's API model, FindingSeverity)."""

DEFAULT_LEVEL: Level = "critical"


@dataclass(frozen=True)
class Finding:
    """One vulnerability; ``severity`` is ECR's, such as HIGH; ``name`` is usually a CVE number."""

    severity: str
    name: str


@dataclass(frozen=True)
class ScanResult:
    """The state of one image's scan; ``counts`` are the numbers of findings by severity.

    ``complete`` is False while the findings are not available yet: for some seconds ECR reports an enhanced scan as
    COMPLETE before it has the findings (aws/aws-sdk#289).
    """

    status: str
    description: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    complete: bool = True

    def at_or_above(self, level: Level) -> dict[str, int]:
        """Return the numbers of findings of this severity and of worse ones, the worst first."""
        names = sorted((name for name, count in self.counts.items() if count), key=_rank)
        return {name: self.counts[name] for name in names if _rank(name) <= LEVELS.index(level)}

    def worst(self, level: Level) -> tuple[str, ...]:
        """Return the names of the findings of this severity and of worse ones, the worst first, each once."""
        findings = sorted(self.findings, key=lambda finding: _rank(finding.severity))
        return tuple(dict.fromkeys(each.name for each in findings if _rank(each.severity) <= LEVELS.index(level)))


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return numbers of findings in words: ``2 critical, 1 high``, or ``no findings``."""
    named = sorted((name for name, count in counts.items() if count), key=_rank)
    return ", ".join(f"{counts[name]} {name.lower()}" for name in named) or "no findings"


def _rank(severity: str) -> int:
    """Return a severity's index in LEVELS; unknown ones (Inspector's UNTRIAGED) count as UNDEFINED."""
    levels: Sequence[str] = LEVELS
    return levels.index(severity.lower()) if severity.lower() in levels else len(levels) - 1
