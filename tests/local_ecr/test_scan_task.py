"""`inv scan` against the local ECR: starting, waiting, the table, the gate, accepted findings, --than, SARIF."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient, digest_of, manifest_of
from tests.local_ecr.shell import Shell
from tests.local_ecr.test_promote_gates import push_two_platforms
from tests.local_ecr.test_scans import enhance

OPENSSL = {
    "name": "CVE-2024-1",
    "severity": "CRITICAL",
    "package": "openssl",
    "version": "3.0.1",
    "fixed": "3.0.2",
    "exploit": "YES",
    "uri": "https://example.com/1",
}
LIBC = {
    "name": "CVE-2024-2",
    "severity": "HIGH",
    "packages": [{"name": "libc", "version": "1", "fixed": "2"}, {"name": "libc-bin", "version": "1"}],
}
ZLIB = {"name": "CVE-2024-3", "severity": "LOW", "package": "zlib", "version": "1.2"}


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table in a pipe."""
    return [[cell for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_a_scan_is_started_awaited_and_shown_by_severity(
    ecr: LocalEcr, shell: Shell, http: HttpClient, repository: str
) -> None:
    ecr.set_findings([{"polls": 1, "findings": [ZLIB, OPENSSL]}])
    push_two_platforms(http, repository, "v1")
    done, calls = shell.calls("scan", "v1")
    assert done.returncode == 0, done.stderr
    assert calls["StartImageScan"] == 2, "one for each platform, none for the attestation"
    assert calls["GetRegistryScanningConfiguration"] == 1
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        "severity",
        "finding",
        "package",
        "version",
        "fixed",
        "in",
        "fix",
        "exploit",
        "platforms",
    ]
    assert lines[1].split() == [
        "critical",
        "CVE-2024-1",
        "openssl",
        "3.0.1",
        "-",
        "?",
        "?",
        "linux/amd64,linux/arm64",
    ]
    assert lines[2].split()[:2] == ["low", "CVE-2024-3"]
    assert "basic scanning (AWS_NATIVE)" in done.stderr
    assert "waiting for the scan of team/app@sha256:" in done.stderr
    done, calls = shell.calls("scan", "v1", ECR_SCAN_FAIL_ON="critical")
    assert done.returncode == 6
    assert "StartImageScan" not in calls, "a scan that is there is shown"
    assert "found 1 critical (CVE-2024-1), and findings from critical upwards are refused" in done.stderr
    assert shell.inv("scan", "v1", "--fail-on=critical").stdout == done.stdout


def test_an_enhanced_scan_names_fixes_and_exploits(
    ecr: LocalEcr, shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    enhance(api, "CONTINUOUS_SCAN", "team/*")
    ecr.set_findings([{"findings": [OPENSSL, LIBC, ZLIB]}])
    raw = http.push_image(repository, "v1", b"layer")
    (shell.folder / "accepted.yaml").write_text(
        "- {id: CVE-2024-2, package: libc-bin, reason: never run}\n"
        "- {id: CVE-2024-3, reason: was fine, until: 2024-01-01}\n"
        "- {id: CVE-2020-1, reason: of another time}\n",
        encoding="utf-8",
    )
    words = ("scan", "v1", "--only-fixable", "--fail-on=low", "--json")
    done, calls = shell.calls(*words, ECR_SCAN_ACCEPTED="accepted.yaml")
    assert done.returncode == 6
    assert "StartImageScan" not in calls
    document = json.loads(done.stdout)
    (image,) = document["images"]
    (scan,) = image["scans"]
    assert (document["passed"], document["level"], document["only_fixable"]) == (False, "low", True)
    assert (image["digest"], image["scanning"]) == (digest_of(raw), {"type": "ENHANCED", "version": None})
    assert (scan["status"], scan["platform"]) == ("ACTIVE", None)
    states = {
        (item["id"], item["packages"][0]["name"]): (item["state"], item["fix_available"], item["exploit_available"])
        for item in scan["findings"]
    }
    assert states == {
        ("CVE-2024-1", "openssl"): ("fails", "yes", "yes"),
        ("CVE-2024-2", "libc"): ("fails", "yes", "no"),
        ("CVE-2024-2", "libc-bin"): ("accepted", "no", "no"),
        ("CVE-2024-3", "zlib"): ("no-fix", "no", "no"),
    }
    assert scan["findings"][0]["packages"][0]["fixed_in"] == "3.0.2"
    accepted = document["accepted"]
    assert [(item["id"], item["place"]) for item in accepted["expired"]] == [("CVE-2024-3", "accepted.yaml:2")]
    assert [(item["id"], item["place"]) for item in accepted["needless"]] == [("CVE-2020-1", "accepted.yaml:3")]
    assert "accepted.yaml:2: CVE-2024-3 was accepted until 2024-01-01, so it counts again" in done.stderr
    assert "accepted.yaml:3: CVE-2020-1 is accepted, and no scan here has it" in done.stderr


def test_no_worse_than_another_tag_for_scan_and_promote(
    ecr: LocalEcr, shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    enhance(api, "CONTINUOUS_SCAN", "*")
    old, new = http.push_image(repository, "prod", b"old"), http.push_image(repository, "v2", b"new")
    ecr.set_findings([{"digest": digest_of(old), "findings": [OPENSSL]}, {"findings": [OPENSSL, ZLIB]}])
    done = shell.inv("scan", "v2", "--than", "prod")
    assert done.returncode == 6
    assert f"found 1 low (CVE-2024-3) that prod ({digest_of(old)[:19]}) has not" in done.stderr
    assert "known" in done.stdout
    assert shell.inv("scan", "v2", "--than", "prod", "--fail-on=high").returncode == 0
    promote = ("promote", "v2", "--tag", "prod", "--require-scan")
    assert shell.inv(*promote).returncode == 6
    assert shell.inv(*promote, "--than", "prod").returncode == 6
    (shell.folder / "accepted.yaml").write_text("- {id: CVE-2024-3, reason: harmless}\n", encoding="utf-8")
    done = shell.inv(*promote, "--than", "prod", "--json", ECR_SCAN_ACCEPTED="accepted.yaml")
    assert done.returncode == 0, done.stderr
    (gate,) = json.loads(done.stdout)["images"][0]["gates"]
    assert (gate["than"], gate["level"], gate["scans"][0]["accepted"]) == ("prod", "undefined", 1)
    assert api.describe_images(repositoryName=repository, imageIds=[{"imageTag": "prod"}])["imageDetails"][0][
        "imageDigest"
    ] == digest_of(new)


def test_promotes_flags_about_scans_need_the_scan(shell: Shell, repository: str) -> None:
    for flag in ("--only-fixable", "--than=prod"):
        done, calls = shell.calls("promote", "v1", "--tag", "prod", flag)
        assert (done.returncode, calls) == (2, {})


def test_sarif_and_annotations(ecr: LocalEcr, shell: Shell, http: HttpClient, repository: str) -> None:
    ecr.set_findings([{"findings": [OPENSSL, *({**ZLIB, "name": f"CVE-2023-{number}"} for number in range(12))]}])
    http.push_image(repository, "v1", b"layer")
    (shell.folder / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    in_ci = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(shell.folder / "step.md")}
    done = shell.inv("scan", "v1", "--fail-on=low", "--sarif", "out.sarif", "--gitlab-report=gl.json", **in_ci)
    assert done.returncode == 6
    summary = (shell.folder / "step.md").read_text(encoding="utf-8")
    assert summary.startswith("### Scan of `team/app`: **1 of its scans fail**\n")
    assert "| critical | [CVE-2024-1](https://example.com/1) | openssl | 3.0.1 |" in summary
    assert (shell.folder / ".ecr-tasks" / "scan.md").read_text(encoding="utf-8") == summary.removesuffix("\n")
    errors = [line for line in done.stderr.splitlines() if line.startswith("::error file=")]
    assert errors[0] == "::error file=Dockerfile,line=1,title=CVE-2024-1::critical: openssl 3.0.1"
    assert len(errors) == 9
    assert "::error title=ecr-tasks::4 more are in the log." in done.stderr
    report = json.loads((shell.folder / "gl.json").read_text(encoding="utf-8"))
    assert (len(report["vulnerabilities"]), report["scan"]["status"]) == (13, "success")
    document = json.loads((shell.folder / "out.sarif").read_text(encoding="utf-8"))
    assert len(document["runs"][0]["results"]) == 13
    uris = {
        item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in document["runs"][0]["results"]
    }
    assert uris == {"Dockerfile"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"status": "IN_PROGRESS"}, "did not end while we waited (ECR says IN_PROGRESS"),
        ({"status": "UNSUPPORTED_IMAGE"}, "ECR does not scan images of this kind (ECR says UNSUPPORTED_IMAGE"),
        (
            {"status": "FAILED", "description": "UnsupportedImageError: The operating system is not supported."},
            "failed (ECR says FAILED: UnsupportedImageError: The operating system is not supported)",
        ),
    ],
)
def test_a_scan_without_an_end_or_findings_is_refused(
    ecr: LocalEcr, shell: Shell, http: HttpClient, repository: str, rule: dict[str, Any], words: str
) -> None:
    ecr.set_findings([rule])
    http.push_image(repository, "v1", b"layer")
    done = shell.inv("scan", "v1", "--timeout", "1s")
    assert done.returncode == 6
    assert words in done.stderr
    assert done.stdout == ""


def test_what_cannot_be_compared_with_is_said_once(
    ecr: LocalEcr, shell: Shell, http: HttpClient, repository: str
) -> None:
    prod = digest_of(http.push_image(repository, "prod", b"prod"))
    ecr.set_findings([{"digest": prod, "status": "IN_PROGRESS"}])
    push_two_platforms(http, repository, "v1")
    done = shell.inv("scan", "v1", "--than=prod", "--timeout=1s")
    assert done.returncode == 6
    assert done.stderr.count("did not end while we waited") == 1
    assert f"so there is nothing to compare with (prod ({prod[:19]}))." in done.stderr


def test_an_index_of_nothing_but_attestations_is_refused(shell: Shell, http: HttpClient, repository: str) -> None:
    http.push_index(repository, "v1", [])
    done = shell.inv("scan", "v1")
    assert done.returncode == 6
    assert "holds no image that could be scanned" in done.stderr


def test_once_more_within_a_day_is_refused(ecr: LocalEcr, shell: Shell, http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "v1", b"layer")
    assert shell.inv("scan", "v1").returncode == 0
    done = shell.inv("scan", digest_of(raw), "--again")
    assert done.returncode == 6
    assert "ECR scans an image once in 24 hours" in done.stderr


def test_a_dry_run_starts_no_scan(shell: Shell, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "v1", b"layer")
    _, calls = shell.calls("--dry", "scan", "v1", "--timeout=0s")
    assert "StartImageScan" not in calls


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("v1", "--fail-on=worst"), 2, "The level of --fail-on must be critical"),
        (("v1", "--timeout=soon"), 2, "--timeout 'soon' is no time"),
        (("v1", "--than=a b"), 2, "neither a tag nor a digest"),
        (("v1", "--sarif="), 2, "--sarif is empty"),
        (
            ("v1", "--than=team/other:prod"),
            2,
            "compared with another of its own repository.\nWrite --than prod alone.",
        ),
        (("v1", "--than=none"), 5, "There is no none in the repository team/app to compare with"),
        (("none",), 5, "There is no none in the repository team/app"),
        (("v1", "--sarif=no/such/folder/x.sarif"), 2, "can't be written: its folder isn't there"),
        (("v1", "--sarif=/dev/null"), 2, "--sarif /dev/null can't be written: it is no file"),
        (("v1", "--sarif=."), 2, "--sarif . can't be written: it is no file"),
        (("v1", "--sarif=-"), 2, "--sarif - can't be written: it is no file"),
        (("v1", "--image=other"), 2, "There is no image 'other' here"),
    ],
)
def test_mistakes_are_sentences(
    shell: Shell, http: HttpClient, repository: str, words: tuple[str, ...], code: int, text: str
) -> None:
    http.push_image(repository, "v1", b"layer")
    done = shell.inv("scan", *words)
    assert done.returncode == code
    assert text in done.stderr


def test_a_bad_file_of_accepted_findings_is_refused_before_any_call(shell: Shell, repository: str) -> None:
    (shell.folder / "accepted.yaml").write_text("- id: CVE-1\n  untill: 2026-01-01\n", encoding="utf-8")
    done, calls = shell.calls("scan", "v1", ECR_SCAN_ACCEPTED="accepted.yaml")
    assert (done.returncode, calls) == (2, {})
    assert "accepted.yaml:1: there is no 'untill' in an entry (did you mean until?)" in done.stderr
    assert "accepted.yaml:1: it has no reason" in done.stderr
    assert shell.inv("scan", "v1", ECR_SCAN_ACCEPTED="missing.yaml").returncode == 2


def test_where_enhanced_scanning_leaves_the_repository_out(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    enhance(api, "SCAN_ON_PUSH", "other")
    http.push_image(repository, "v1", b"layer")
    done = shell.inv("scan", "v1")
    assert done.returncode == 6
    assert "no rule of the registry's enhanced scanning has the repository" in done.stderr


def test_two_platforms_that_fail_alike_have_one_remedy(
    ecr: LocalEcr, shell: Shell, http: HttpClient, repository: str
) -> None:
    ecr.set_findings([{"digest": digest_of(manifest_of(b"{}", [b"arm64"]))}, {"findings": [OPENSSL]}])
    push_two_platforms(http, repository, "v1")
    done = shell.inv("scan", "v1", "--fail-on=critical")
    assert done.returncode == 6
    assert "(linux/amd64) found 1 critical" in done.stderr
    assert "(linux/arm64) found" not in done.stderr
