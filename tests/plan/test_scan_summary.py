"""The summary of scans in Markdown: the failing findings first, no markup from outside, and not too long."""

from __future__ import annotations

from ecr_tasks.model.scan import AcceptedFinding, Finding, ScanResult, ScanRules, VulnerablePackage
from ecr_tasks.plan.gates import Failed, Passed
from ecr_tasks.plan.scan_summary import MOST_ROWS, scan_summary
from tests.plan.test_sarif import FINDINGS, scanned


def test_the_failing_findings_come_first_with_their_verdicts() -> None:
    rules = ScanRules("high", accepted=(AcceptedFinding("CVE-1", "not loaded", "libssl"),))
    result = ScanResult("COMPLETE", counts={"CRITICAL": 1, "LOW": 1}, findings=FINDINGS)
    lines = scan_summary(
        [scanned(("linux/amd64", result, Failed("It is bad.", "Mend it.")), rules=rules)]
    ).splitlines()
    assert lines[0] == "### Scan of `app`: **1 of its scans fail**"
    assert "- `linux/amd64`: 1 critical, 1 low" in lines
    assert "- It is bad. Mend it." in lines
    link = "[CVE-1](https://example.com/CVE-1)"
    rows = [line for line in lines if line.startswith("| ")][1:]
    assert rows[0] == f"| critical | {link} | openssl | 1 | 2 | yes | linux/amd64 | fails |"
    assert f"| critical | {link} | libssl | 1 | no fix | yes | linux/amd64 | accepted&#58; not loaded |" in rows


def test_no_markup_comes_from_a_scan() -> None:
    evil = Finding(
        "HIGH\n| x |",
        "[a](javascript:x)<img>",
        (VulnerablePackage("`p`|", "*1*\n# head"),),
        uri="https://x/)<script>",
    )
    text = scan_summary([scanned(("linux/amd64", ScanResult("COMPLETE", findings=(evil,)), Passed("fine")))])
    row = text.splitlines()[-1]
    assert row.count("|") == 9
    assert not set(row) & set("<>[]`*\\")


def test_a_scan_that_is_none_and_the_rest_of_many() -> None:
    missing = scan_summary([scanned(("linux/amd64", None, Failed("There is no scan.", "Start one.")))])
    assert "- `linux/amd64`: no scan" in missing
    many = tuple(Finding("LOW", f"CVE-{number}") for number in range(MOST_ROWS + 7))
    text = scan_summary([scanned(("linux/amd64", ScanResult("COMPLETE", findings=many), Passed("fine")))])
    assert text.endswith("\n7 more are in the log.\n")
    assert text.count("\n| low |") == MOST_ROWS
