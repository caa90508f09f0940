"""Pull times as ECR records them: by manifests that are read, and not by looks; and by nobody who is excluded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient, digest_of

ROLE = "arn:aws:iam::123456789012:role/ci/publisher"


def pulled(api: Any, repository: str) -> datetime | None:
    """Return when the only image was last pulled."""
    (detail,) = api.describe_images(repositoryName=repository)["imageDetails"]
    time: datetime | None = detail.get("lastRecordedPullTime")
    return time


def test_looks_are_no_pulls(api: Any, http: HttpClient, repository: str) -> None:
    digest = digest_of(http.push_image(repository, "v1"))
    ids = [{"imageTag": "v1"}]
    api.describe_images(repositoryName=repository, imageIds=ids)
    api.list_images(repositoryName=repository)
    api.list_image_referrers(repositoryName=repository, subjectId={"imageDigest": digest})
    assert http.send("HEAD", f"/v2/{repository}/manifests/v1").status == 200
    assert pulled(api, repository) is None
    assert http.send("GET", f"/v2/{repository}/manifests/v1").status == 200
    first = pulled(api, repository)
    assert first is not None
    api.batch_get_image(repositoryName=repository, imageIds=ids)
    second = pulled(api, repository)
    assert second is not None
    assert second > first


def test_who_is_excluded_leaves_pull_times_alone(ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "v1")
    user = boto3.Session("x", "x", region_name=ecr.region)
    sts = user.client("sts", endpoint_url=ecr.endpoint)
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="job-1")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], ecr.region)
    role = session.client("ecr", endpoint_url=ecr.endpoint)
    api.register_pull_time_update_exclusion(principalArn=ROLE)
    token = role.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    role.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])
    url = f"/v2/{repository}/manifests/v1"
    assert http.send("GET", url, Authorization=f"Basic {token}").status == 200
    assert pulled(api, repository) is None
    api.deregister_pull_time_update_exclusion(principalArn=ROLE)
    assert http.send("GET", url, Authorization=f"Basic {token}").status == 200
    assert pulled(api, repository) is not None


def test_the_list_of_exclusions(api: Any) -> None:
    arns = [f"arn:aws:iam::123456789012:user/u{number:03}" for number in range(100)]
    for arn in reversed(arns):
        assert api.register_pull_time_update_exclusion(principalArn=arn)["principalArn"] == arn
    first = api.list_pull_time_update_exclusions(maxResults=60)
    rest = api.list_pull_time_update_exclusions(maxResults=60, nextToken=first["nextToken"])
    assert first["pullTimeUpdateExclusions"] + rest["pullTimeUpdateExclusions"] == arns
    register = api.register_pull_time_update_exclusion
    assert refused(register, principalArn=arns[0])[0] == "ExclusionAlreadyExistsException"
    assert refused(register, principalArn=ROLE)[0] == "LimitExceededException"
    assert refused(api.deregister_pull_time_update_exclusion, principalArn=ROLE)[0] == "ExclusionNotFoundException"


@pytest.mark.parametrize(
    "arn", ["", "ci", "arn:aws:sts::123456789012:assumed-role/ci/job", "arn:aws:iam::1:role/x", ROLE + "x" * 200]
)
def test_what_is_no_principal_is_refused(http: HttpClient, arn: str) -> None:
    answer = http.api("RegisterPullTimeUpdateExclusion", {"principalArn": arn})
    assert (answer.status, answer.json()["__type"]) == (400, "InvalidParameterException")
