"""Roles of a local ECR's accounts, with trust policies."""

from __future__ import annotations

import json
from typing import Any

import boto3


def account_client(endpoint: str, service: str, account: str, region: str = "eu-west-1") -> Any:
    """Return a client with the keys of an account's user, who may do everything there."""
    session: Any = boto3.Session(aws_access_key_id=account, aws_secret_access_key="none", region_name=region)
    return session.client(service, endpoint_url=endpoint)


def create_role(
    endpoint: str, account: str, name: str, trusts: Any, external_id: str | None = None, action: str = "AssumeRole"
) -> str:
    """Create a role that trusts somebody (a policy's principal) and return its ARN."""
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}
    statement = {"Effect": "Allow", "Principal": trusts, "Action": f"sts:{action}", **condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = account_client(endpoint, "iam", account).create_role(RoleName=name, AssumeRolePolicyDocument=policy)
    return str(role["Role"]["Arn"])
