"""The result of an image's vulnerability scan: its findings, with their packages, and how a registry scans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from typing import Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.registry import wildcard_matches
from ecr_tasks.model.severity import LEVELS, Level

DEFAULT_LEVEL: Level = "critical"

BASIC, ENHANCED = "BASIC", "ENHANCED"
"""The scan types (ECR's API model, ScanType); enhanced scans are Amazon Inspector's."""

Known = Literal["yes", "no", "partial", "unknown"]
"""Whether there is a fix or an exploit; a fix is ``partial`` where only some of the packages have one."""


@dataclass(frozen=True)
class VulnerablePackage:
    """A package that a finding is in. ``fixed`` is the version that mends it; empty where there is none or none is
    known. ``path`` is a file in the image.
    """

    name: str
    version: str = ""
    fixed: str = ""
    path: str = ""


@dataclass(frozen=True)
class Finding:
    """One vulnerability; ``severity`` is ECR's, such as HIGH; ``name`` is usually a CVE number."""

    severity: str
    name: str
    packages: tuple[VulnerablePackage, ...] = ()
    fix: Known = "unknown"
    exploit: Known = "unknown"
    uri: str = ""
    description: str = field(default="", compare=False, repr=False)

    @property
    def rank(self) -> int:
        """The severity's index in LEVELS."""
        return severity_rank(self.severity)

    @property
    def may_have_fix(self) -> bool:
        """Whether there is a fix for a package of it, or nobody said that there is none."""
        return self.fix != "no"

    @property
    def keys(self) -> frozenset[tuple[str, str]]:
        """The finding in each of its packages, by the names of both; in no package it is in ``""``."""
        return frozenset((self.name, package.name) for package in self.packages) or frozenset({(self.name, "")})

    def split(self, matches: Callable[[str], bool]) -> tuple[Finding | None, Finding | None]:
        """Return the finding in those of its packages whose name matches, and in the others; None for in none."""
        if not self.packages:
            return (self, None) if matches("") else (None, self)
        matching = tuple(package for package in self.packages if matches(package.name))
        return self._only(matching), self._only(tuple(each for each in self.packages if each not in matching))

    def _only(self, packages: tuple[VulnerablePackage, ...]) -> Finding | None:
        fix = self.fix
        if fix == "partial" and packages != self.packages:
            fixed = sum(bool(package.fixed) for package in packages)
            fix = "yes" if fixed == len(packages) else "partial" if fixed else "no"
        return replace(self, packages=packages, fix=fix) if packages else None


@dataclass(frozen=True)
class ScanResult:
    """The state of one image's scan; ``counts`` are the numbers of findings by severity.

    ``complete`` is False while the findings are not available yet: for some seconds ECR reports an enhanced scan as
    COMPLETE before it has the findings (aws/aws-sdk#289). ``completed`` is when a basic scan ended.
    """

    status: str
    description: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    complete: bool = True
    completed: datetime | None = None

    @property
    def has_ended(self) -> bool:
        """Whether its status says that it found what there is; ACTIVE is that of scans which go on by themselves."""
        return self.status in ("COMPLETE", "ACTIVE")

    @property
    def unlisted(self) -> dict[str, int]:
        """The numbers of findings by severity that are counted and not listed."""
        listed: dict[str, int] = {}
        for finding in self.findings:
            listed[finding.severity] = listed.get(finding.severity, 0) + 1
        left = {name: count - listed.get(name, 0) for name, count in self.counts.items()}
        return {name: count for name, count in left.items() if count > 0}


@dataclass(frozen=True)
class AcceptedFinding:
    """A finding that somebody has looked at and accepts, with the reason.

    Without ``package`` it is accepted in all packages. ``until`` is the last day on which it is accepted; ``place``
    is the file and line that say so.
    """

    name: str
    reason: str
    package: str | None = None
    until: date | None = None
    place: str = ""

    def __str__(self) -> str:
        return f"{self.name} in {self.package}" if self.package else self.name

    def covers(self, name: str, package: str) -> bool:
        """Return whether it is about a finding in a package."""
        return self.name == name and self.package in (None, package)

    def is_expired(self, today: date) -> bool:
        """Return whether its last day is over."""
        return self.until is not None and self.until < today


@dataclass(frozen=True)
class ScanRules:
    """Which findings fail the gate: those of this severity and of worse ones; none of them without a level.

    With ``only_fixable`` those fail that have a fix, or of which nobody said that they have none. ``accepted`` are
    findings that don't fail. With ``than``, the tag of another image, only those fail that it does not have.
    """

    level: Level | None = DEFAULT_LEVEL
    only_fixable: bool = False
    accepted: tuple[AcceptedFinding, ...] = ()
    than: str | None = None

    @property
    def options(self) -> Mapping[str, object]:
        """The rules as they stand in a JSON document."""
        options: dict[str, object] = {"level": self.level}
        if self.only_fixable:
            options["only_fixable"] = True
        if self.than is not None:
            options["than"] = self.than
        return options


@dataclass(frozen=True)
class Scanning:
    """A registry's scanning: BASIC or ENHANCED, and the frequency and filters of its rules.

    ``version`` is that of basic scanning, such as AWS_NATIVE; empty where it isn't known.
    """

    kind: str
    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    version: str = ""

    @property
    def is_enhanced(self) -> bool:
        """Whether Amazon Inspector scans; then nobody can start a scan."""
        return self.kind == ENHANCED

    @property
    def words(self) -> str:
        """The scanning in words: ``enhanced scanning``, ``basic scanning (AWS_NATIVE)``."""
        return f"{self.kind.lower()} scanning" + (f" ({self.version})" if self.version else "")

    def scans(self, repository: str) -> bool:
        """Return whether a rule has the images of a repository scanned, on push or all the time."""
        return any(
            frequency != "MANUAL" and any(_filter_matches(text, repository) for text in filters)
            for frequency, filters in self.rules
        )


@dataclass(frozen=True)
class StartRefusal:
    """Why a registry starts no scan of an image: ``limit`` is one scan in 24 hours. ``message`` is what it says."""

    reason: Literal["unsupported", "limit", "enhanced", "archived"]
    message: str = ""


def severity_rank(severity: str) -> int:
    """Return a severity's index in LEVELS; unknown ones (Inspector's UNTRIAGED) count as UNDEFINED."""
    levels: Sequence[str] = LEVELS
    return levels.index(severity.lower()) if severity.lower() in levels else len(levels) - 1


def count_severities(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the numbers of findings by severity, the worst first."""
    counts: dict[str, int] = {}
    for finding in sorted(findings, key=lambda finding: finding.rank):
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
    return counts


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return numbers of findings in words: ``2 critical, 1 high``, or ``no findings``."""
    named = sorted((name for name, count in counts.items() if count), key=severity_rank)
    return ", ".join(f"{counts[name]} {name.lower()}" for name in named) or "no findings"


def _filter_matches(text: str, repository: str) -> bool:
    """Return whether a scanning rule's filter has a repository; one without ``*`` has each whose name contains it.

    See the ECR user guide, "Filters to choose which repositories are scanned".
    """
    return wildcard_matches(text, repository) if "*" in text else text in repository
