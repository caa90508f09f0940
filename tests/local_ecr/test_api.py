"""The API as a whole: every operation is there or says that it is not; STS; whatever else is asked."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.exceptions import ClientError

from ecr_tasks.local_ecr.ecr_api.dispatch import OPERATIONS
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client, refused
from tests.local_ecr.http_client import HttpClient, digest_of, manifest_of


def all_operations() -> list[str]:
    model = boto3.Session()._session.get_service_model("ecr")
    return list(model.operation_names)


def test_no_operation_is_missing_or_invented() -> None:
    assert set(OPERATIONS) == set(all_operations())


def test_what_is_not_implemented_says_so(ecr: LocalEcr) -> None:
    answer = HttpClient(ecr.registry).api("FoldImage", {})
    assert answer.status == 501
    assert answer.json() == {
        "__type": "NotImplementedException",
        "message": "The local ECR does not implement the operation 'FoldImage'.",
    }


def test_other_services_say_so(ecr: LocalEcr) -> None:
    http = HttpClient(ecr.registry)
    for target in ("SpencerFrontendService.BatchGetImage", "CodeBuild_20161006.StartBuild"):
        service, _, operation = target.partition(".")
        http.connection.request("POST", "/", b"{}", {"X-Amz-Target": target})
        answer = json.loads(http.connection.getresponse().read())
        assert answer["message"].endswith(f"the operation '{operation}' of '{service}'.")
    assert http.send("POST", "/", b"{}").json()["__type"] == "UnknownOperationException"
    assert http.send("GET", "/nothing").status == 404
    assert http.send("GET", "/").status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object(ecr: LocalEcr, body: bytes) -> None:
    http = HttpClient(ecr.registry)
    target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
    http.connection.request("POST", "/", body, {"X-Amz-Target": target})
    assert json.loads(http.connection.getresponse().read())["__type"] == "SerializationException"


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_operation_survives_nonsense(ecr: LocalEcr, session: boto3.Session, operation: str) -> None:
    http = HttpClient(ecr.registry)
    http.api("CreateRepository", {"repositoryName": "app"})
    shape = session._session.get_service_model("ecr").operation_model(operation).input_shape
    assert shape is not None
    values: list[Any] = [None, 0, -1, 10**30, "", "x", "\ud800", [], [None], [[]], {}, {"a": None}, True]
    for nonsense in values:
        for member in shape.members:
            document = {"repositoryName": "app", member: nonsense}
            assert http.api(operation, document).status in (200, 400, 501)


@pytest.fixture
def sts(ecr: LocalEcr, session: boto3.Session) -> Any:
    return make_client(session, ecr.endpoint, "sts")


def test_who_is_calling(sts: Any) -> None:
    said = sts.get_caller_identity()
    assert (said["Account"], said["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/local")


def test_a_role(ecr: LocalEcr, sts: Any) -> None:
    role = "arn:aws:iam::123456789012:role/ci/deploy"
    said = sts.assume_role(RoleArn=role, RoleSessionName="run-1")
    keys = said["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    assert said["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/deploy/run-1"
    assumed = boto3.client(
        "sts",
        endpoint_url=ecr.endpoint,
        region_name="eu-west-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert assumed.get_caller_identity()["Arn"] == said["AssumedRoleUser"]["Arn"]


def test_a_role_by_web_identity(sts: Any) -> None:
    claims = base64.urlsafe_b64encode(b'{"sub":"repo:a","iss":"https://ci.example","aud":"x"}').decode().rstrip("=")
    said = sts.assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/deploy", RoleSessionName="run", WebIdentityToken=f"e.{claims}.s"
    )
    assert said["SubjectFromWebIdentityToken"] == "repo:a"
    assert said["Provider"] == "ci.example"
    plain = sts.assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/deploy", RoleSessionName="run", WebIdentityToken="no jwt at all"
    )
    assert plain["Credentials"]["SessionToken"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RoleArn": "deploy & <more>"}, "ValidationError"),
        ({"RoleSessionName": "a b"}, "ValidationError"),
        ({"DurationSeconds": 1}, "ValidationError"),
    ],
)
def test_roles_that_are_refused(sts: Any, change: dict[str, Any], code: str) -> None:
    wanted = {"RoleArn": "arn:aws:iam::123456789012:role/deploy", "RoleSessionName": "run", **change}
    assert refused(sts.assume_role, **wanted)[0] == code
    with pytest.raises(ClientError):
        sts.assume_role_with_web_identity(**wanted, WebIdentityToken="token")


def test_the_rest_of_sts_says_so(sts: Any) -> None:
    name, text = refused(sts.get_session_token)
    assert name == "NotImplemented"
    assert "GetSessionToken" in text


@pytest.mark.parametrize(
    "claims",
    [b"[" * 9000, b'{"a":' * 9000, b'{"sub": "\\ud800"}', b'{"sub": 1' + b"0" * 5000 + b"}", b"[]", b"\xff"],
    ids=lambda claims: str(claims[:6]),
)
def test_tokens_whose_claims_cannot_be_read(sts: Any, claims: bytes) -> None:
    role = {"RoleArn": "arn:aws:iam::123456789012:role/deploy", "RoleSessionName": "run"}
    token = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    name, _ = refused(sts.assume_role_with_web_identity, **role, WebIdentityToken=f"e.{token}.s")
    assert name == "InvalidIdentityToken"


@pytest.mark.parametrize("seconds", ["²", "+900", "9_00", "9" * 5000, " 900", "0x900"])
def test_a_duration_is_digits(http: HttpClient, seconds: str) -> None:
    form = {"Action": "AssumeRole", "RoleArn": "arn:aws:iam::123456789012:role/x", "RoleSessionName": "run"}
    body = urlencode({**form, "DurationSeconds": seconds})
    answer = http.send("POST", "/", body, Content_Type="application/x-www-form-urlencoded")
    assert (answer.status, b"durationSeconds" in answer.body) == (400, True)


@pytest.mark.parametrize("operation", ["DescribeImages", "ListImages", "DescribeRepositories", "ListImageReferrers"])
@pytest.mark.parametrize(
    "key",
    ["[{}]", "[null]", "[[1]]", "[1.5]", "[true]", "[1,{}]", "[]", "[1,2,3]", f"[{2**70}]", '["\\ud800"]', "[NaN]"],
)
def test_a_page_token_that_is_not_ours_is_refused(ecr: LocalEcr, http: HttpClient, operation: str, key: str) -> None:
    http.push_image("team/app", "v1", b"layer")
    subject = {"subjectId": {"imageDigest": digest_of(b"")}} if operation == "ListImageReferrers" else {}
    repository = {} if operation == "DescribeRepositories" else {"repositoryName": "team/app"}
    for text in (f'["{operation}",{key}]', *(["[" * 100_000] if key == "[]" else [])):
        token = base64.urlsafe_b64encode(text.encode()).decode()
        answer = http.api(operation, {**repository, **subject, "nextToken": token})
        assert (answer.status, answer.json()["__type"]) == (400, "InvalidParameterException")


@pytest.mark.parametrize(
    "members",
    [{"mediaType": [1]}, {"mediaType": {"a": 1}}, {"layers": [{"mediaType": "x.foreign.y", "size": 2**63 - 1}] * 2}],
)
def test_a_manifest_that_cannot_be_stored_is_refused(
    ecr: LocalEcr, http: HttpClient, members: dict[str, Any]
) -> None:
    http.push_image("team/app", "v1", b"layer")
    for layer in members.get("layers", []):
        layer["digest"] = digest_of(b"layer")
    manifest = manifest_of(b"{}", [b"layer"], **members).decode()
    answer = http.api("PutImage", {"repositoryName": "team/app", "imageManifest": manifest})
    assert (answer.status, answer.json()["__type"]) == (400, "InvalidParameterException")
