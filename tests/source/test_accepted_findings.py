"""The file of accepted findings: what is read from it, and what is wrong in it with file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.scan import AcceptedFinding
from ecr_tasks.source.accepted_findings import parse_accepted_findings, read_accepted_findings

GOOD = """\
# what we have looked at
- id: CVE-2024-1
  reason: not reachable
- id: CVE-2024-2
  package: openssl
  reason: "no TLS: a proxy does that"
  until: 2026-12-31
- {id: CVE-2024-2, package: curl, reason: a tool, until: "2027-01-01"}
"""


def test_entries_are_read_with_their_lines() -> None:
    assert parse_accepted_findings(GOOD, "accepted.yaml") == (
        AcceptedFinding("CVE-2024-1", "not reachable", place="accepted.yaml:2"),
        AcceptedFinding("CVE-2024-2", "no TLS: a proxy does that", "openssl", date(2026, 12, 31), "accepted.yaml:4"),
        AcceptedFinding("CVE-2024-2", "a tool", "curl", date(2027, 1, 1), "accepted.yaml:8"),
    )
    assert parse_accepted_findings("# nothing\n", "accepted.yaml") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- id: CVE-1\n", "accepted.yaml:1: it has no reason"),
        ("- reason: x\n", "accepted.yaml:1: it has no id"),
        ("- id: CVE-1\n  reason: ' '\n", "its reason is ' ', which is no text"),
        ("- id: CVE-1\n  reason:\n", "it has no reason"),
        ("- id: 7\n  reason: x\n", "its id is 7, which is no text: put it in quotes"),
        ("- id: CVE-1\n  reason: yes\n", "its reason is true, which is no text: put it in quotes"),
        (
            "\n- id: CVE-1\n  reason: x\n  untill: 2026-01-01\n",
            "accepted.yaml:2: there is no 'untill' in an entry (did you mean until?)",
        ),
        ("- id: CVE-1\n  reason: x\n  until: soon\n", "until is 'soon', which is no day such as 2026-12-31"),
        ("- id: CVE-1\n  reason: x\n  until: 2026-02-30\n", "2026-02-30"),
        ("- id: CVE-1\n  reason: x\n  until: 2026-02-03 10:00:00\n", "which is no day"),
        ("- id: CVE-1\n  reason: x\n  until:\n", "its until is empty; without the line it is accepted for good"),
        ("- id: CVE-1\n  reason: x\n  until: 20261231\n", "its until is 20261231, which is no day"),
        ("- id: CVE-1\n  reason: x\n  package: []\n", "its package is [], which is no text"),
        ("- id: CVE-1\n  reason: x\n  package:\n", "its package is empty; without the line"),
        ("- id: CVE-1\n  reason: x\n  package: 7\n", "its package is 7, which is no text: put it in quotes"),
        ("- CVE-1\n", "an entry has an id and a reason, and this is none"),
        ("- {id: CVE-1, reason: x}\n- {id: CVE-1, reason: y}\n", "accepted.yaml:2: CVE-1 stands in line 1 already"),
        ("id: CVE-1\n", "accepted.yaml is no list of accepted findings"),
        ("- id: CVE-1\n  id: CVE-2\n  reason: x\n", "the key id stands in line 1 already"),
        ("- [\n", "accepted.yaml can't be read: line"),
        ("[" * 2000, "nested"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_accepted_findings(text, "accepted.yaml")
    assert words in caught.value.cause
    assert caught.value.remedy


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_accepted_findings("- id: CVE-1\n- reason: x\n", "accepted.yaml")
    assert "accepted.yaml:1: it has no reason" in caught.value.cause
    assert "accepted.yaml:2: it has no id" in caught.value.cause


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, make: object) -> None:
    path = tmp_path / "accepted.yaml"
    make(path)  # type: ignore[operator]
    with pytest.raises(SettingsError, match=r"ECR_SCAN_ACCEPTED is .*accepted\.yaml, which can't be read"):
        read_accepted_findings(path)


def test_the_last_day_counts() -> None:
    entry = AcceptedFinding("CVE-1", "x", until=date(2026, 5, 1))
    assert not entry.is_expired(date(2026, 5, 1))
    assert entry.is_expired(date(2026, 5, 2))
    assert not AcceptedFinding("CVE-1", "x").is_expired(date(2999, 1, 1))
