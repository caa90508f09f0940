"""What ECR's API says about images, and what its refusals are in our words."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from ecr_tasks.clients.ecr.scans import EcrEvidence
from ecr_tasks.errors import AwsError, RegistryError
from ecr_tasks.model.scan import Scanning, StartRefusal, VulnerablePackage
from ecr_tasks.model.signing import Signing
from tests.support.build import digest, repository

HELD_IN, DIGEST = repository(), digest("image")
DATA = Path(__file__).parents[2] / "data"
ASKED = {"registryId": HELD_IN.account, "repositoryName": HELD_IN.name, "imageId": {"imageDigest": DIGEST}}


@pytest.fixture
def ecr() -> Stubber:
    client = botocore.session.get_session().create_client(
        "ecr", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    return Stubber(client)


def evidence(ecr: Stubber) -> EcrEvidence:
    ecr.activate()
    client: Any = ecr.client
    return EcrEvidence(lambda: client)


@pytest.mark.parametrize(
    ("operation", "method", "action"),
    [
        ("describe_image_scan_findings", "scan", "ecr:DescribeImageScanFindings"),
        ("describe_image_signing_status", "signing_statuses", "ecr:DescribeImageSigningStatus"),
    ],
)
def test_a_permission_that_is_missing_is_named(ecr: Stubber, operation: str, method: str, action: str) -> None:
    ecr.add_client_error(operation, "AccessDeniedException", "not authorized", 400)
    with pytest.raises(AwsError, match=action):
        getattr(evidence(ecr), method)(HELD_IN, DIGEST)


def test_when_it_was_pushed_is_not_known_without_the_permission(ecr: Stubber) -> None:
    ecr.add_client_error("describe_images", "AccessDeniedException", "not authorized", 400)
    assert evidence(ecr).push_time(HELD_IN, DIGEST) is None


def test_no_scan_is_none_and_no_image_is_an_error(ecr: Stubber) -> None:
    ecr.add_client_error("describe_image_scan_findings", "ScanNotFoundException", "Image scan does not exist", 400)
    ecr.add_client_error("describe_image_scan_findings", "ImageNotFoundException", "It is gone", 400)
    assert evidence(ecr).scan(HELD_IN, DIGEST) is None
    with pytest.raises(RegistryError, match="It is gone"):
        evidence(ecr).scan(HELD_IN, DIGEST)


def test_managed_signing(ecr: Stubber) -> None:
    failed = {"status": "FAILED", "failureCode": "X", "failureReason": "The profile is gone"}
    profile = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"
    done = {"status": "COMPLETE", "signingProfileArn": profile}
    ecr.add_response("describe_image_signing_status", {"signingStatuses": [done, failed]}, ASKED)
    assert evidence(ecr).signing_statuses(HELD_IN, DIGEST) == (
        Signing("COMPLETE", "", profile),
        Signing("FAILED", "The profile is gone", "", "X"),
    )


def test_an_sdk_from_before_managed_signing_knows_of_none() -> None:
    client: Any = SimpleNamespace()
    assert EcrEvidence(lambda: client).signing_statuses(HELD_IN, DIGEST) == ()


def answer(name: str) -> Any:
    """Return an answer of DescribeImageScanFindings, in the shape that ECR gives it."""
    return json.loads((DATA / "scans" / f"{name}.json").read_text(encoding="utf-8"))


def test_a_basic_scan_names_packages_and_does_not_tell_of_fixes(ecr: Stubber) -> None:
    ecr.add_response("describe_image_scan_findings", answer("basic"))
    scan = evidence(ecr).scan(HELD_IN, DIGEST)
    assert scan is not None
    assert (scan.status, scan.counts) == ("COMPLETE", {"CRITICAL": 1, "HIGH": 1, "UNDEFINED": 1})
    assert [finding.packages for finding in scan.findings] == [
        (VulnerablePackage("linux", "4.19.181-1"),),
        (VulnerablePackage("glibc", "2.28-10"),),
        (),
    ]
    assert {(finding.fix, finding.exploit) for finding in scan.findings} == {("unknown", "unknown")}
    assert scan.findings[0].uri == "https://security-tracker.debian.org/tracker/CVE-2019-19814"
    assert scan.completed is not None


def test_an_enhanced_scan_names_packages_fixes_and_exploits(ecr: Stubber) -> None:
    ecr.add_response("describe_image_scan_findings", answer("enhanced"))
    scan = evidence(ecr).scan(HELD_IN, DIGEST)
    assert scan is not None
    assert scan.counts == {"MEDIUM": 1, "UNTRIAGED": 1, "CRITICAL": 1}, "the suppressed one does not count"
    curl, krb5, git = scan.findings
    assert curl.packages == (VulnerablePackage("curl", "7.88.1-10+deb12u8"),)
    assert (curl.fix, curl.exploit, krb5.rank) == ("no", "no", 5)
    assert git.packages == (
        VulnerablePackage("git", "1:2.39.5-0+deb12u1", "1:2.39.5-0+deb12u2"),
        VulnerablePackage("requests", "2.31.0", "", "usr/lib/python3/requests/METADATA"),
    )
    assert (git.fix, git.exploit) == ("partial", "yes")


def inspectors(name: str, severity: str, *packages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a finding as Inspector writes it, with what ECR's API model has no name for."""
    return {
        "title": f"{name} - {', '.join(package['name'] for package in packages)}",
        "severity": severity,
        "status": "ACTIVE",
        "type": "PACKAGE_VULNERABILITY",
        "remediation": {"recommendation": {"text": "None Provided"}},
        "packageVulnerabilityDetails": {
            "cvss": [],
            "referenceUrls": [],
            "vulnerabilityId": name,
            "vulnerablePackages": [{"arch": "AMD64", "epoch": 0, **package} for package in packages],
        },
        **more,
    }


def test_answers_of_inspector_as_public_tools_have_recorded_them(ecr: Stubber) -> None:
    # The shapes of DefectDojo's samples: unittests/scans/aws_inspector2 and awssecurityhub/inspector_ecr.json.
    xml = {"name": "libxml2", "version": "2.9.4+dfsg1", "fixedInVersion": "0:2.9.4+dfsg1-7+deb10u4"}
    text = {"name": "golang.org/x/text", "packageManager": "GOMOD", "fixedInVersion": "0.3.8"}
    found = [
        inspectors(
            "CVE-2022-29824", "MEDIUM", {**xml, "release": "7+b3"}, {**xml, "release": "7"}, fixAvailable="YES"
        ),
        inspectors("CVE-2021-47013", "UNTRIAGED", {"name": "linux", "version": "4.19.118", "release": "2"}),
        inspectors(
            "CVE-2022-32149",
            "HIGH",
            {**text, "version": "0.3.3", "filePath": "usr/local/go/src/something/go.sum"},
            {**text, "version": "0.3.8-0.20220509174342-b4bca84b0361", "filePath": "usr/local/go/src/go.mod"},
            {**text, "version": "0.3.8-0.20220509174342-b4bca84b0361", "filePath": "usr/local/go/src/go.mod"},
            exploitAvailable="YES",
        ),
    ]
    page = {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {"enhancedFindings": found}}
    ecr.add_response("describe_image_scan_findings", page)
    scan = evidence(ecr).scan(HELD_IN, DIGEST)
    assert scan is not None
    assert (scan.complete, scan.counts) == (True, {"MEDIUM": 1, "UNTRIAGED": 1, "HIGH": 1})
    libxml, linux, golang = scan.findings
    assert [package.version for package in libxml.packages] == ["2.9.4+dfsg1-7+b3", "2.9.4+dfsg1-7"]
    assert {package.fixed for package in libxml.packages} == {"2.9.4+dfsg1-7+deb10u4"}
    assert (libxml.fix, linux.rank, linux.packages[0].fixed) == ("yes", 5, "")
    assert (linux.fix, linux.may_have_fix) == ("unknown", True), "nobody said that there is none"
    assert [package.path.rpartition("/")[2] for package in golang.packages] == ["go.sum", "go.mod"]
    assert (golang.fix, golang.exploit) == ("yes", "yes")


def test_versions_have_an_epoch_only_where_there_is_one(ecr: Stubber) -> None:
    found = answer("enhanced")
    package = found["imageScanFindings"]["enhancedFindings"][0]["packageVulnerabilityDetails"]["vulnerablePackages"][
        0
    ]
    package["fixedInVersion"] = "0:7.88.1-10+deb12u9"  # as Inspector writes it
    ecr.add_response("describe_image_scan_findings", found)
    scan = evidence(ecr).scan(HELD_IN, DIGEST)
    assert scan is not None
    assert scan.findings[0].packages == (VulnerablePackage("curl", "7.88.1-10+deb12u8", "7.88.1-10+deb12u9"),)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("UnsupportedImageTypeException", "unsupported"),
        ("LimitExceededException", "limit"),
        ("ImageArchivedException", "archived"),
        ("ValidationException", "enhanced"),
    ],
)
def test_a_scan_that_ecr_does_not_start_has_a_reason(ecr: Stubber, code: str, reason: Any) -> None:
    ecr.add_client_error("start_image_scan", code, "as it is.", 400)
    assert evidence(ecr).start_scan(HELD_IN, DIGEST) == StartRefusal(reason, "as it is")


def test_a_scan_is_started_and_other_errors_are_said(ecr: Stubber) -> None:
    ecr.add_response("start_image_scan", {"imageScanStatus": {"status": "IN_PROGRESS"}}, ASKED)
    assert evidence(ecr).start_scan(HELD_IN, DIGEST) is None
    ecr.add_client_error("start_image_scan", "AccessDeniedException", "not authorized", 400)
    with pytest.raises(AwsError, match="ecr:StartImageScan"):
        evidence(ecr).start_scan(HELD_IN, DIGEST)


def registry_scanning(kind: str, registry: str = HELD_IN.account) -> Any:
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "team", "filterType": "WILDCARD"}]}]
    return {"registryId": registry, "scanningConfiguration": {"scanType": kind, "rules": rules}}


def test_how_a_registry_scans(ecr: Stubber) -> None:
    ecr.add_response("get_registry_scanning_configuration", registry_scanning("BASIC"))
    ecr.add_response("get_account_setting", {"name": "BASIC_SCAN_TYPE_VERSION", "value": "AWS_NATIVE"})
    scanning = evidence(ecr).scanning(HELD_IN)
    assert (scanning.words, scanning.is_enhanced) == ("basic scanning (AWS_NATIVE)", False)
    assert scanning.scans("old-team/app"), "a filter without a wildcard is somewhere in the name"
    assert not scanning.scans("other")
    ecr.add_response("get_registry_scanning_configuration", registry_scanning("ENHANCED"))
    assert evidence(ecr).scanning(HELD_IN).words == "enhanced scanning"


def test_the_registry_of_another_account_is_not_taken_for_the_callers(ecr: Stubber) -> None:
    ecr.add_response("get_registry_scanning_configuration", registry_scanning("ENHANCED", "210987654321"))
    assert evidence(ecr).scanning(HELD_IN) == Scanning("")


def test_the_repositorys_own_rules_are_read_where_the_registrys_may_not_be(ecr: Stubber) -> None:
    ecr.add_client_error("get_registry_scanning_configuration", "AccessDeniedException", "no", 400)
    configuration = {"repositoryName": HELD_IN.name, "scanFrequency": "CONTINUOUS_SCAN"}
    ecr.add_response("batch_get_repository_scanning_configuration", {"scanningConfigurations": [configuration]})
    scanning = evidence(ecr).scanning(HELD_IN)
    assert (scanning.is_enhanced, scanning.scans(HELD_IN.name)) == (True, True)
    for operation in ("get_registry_scanning_configuration", "batch_get_repository_scanning_configuration"):
        ecr.add_client_error(operation, "AccessDeniedException", "no", 400)
    assert evidence(ecr).scanning(HELD_IN) == Scanning("")
