"""Tests of plan/prune/in_use: references of what runs, and policies that let others pull."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.running import Use
from ecr_tasks.plan.prune.in_use import in_use, others_let_in, parse_references
from tests.support.build import digest

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
OWN, OTHER = "123456789012", "210987654321"


@pytest.mark.parametrize(
    ("reference", "digests", "tags"),
    [
        (f"{HOST}/team/app:1", set(), {"1"}),
        (f"{HOST}/team/app", set(), {"latest"}),
        ("127.0.0.1:4510/team/app:1", set(), {"1"}),
        (f"{HOST}/copy:1", set(), {"1"}),
        (f"{HOST}/team/other:1", set(), set()),
        (f"{HOST}/team/app@{digest('a')}", {digest("a")}, set()),
        (f"{HOST}/team/app:1@{digest('a')}", {digest("a")}, {"1"}),
        (f"{HOST}/elsewhere@{digest('a')}", {digest("a")}, set()),
        ("nginx", set(), set()),
    ],
)
def test_references(reference: str, digests: set[str], tags: set[str]) -> None:
    found = in_use([Use(reference, "ECS")], ["team/app", "copy"])
    assert (set(found[0]), set(found[1])) == (digests, tags)


def test_the_words_of_a_file() -> None:
    text = f'["docker-pullable://{HOST}/team/app@{digest("a")}", "nginx:1"]\nteam/app:2'
    assert [use.reference for use in parse_references(text, "pods")] == [
        f"{HOST}/team/app@{digest('a')}",
        "nginx:1",
        "team/app:2",
    ]
    for wrong in ("", " \n", "error", "error: Unauthorized nothing"):
        with pytest.raises(SettingsError):
            parse_references(wrong, "pods")


def statement(principal: Any, action: Any = "ecr:BatchGetImage", **more: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": action, **more}]})


@pytest.mark.parametrize(
    ("policy", "others"),
    [
        (statement({"AWS": f"arn:aws:iam::{OWN}:root"}), ()),
        (statement({"AWS": [f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{OWN}:root"]}), (OTHER,)),
        (statement({"AWS": OTHER}, ["ecr:GetDownloadUrlForLayer"]), (OTHER,)),
        (statement({"AWS": OTHER}, "ecr:*"), (OTHER,)),
        (statement({"AWS": OTHER}, "ecr:BatchGet*"), (OTHER,)),
        (statement({"AWS": OTHER}, "ecr:Batch*"), (OTHER,)),
        (statement({"AWS": OTHER}, "ecr:BatchG*"), (OTHER,)),
        (statement({"AWS": OTHER}, "ECR:?atchGetImag?"), (OTHER,)),
        (statement({"AWS": OTHER}, "ecr:*Layer"), (OTHER,)),
        (statement({"AWS": OTHER}, "ecr:*Layers"), ()),
        (statement({"AWS": OTHER}, "*"), (OTHER,)),
        (statement({"AWS": OTHER}, "ecr:ListImages"), ()),
        (statement("*"), ("*",)),
        (statement({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), ("*",)),
        (statement("*", Condition={"StringEquals": {"aws:PrincipalAccount": OWN}}), ()),
        (statement("*", Condition={"StringLike": {"AWS:SourceArn": [f"arn:aws:lambda:*:{OWN}:function:*"]}}), ()),
        (statement("*", Condition={"StringNotEquals": {"aws:PrincipalAccount": OWN}}), ("*",)),
        (statement("*", Condition={"StringEqualsIfExists": {"aws:SourceAccount": OWN}}), ("*",)),
        (statement("*", Condition={"StringEquals": {"aws:ResourceAccount": OWN}}), ("*",)),
        (statement("*", Condition={"StringLike": {"aws:PrincipalAccount": [OWN, "*"]}}), ("*",)),
        (statement({"AWS": ["*", f"arn:aws:iam::{OWN}:root"]}), ("*",)),
        (statement({"Service": "lambda.amazonaws.com"}), ()),
        (
            statement(
                {"Service": "lambda.amazonaws.com"},
                Condition={"StringLike": {"aws:sourceArn": f"arn:aws:lambda:eu-west-1:{OTHER}:function:*"}},
            ),
            (OTHER,),
        ),
        (json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}), ()),
        (json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": OTHER}, "NotAction": "a"}}), (OTHER,)),
        ("no JSON", ("*",)),
        ("[]", ("*",)),
    ],
)
def test_who_else_may_pull(policy: str, others: tuple[str, ...]) -> None:
    assert others_let_in(policy, OWN, "team/app") == others


@pytest.mark.parametrize(
    ("resource", "others"),
    [
        ("*", ("210987654321",)),
        ("arn:aws:ecr:eu-west-1:123456789012:repository/team/*", ("210987654321",)),
        ("arn:aws:ecr:eu-west-1:123456789012:repository/team/ap?", ("210987654321",)),
        (["arn:aws:ecr:eu-west-1:123456789012:repository/other/*"], ()),
        (["arn:aws:ecr:*:*:repository/other", "arn:aws:ecr:*:*:repository/team/app"], ("210987654321",)),
    ],
)
def test_a_registry_policy_counts_for_the_repositories_that_it_names(resource: Any, others: tuple[str, ...]) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": "ecr:BatchGetImage",
        "Resource": resource,
    }
    assert others_let_in(json.dumps({"Statement": [statement]}), OWN, "team/app") == others
