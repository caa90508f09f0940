"""Scanned images: each manifest's scan with its judged findings and verdict, and the same as rows and as values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Finding, ScanResult, VulnerablePackage
from ecr_tasks.plan.gates import Failed, Passed
from ecr_tasks.plan.scan_gate import JudgedFinding, State, judge_readiness
from ecr_tasks.plan.scannable_parts import Part


@dataclass(frozen=True)
class ScannedPart:
    """One manifest with its scan, None where there is none, and the verdict on it."""

    part: Part
    scan: ScanResult | None
    findings: tuple[JudgedFinding, ...]
    verdict: Passed | Failed

    @property
    def is_unread(self) -> bool:
        """Whether there are no findings to judge: no scan, one that runs on, or one that failed."""
        return self.scan is None or judge_readiness(self.part, self.scan) is not None


@dataclass(frozen=True)
class ScannedImage:
    """One image with its manifests; ``whole`` is a verdict on the image where it has none that are scanned."""

    name: str
    repository: Repository
    image: StoredImage
    parts: tuple[ScannedPart, ...]
    whole: Passed | Failed | None = None

    @property
    def reference(self) -> str:
        """``host/repository@sha256:…``"""
        return f"{self.repository.uri}@{self.image.digest}"

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of findings by severity, of each severity those of the part that has the most."""
        counts: dict[str, int] = {}
        for part in self.parts:
            for name, count in (part.scan.counts if part.scan else {}).items():
                counts[name] = max(count, counts.get(name, 0))
        return counts

    @property
    def failures(self) -> tuple[Failed, ...]:
        """The verdicts that fail."""
        verdicts = (self.whole, *(part.verdict for part in self.parts))
        return tuple(verdict for verdict in verdicts if isinstance(verdict, Failed))

    @property
    def unread(self) -> tuple[Failed, ...]:
        """The verdicts on what has no findings to judge."""
        verdicts = (self.whole, *(part.verdict for part in self.parts if part.is_unread))
        return tuple(verdict for verdict in verdicts if isinstance(verdict, Failed))


@dataclass(frozen=True)
class FindingRow:
    """A finding in one package, and the platforms on which it is the same."""

    image: str
    finding: Finding
    package: VulnerablePackage
    state: State
    platforms: tuple[str, ...]
    reason: str = ""

    @property
    def has_fix(self) -> str:
        """Whether this package has a fix: ``yes``, ``no``, or ``?`` where nobody said."""
        if self.finding.fix == "unknown":
            return "?"
        if self.finding.fix == "partial":
            return "yes" if self.package.fixed else "no"
        return self.finding.fix


def finding_rows(images: Sequence[ScannedImage]) -> tuple[FindingRow, ...]:
    """Return a row for each finding in each package, the failing ones first, then the worst."""
    platforms: dict[tuple[str, Finding, VulnerablePackage, State, str], list[str]] = {}
    for image in images:
        for part in image.parts:
            for judged in part.findings:
                for package in judged.finding.packages or (VulnerablePackage(""),):
                    reason = judged.reason.reason if judged.reason else ""
                    key = (image.name, judged.finding, package, judged.state, reason)
                    names = platforms.setdefault(key, [])
                    if part.part.platform not in names:
                        names.append(part.part.platform)
    rows = (
        FindingRow(name, finding, package, state, tuple(filter(None, names)), reason)
        for (name, finding, package, state, reason), names in platforms.items()
    )
    return tuple(sorted(rows, key=_order))


def results(images: Iterable[ScannedImage]) -> tuple[ScanResult, ...]:
    """Return the scans that there are."""
    return tuple(part.scan for image in images for part in image.parts if part.scan is not None)


def _order(row: FindingRow) -> tuple[bool, int, str, str, str]:
    return row.state != "fails", row.finding.rank, row.image, row.finding.name, row.package.name
