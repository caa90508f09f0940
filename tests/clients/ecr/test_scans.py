"""What ECR's API says about images, and what its refusals are in our words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from ecr_tasks.clients.ecr.scans import EcrEvidence
from ecr_tasks.errors import AwsError, RegistryError
from ecr_tasks.model.ports import Signing
from tests.support.build import digest, repository

HELD_IN, DIGEST = repository(), digest("image")
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
        ("list_image_referrers", "signatures", "ecr:ListImageReferrers"),
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
    ecr.add_response("describe_image_signing_status", {"signingStatuses": [{"status": "COMPLETE"}, failed]}, ASKED)
    assert evidence(ecr).signing_statuses(HELD_IN, DIGEST) == (
        Signing("COMPLETE"),
        Signing("FAILED", "The profile is gone"),
    )


def test_an_sdk_from_before_managed_signing_knows_of_none() -> None:
    client: Any = SimpleNamespace()
    assert EcrEvidence(lambda: client).signing_statuses(HELD_IN, DIGEST) == ()
