"""Which findings fail: accepted ones, those without a fix, and those that another image has do not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.scan import AcceptedFinding, Finding, Known, ScanResult, ScanRules, VulnerablePackage
from ecr_tasks.model.severity import LEVELS, Level
from ecr_tasks.plan.gates import Failed, Passed
from ecr_tasks.plan.scan_gate import OtherFindings, judge_findings, judge_scan, needless, other_findings
from ecr_tasks.plan.scannable_parts import Part
from tests.support.build import digest, repository

PART = Part(repository(), digest("image"), "linux/amd64")
OPENSSL, LIBC, BIN = (
    VulnerablePackage("openssl", "1", "2"),
    VulnerablePackage("libc", "1"),
    VulnerablePackage("bin", "1"),
)

NAMES = st.sampled_from(["CVE-1", "CVE-2", "CVE-3"])
PACKAGES = st.lists(st.sampled_from([OPENSSL, LIBC, BIN]), max_size=3, unique=True).map(tuple)
FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from([level.upper() for level in LEVELS]),
        NAMES,
        PACKAGES,
        st.sampled_from(["yes", "no", "unknown"]),
    ),
    max_size=6,
)
ENTRIES = st.lists(
    st.builds(AcceptedFinding, NAMES, st.just("seen"), st.sampled_from([None, "openssl", "libc", "bin"])), max_size=3
).map(tuple)


def scan(*findings: Finding) -> ScanResult:
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
    return ScanResult("COMPLETE", counts=counts, findings=findings)


def states(
    result: ScanResult, rules: ScanRules, known: dict[tuple[str, str], int] | None = None
) -> list[tuple[str, str]]:
    judged = judge_findings(result, rules, known)
    return [(",".join(package.name for package in item.finding.packages), item.state) for item in judged]


def test_an_accepted_finding_does_not_fail() -> None:
    finding = Finding("CRITICAL", "CVE-1", (OPENSSL,))
    accepted = (AcceptedFinding("CVE-1", "seen"),)
    assert isinstance(judge_scan(PART, scan(finding), ScanRules("high")), Failed)
    verdict = judge_scan(PART, scan(finding), ScanRules("high", accepted=accepted))
    assert isinstance(verdict, Passed)
    assert "1 accepted" in verdict.words
    other = (AcceptedFinding("CVE-10", "seen"), AcceptedFinding("CVE-1", "seen", "libc"))
    assert isinstance(judge_scan(PART, scan(finding), ScanRules("high", accepted=other)), Failed)


def test_a_finding_is_accepted_package_by_package() -> None:
    finding = Finding("HIGH", "CVE-1", (LIBC, BIN))
    rules = ScanRules("high", accepted=(AcceptedFinding("CVE-1", "seen", "bin"),))
    assert sorted(states(scan(finding), rules)) == [("bin", "accepted"), ("libc", "fails")]
    both = (*rules.accepted, AcceptedFinding("CVE-1", "seen", "libc"))
    assert sorted(states(scan(finding), ScanRules("high", accepted=both))) == [
        ("bin", "accepted"),
        ("libc", "accepted"),
    ]


@pytest.mark.parametrize(
    ("fix", "state"), [("yes", "fails"), ("partial", "fails"), ("no", "no-fix"), ("unknown", "fails")]
)
def test_only_fixable_leaves_out_what_certainly_has_no_fix(fix: Known, state: str) -> None:
    finding = Finding("HIGH", "CVE-1", (OPENSSL, LIBC), fix)
    assert states(scan(finding), ScanRules("high", only_fixable=True)) == [("openssl,libc", state)]
    assert states(scan(finding), ScanRules("high")) == [("openssl,libc", "fails")]


def test_of_a_partial_fix_the_rest_without_one_does_not_fail() -> None:
    finding = Finding("HIGH", "CVE-1", (OPENSSL, LIBC), "partial")
    rules = ScanRules("high", only_fixable=True, accepted=(AcceptedFinding("CVE-1", "seen", "openssl"),))
    assert sorted(states(scan(finding), rules)) == [("libc", "no-fix"), ("openssl", "accepted")]


def test_no_worse_than_another_image() -> None:
    before = [Finding("HIGH", "CVE-1", (OPENSSL,)), Finding("LOW", "CVE-2", (LIBC,))]
    other = other_findings("prod (sha256:1)", [(PART, scan(*before))])
    rules = ScanRules("undefined", than="prod")

    def fails(*findings: Finding) -> bool:
        return isinstance(judge_scan(PART, scan(*findings), rules, other=other), Failed)

    assert not fails(*before)
    assert not fails(), "fewer are no worse"
    assert fails(*before, Finding("LOW", "CVE-3"))
    assert fails(Finding("HIGH", "CVE-1", (BIN,))), "in another package it is another one"
    assert fails(Finding("HIGH", "CVE-2", (LIBC,))), "more severe than before"
    assert not fails(Finding("LOW", "CVE-1", (VulnerablePackage("openssl", "9"),)))
    verdict = judge_scan(PART, scan(Finding("LOW", "CVE-3")), rules, other=other)
    assert isinstance(verdict, Failed)
    assert "1 low (CVE-3) that prod (sha256:1) has not" in verdict.cause


def test_platforms_are_compared_with_their_own_and_a_new_one_with_all() -> None:
    high = Finding("HIGH", "CVE-1", (OPENSSL,))
    arm = Part(PART.repository, digest("arm"), "linux/arm64")
    other = other_findings("prod", [(PART, scan()), (arm, scan(high))])
    rules = ScanRules("high", than="prod")
    assert isinstance(judge_scan(PART, scan(high), rules, other=other), Failed)
    assert isinstance(judge_scan(arm, scan(high), rules, other=other), Passed)
    riscv = Part(PART.repository, digest("riscv"), "linux/riscv64")
    assert isinstance(judge_scan(riscv, scan(high), rules, other=other), Passed)


def test_counts_of_findings_that_are_not_listed_can_neither_be_accepted_nor_known() -> None:
    result = ScanResult("COMPLETE", counts={"HIGH": 2}, findings=(Finding("HIGH", "CVE-1"),))
    rules = ScanRules("high", accepted=(AcceptedFinding("CVE-1", "seen"),), than="prod")
    verdict = judge_scan(PART, result, rules, other=OtherFindings("prod", {}))
    assert isinstance(verdict, Failed)
    assert "found 1 high" in verdict.cause


def test_without_a_level_no_finding_fails_and_no_scan_does() -> None:
    assert isinstance(judge_scan(PART, scan(Finding("CRITICAL", "CVE-1")), ScanRules(None)), Passed)
    assert isinstance(judge_scan(PART, ScanResult("FAILED"), ScanRules(None)), Failed)


def test_entries_that_no_scan_needs() -> None:
    finding = Finding("LOW", "CVE-1", (OPENSSL,))
    used, other, gone = (
        AcceptedFinding("CVE-1", "seen"),
        AcceptedFinding("CVE-1", "seen", "libc"),
        AcceptedFinding("CVE-2", "seen"),
    )
    assert needless([used, other, gone], [scan(), scan(finding)]) == (other, gone)


@given(FINDINGS, ENTRIES, st.sampled_from(LEVELS), st.booleans(), FINDINGS)
def test_every_package_of_every_finding_has_one_state_and_rules_only_ever_let_more_through(
    findings: Sequence[Finding],
    entries: tuple[AcceptedFinding, ...],
    level: Level,
    only_fixable: bool,
    before: Sequence[Finding],
) -> None:
    result = scan(*findings)
    known = dict(other_findings("prod", [(PART, scan(*before))]).known(PART.platform))
    judged = judge_findings(result, ScanRules(level, only_fixable, entries, "prod"), known)

    def pairs(items: Sequence[Finding]) -> list[tuple[str, str, str]]:
        return sorted(
            (item.severity, item.name, package.name)
            for item in items
            for package in item.packages or (VulnerablePackage(""),)
        )

    assert pairs([item.finding for item in judged]) == pairs(findings)
    failing = [item.finding for item in judged if item.state == "fails"]
    strict = [item.finding for item in judge_findings(result, ScanRules(level)) if item.state == "fails"]
    assert set(pairs(failing)) <= set(pairs(strict))
    for severity, name, package in pairs(failing):
        assert not any(entry.covers(name, package) for entry in entries)
        assert known.get((name, package), len(LEVELS)) > LEVELS.index(severity.lower())


class Counted(AcceptedFinding):
    """An entry that counts how often it is compared."""

    compared = 0

    def covers(self, name: str, package: str) -> bool:
        Counted.compared += 1
        return super().covers(name, package)


def test_entries_are_compared_with_the_findings_of_their_name_alone() -> None:
    findings = [Finding("HIGH", f"CVE-{number}", (OPENSSL,)) for number in range(300)]
    entries = tuple(Counted(f"CVE-{number}", "seen") for number in range(100, 200))
    judged = judge_findings(scan(*findings), ScanRules("low", accepted=entries))
    assert sum(item.state == "accepted" for item in judged) == 100
    assert Counted.compared == 100
    assert needless([*entries, Counted("CVE-1000", "seen")], [scan(*findings)] * 2) == (Counted("CVE-1000", "seen"),)
    assert Counted.compared == 200
