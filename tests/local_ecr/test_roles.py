"""The local ECR's roles: who may assume one, and what its sessions may use."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client, refused
from tests.local_ecr.http_client import HttpClient
from tests.support.roles import account_client, create_role

HOME, OTHER, THIRD = "123456789012", "210987654321", "333344445555"


@pytest.fixture
def sts(ecr: LocalEcr, session: boto3.Session) -> Any:
    return make_client(session, ecr.endpoint, "sts")


def keys_of(sts: Any, role: str, **more: str) -> dict[str, str]:
    keys = sts.assume_role(RoleArn=role, RoleSessionName="run", **more)["Credentials"]
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def assumed(ecr: LocalEcr, sts: Any, role: str, service: str = "ecr", **more: str) -> Any:
    keys: Any = keys_of(sts, role, **more)
    session: Any = boto3.Session(region_name="eu-west-1", **keys)
    return session.client(service, endpoint_url=ecr.endpoint)


def test_an_account_without_roles_of_its_own_has_every_role(ecr: LocalEcr, sts: Any) -> None:
    role = f"arn:aws:iam::{OTHER}:role/any/push"
    caller = assumed(ecr, sts, role, "sts").get_caller_identity()
    assert (caller["Account"], caller["Arn"]) == (OTHER, f"arn:aws:sts::{OTHER}:assumed-role/push/run")
    client = assumed(ecr, sts, role)
    created = client.create_repository(repositoryName="app")["repository"]
    assert created["registryId"] == OTHER  # its own registry, as no other is named
    assert client.describe_repositories()["repositories"][0]["registryId"] == OTHER


@pytest.mark.parametrize(
    ("trusts", "answer"),
    [
        ({"AWS": HOME}, "yes"),
        ({"AWS": [THIRD, f"arn:aws:iam::{HOME}:root"]}, "yes"),
        ({"AWS": f"arn:aws:iam::{HOME}:user/local"}, "yes"),
        ("*", "yes"),
        ({"AWS": f"arn:aws:iam::{HOME}:role/ci"}, "no"),
        ({"AWS": OTHER}, "no"),
        ({"Federated": f"arn:aws:iam::{OTHER}:oidc-provider/ci.example"}, "no"),
    ],
)
def test_a_trust_policy_decides(ecr: LocalEcr, sts: Any, trusts: Any, answer: str) -> None:
    role = create_role(ecr.endpoint, OTHER, "push", trusts)
    if answer == "yes":
        assert keys_of(sts, role)
        return
    name, text = refused(sts.assume_role, RoleArn=role, RoleSessionName="run")
    assert name == "AccessDenied"
    user = f"arn:aws:iam::{HOME}:user/local"
    assert text == f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}"
    other = f"arn:aws:iam::{OTHER}:role/another"
    assert refused(sts.assume_role, RoleArn=other, RoleSessionName="run")[0] == "AccessDenied"


def test_an_external_id_is_asked_for(ecr: LocalEcr, sts: Any) -> None:
    role = create_role(ecr.endpoint, OTHER, "push", {"AWS": HOME}, external_id="team/7")
    for wrong in ({}, {"ExternalId": "team/8"}):
        assert refused(sts.assume_role, RoleArn=role, RoleSessionName="run", **wrong)[0] == "AccessDenied"
    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="run", ExternalId="a b")[0] == "ValidationError"
    assert keys_of(sts, role, ExternalId="team/7")


def test_a_role_for_a_token_alone(ecr: LocalEcr, sts: Any) -> None:
    provider = {"Federated": f"arn:aws:iam::{OTHER}:oidc-provider/ci.example"}
    role = create_role(ecr.endpoint, OTHER, "push", provider, action="AssumeRoleWithWebIdentity")
    for issuer, answer in (("https://ci.example", None), ("https://other.example", "AccessDenied")):
        claims = base64.urlsafe_b64encode(json.dumps({"sub": "a", "iss": issuer}).encode()).decode().rstrip("=")
        wanted = {"RoleArn": role, "RoleSessionName": "run", "WebIdentityToken": f"e.{claims}.s"}
        if answer:
            assert refused(sts.assume_role_with_web_identity, **wanted)[0] == answer
        else:
            assert sts.assume_role_with_web_identity(**wanted)["Credentials"]


def test_a_session_uses_other_accounts_as_their_repositories_policies_say(ecr: LocalEcr, sts: Any, api: Any) -> None:
    role = create_role(ecr.endpoint, OTHER, "push", {"AWS": HOME})
    api.create_repository(repositoryName="app")
    client = assumed(ecr, sts, role)
    name, text = refused(client.describe_images, repositoryName="app", registryId=HOME)
    assert name == "AccessDeniedException"
    assert text.startswith(f"User: arn:aws:sts::{OTHER}:assumed-role/push/run is not authorized to perform: ecr:Desc")
    assert refused(client.describe_repositories, registryId=HOME)[0] == "AccessDeniedException"
    token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    http = HttpClient(ecr.registry, token)
    assert http.send("GET", "/v2/app/manifests/v1").status == 403
    statement = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": ["ecr:BatchGetImage", "ecr:DescribeImages"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    api.set_repository_policy(repositoryName="app", policyText=json.dumps(policy))
    assert client.describe_images(repositoryName="app", registryId=HOME)["imageDetails"] == []
    assert http.send("GET", "/v2/app/manifests/v1").status == 404
    assert http.send("POST", "/v2/app/blobs/uploads/").status == 403


def test_roles_are_created_read_and_deleted(ecr: LocalEcr, sts: Any) -> None:
    iam = account_client(ecr.endpoint, "iam", OTHER)
    role = create_role(ecr.endpoint, OTHER, "push", "*")
    found = iam.get_role(RoleName="push")["Role"]
    assert (found["Arn"], found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]) == (role, "*")
    again = {"RoleName": "push", "AssumeRolePolicyDocument": '{"Statement": [{}]}'}
    assert refused(iam.create_role, **again)[0] == "EntityAlreadyExists"
    assert refused(iam.create_role, RoleName="x", AssumeRolePolicyDocument="{")[0] == "MalformedPolicyDocument"
    iam.delete_role(RoleName="push")
    assert refused(iam.get_role, RoleName="push")[0] == "NoSuchEntity"
    assert keys_of(sts, role)
