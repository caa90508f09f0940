"""The scan gate: which findings an image may have. A scan must have ended, and none of its findings may count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Literal

from ecr_tasks.errors import SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.scan import (
    DEFAULT_LEVEL,
    AcceptedFinding,
    Finding,
    ScanResult,
    ScanRules,
    count_severities,
    describe_counts,
    severity_rank,
)
from ecr_tasks.model.severity import LEVELS, Level
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict
from ecr_tasks.plan.scan_failures import ended_without_findings, missing_scan
from ecr_tasks.plan.scannable_parts import Part
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import values

APPEARS_SECONDS = 60.0
"""How long a scan may take to exist: just after a push ECR raises ScanNotFoundException."""

NEW_SECONDS = 600.0
"""The age of an image without a scan from which on no scan is expected any more."""

State = Literal["fails", "below", "known", "accepted", "no-fix"]
"""What becomes of a finding: it fails the gate, is less severe, is the other image's too, is accepted, or nobody can
mend it yet.
"""

_RUNNING = ("IN_PROGRESS", "PENDING")


@dataclass(frozen=True)
class JudgedFinding:
    """A finding and what becomes of it. ``reason`` is the entry that accepts it."""

    finding: Finding
    state: State
    reason: AcceptedFinding | None = None


@dataclass(frozen=True)
class OtherFindings:
    """The findings that another image has now: by platform, the rank of each finding in a package."""

    name: str
    ranks: Mapping[str, Mapping[tuple[str, str], int]] = field(default_factory=dict)

    def known(self, platform: str) -> Mapping[tuple[str, str], int]:
        """Return the findings of a platform, or of all platforms together where the image has not that one."""
        if platform in self.ranks:
            return self.ranks[platform]
        known: dict[tuple[str, str], int] = {}
        for ranks in self.ranks.values():
            for key, rank in ranks.items():
                known[key] = min(rank, known.get(key, rank))
        return known


def scan_level(
    option: str | bool | None,
    configured: Level | None,
    default: Level | None = DEFAULT_LEVEL,
    flag: str = "--require-scan",
) -> Level | None:
    """Return the level of a flag such as ``--require-scan[=LEVEL]``, the configured level or the default.

    None without the flag. Raises SettingsError for an unknown level, also for an empty text: a pipeline's unset
    variable must not open the gate.
    """
    if option is None or option is False:
        return None
    if option is True:
        return configured or default
    try:
        return values.choice(*LEVELS)(option)
    except Malformed as error:
        raise SettingsError(
            f"The level of {flag} {error.messages[0]}.",
            f"Correct it, or leave it out: then it is ECR_SCAN_FAIL_ON's, or {default or 'none'}.",
        ) from error


def judge_scan(
    part: Part,
    scan: ScanResult | None,
    rules: ScanRules,
    age: float | None = None,
    other: OtherFindings | None = None,
) -> Verdict:
    """Decide whether an image passes by its scan; ``age`` is the seconds since the push, None if unknown."""
    unready = judge_readiness(part, scan, age)
    if unready is not None or scan is None:
        return unready or missing_scan(part)
    judged = judge_findings(scan, rules, known_findings(part, other))
    failing = [item.finding for item in judged if item.state == "fails"]
    counts = count_severities(failing)
    for name, count in _unlisted(scan, rules).items():
        counts[name] = counts.get(name, 0) + count
    if counts:
        return _findings_refused(part, counts, failing, rules, other)
    accepted = sum(item.state == "accepted" for item in judged)
    words = f"{part.platform or 'the image'}: {describe_counts(scan.counts)}"
    facts: dict[str, object] = {
        "platform": part.platform or None,
        "digest": part.digest,
        "status": scan.status,
        "findings": {name.lower(): count for name, count in scan.counts.items()},
    }
    if accepted:
        facts["accepted"] = accepted
        words += f" ({accepted} accepted)"
    return Passed(words, facts)


def judge_readiness(part: Part, scan: ScanResult | None, age: float | None = None) -> Failed | Pending | None:
    """Decide whether a scan has ended with its findings; None if so."""
    if scan is None:
        missing = missing_scan(part)
        if age is not None and age > NEW_SECONDS:
            return missing
        return Pending(f"a scan of {part.short}", missing, APPEARS_SECONDS)
    if scan.status in _RUNNING or (scan.has_ended and not scan.complete):
        cause = f"The scan of {part} did not end while we waited (ECR says {scan.status})."
        late = Failed(cause, "Run this again later, or wait longer (`inv scan --timeout`).")
        return Pending(f"the scan of {part.short} ({scan.status})", late)
    if not scan.has_ended:
        return ended_without_findings(part, scan)
    return None


def judge_findings(
    scan: ScanResult, rules: ScanRules, known: Mapping[tuple[str, str], int] | None = None
) -> tuple[JudgedFinding, ...]:
    """Return what becomes of each finding, the worst first; one that is accepted in some packages is there twice.

    ``known`` are the ranks of the other image's findings.
    """
    accepted: dict[str, list[AcceptedFinding]] = {}
    for entry in rules.accepted:
        accepted.setdefault(entry.name, []).append(entry)
    judged = (
        item for finding in scan.findings for item in _judge(finding, rules, accepted.get(finding.name, ()), known)
    )
    return tuple(sorted(judged, key=lambda item: (item.finding.rank, item.finding.name)))


def known_findings(part: Part, other: OtherFindings | None) -> Mapping[tuple[str, str], int] | None:
    """Return the ranks of the findings that another image has on a part's platform; None without another image."""
    return None if other is None else other.known(part.platform)


def other_findings(name: str, scans: Iterable[tuple[Part, ScanResult]]) -> OtherFindings:
    """Return the findings of another image from the scans of its parts."""
    ranks: dict[str, dict[tuple[str, str], int]] = {}
    for part, scan in scans:
        of_platform = ranks.setdefault(part.platform, {})
        for finding in scan.findings:
            for key in finding.keys:
                of_platform[key] = min(finding.rank, of_platform.get(key, finding.rank))
    return OtherFindings(name, ranks)


def needless(entries: Iterable[AcceptedFinding], scans: Iterable[ScanResult]) -> tuple[AcceptedFinding, ...]:
    """Return the entries for which no scan has a finding any more."""
    packages: dict[str, set[str]] = {}
    for scan in scans:
        for finding in scan.findings:
            packages.setdefault(finding.name, set()).update(package for _, package in finding.keys)
    return tuple(
        entry for entry in entries if not any(entry.covers(entry.name, each) for each in packages.get(entry.name, ()))
    )


def _judge(
    finding: Finding,
    rules: ScanRules,
    accepted: Iterable[AcceptedFinding],
    known: Mapping[tuple[str, str], int] | None,
) -> Iterator[JudgedFinding]:
    """Yield what becomes of a finding; ``accepted`` are the entries of its name."""
    left: Finding | None = finding
    for entry in accepted:
        if left is not None:
            covered, left = left.split(partial(entry.covers, finding.name))
            if covered is not None:
                yield JudgedFinding(covered, "accepted", entry)
    if left is not None and known is not None:
        had, left = left.split(lambda package: known.get((finding.name, package), len(LEVELS)) <= finding.rank)
        if had is not None:
            yield JudgedFinding(had, "known")
    if left is not None:
        yield JudgedFinding(left, _state(left, rules))


def _state(finding: Finding, rules: ScanRules) -> State:
    if rules.level is None or finding.rank > LEVELS.index(rules.level):
        return "below"
    return "no-fix" if rules.only_fixable and not finding.may_have_fix else "fails"


def _unlisted(scan: ScanResult, rules: ScanRules) -> dict[str, int]:
    """Return the numbers of findings at the level that ECR counts and doesn't list: nobody can have accepted them."""
    if rules.level is None:
        return {}
    worst = LEVELS.index(rules.level)
    return {name: count for name, count in scan.unlisted.items() if severity_rank(name) <= worst}


def _findings_refused(
    part: Part, counts: Mapping[str, int], failing: Sequence[Finding], rules: ScanRules, other: OtherFindings | None
) -> Failed:
    names = tuple(dict.fromkeys(finding.name for finding in sorted(failing, key=lambda finding: finding.rank)))
    shown = f" ({name_some(names)})" if names else ""
    found = f"The scan of {part} found {describe_counts(counts)}{shown}"
    at_level = f"{'fixable ' if rules.only_fixable else ''}findings from {rules.level} upwards"
    if other is not None:
        found += f" that {other.name} has not"
    return Failed(
        f"{found}, and {at_level} are refused.",
        "Mend what they are in (packages, base image) and build it anew, or accept them with a reason in the file "
        "that ECR_SCAN_ACCEPTED names.",
    )
