"""Tests of `iam.policy` on a command line: stdout is the policy, stderr what belongs to it, and errors."""

from __future__ import annotations

import pytest

from tests.tasks.conftest import Outcome, Project

ACCOUNT, OTHER = "123456789012", "210987654321"
ROLE = f"arn:aws-cn:iam::{OTHER}:role/push"


@pytest.fixture
def offline(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project whose account and region are set; nobody is to be asked."""
    monkeypatch.setenv("AWS_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    return project


def actions(outcome: Outcome) -> set[str]:
    statements = outcome.document["Statement"]
    lists = [[item["Action"]] if isinstance(item["Action"], str) else item["Action"] for item in statements]
    return {action for actions in lists for action in actions}


def test_stdout_is_the_policy_and_nobody_is_asked(offline: Project) -> None:
    outcome = offline.inv("iam.policy")
    assert outcome.code == 0
    assert "ecr:PutImage" in actions(outcome)
    assert f"arn:aws-cn:ecr:cn-north-1:{ACCOUNT}:repository/team/app" in outcome.stdout
    assert "ecr:ListImages: move latest" in outcome.stderr
    assert offline.calls.log == []


def test_a_task_that_does_nothing_in_aws_has_no_policy(offline: Project) -> None:
    assert "build does nothing in AWS" in offline.inv("iam.policy", "--for", "build").failed(2)


def test_required_leaves_out_what_is_only_used_where_granted(offline: Project) -> None:
    assert "ecr:ListImages" not in actions(offline.inv("iam.policy", "--required"))


def test_base_images_of_the_dockerfile_are_read(offline: Project) -> None:
    offline.write("Dockerfile", f"FROM {OTHER}.dkr.ecr.cn-north-1.amazonaws.com.cn/base:1\n")
    assert f"arn:aws-cn:ecr:cn-north-1:{OTHER}:repository/base" in offline.inv("iam.policy").stdout


def test_the_other_side_of_a_role_in_another_account(offline: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECR_ROLE_ARN", ROLE)
    assert "--for pull --side repository" in offline.inv("iam.policy", "--for", "pull").stderr
    outcome = offline.inv("iam.policy", "--for", "pull", "--side", "repository")
    assert outcome.document["Statement"][0]["Principal"] == {"AWS": ROLE}
    assert "repository/team/app" in outcome.stderr
    assert actions(offline.inv("iam.policy", "--side", "caller")) == {"sts:AssumeRole"}


@pytest.mark.parametrize("registry", [f"{OTHER}/cn-northwest-1", f"{OTHER}.dkr.ecr.cn-northwest-1.amazonaws.com.cn"])
def test_who_pulls_from_a_destination_may_read_that_one_alone(
    registry: str, offline: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECR_DESTINATIONS", f"{OTHER}/cn-northwest-1,{ACCOUNT}/cn-northwest-1")
    outcome = offline.inv("iam.policy", "--for", "pull", "--registry", registry)
    resources = {str(statement["Resource"]) for statement in outcome.document["Statement"]}
    assert resources == {"*", f"arn:aws-cn:ecr:cn-northwest-1:{OTHER}:repository/team/app"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--for", "psuh"), "Did you mean push?"),
        (("--side", "repo"), "Did you mean repository?"),
        (("--side", "caller"), "ECR_ROLE_ARN is not set"),
        (("--side", "repository"), "--principal"),
        (("--principal", ROLE), "--side repository"),
        (("--side", "repository", "--principal", "me"), "no role, user or account"),
        (("--side", "repository", "--principal", f"arn:aws-cn:iam::{ACCOUNT}:root"), "need no policy of their own"),
        (("--side", "repository", "--principal", ROLE, "--account", "1"), f"Choose one of {ACCOUNT}"),
        (("--side", "repository", "--principal", f"arn:aws:iam::{OTHER}:root"), "another partition"),
        (("--to", "x"), "is no destination"),
        (("--registry", f"{OTHER}/cn-north-1"), "who only reads"),
        (("--for", "pull", "--registry", "x"), "is no destination"),
        (("--for", "pull", "--registry", "public.ecr.aws/team/app"), "takes no policy"),
    ],
)
def test_what_can_not_be_printed_is_refused(words: tuple[str, ...], reason: str, offline: Project) -> None:
    assert reason in offline.inv("iam.policy", *words).failed(2)


OTHERS_ROLE = f"arn:aws-cn:iam::{OTHER}:role/copy"


def resources(outcome: Outcome, action: str) -> set[str]:
    """Return the resources that a policy allows an action on."""
    found: set[str] = set()
    for statement in outcome.document["Statement"]:
        if action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]):
            names = statement["Resource"]
            found |= {names} if isinstance(names, str) else set(names)
    return found


def test_a_destinations_role_has_a_policy_of_its_own(offline: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    place, own = f"{OTHER}/cn-northwest-1", f"arn:aws-cn:ecr:cn-north-1:{ACCOUNT}:repository/team/app"
    there = f"arn:aws-cn:ecr:cn-northwest-1:{OTHER}:repository/team/app"
    monkeypatch.setenv("ECR_DESTINATIONS", f"{place},role={OTHERS_ROLE},external-id=abc")
    for task in ("push", "promote"):
        caller = offline.inv("iam.policy", "--for", task)
        assert resources(caller, "sts:AssumeRole") == {OTHERS_ROLE}
        assert resources(caller, "ecr:PutImage") == {own}
        assert own in resources(caller, "ecr:GetDownloadUrlForLayer")  # for what is copied
        assert f"--for {task} --identity {OTHERS_ROLE}" in caller.stderr
        role = offline.inv("iam.policy", "--for", task, "--identity", OTHERS_ROLE)
        assert resources(role, "ecr:PutImage") == {there}
        assert resources(role, "ecr:GetAuthorizationToken") == {"*"}
        assert own not in role.stdout
        assert not resources(role, "sts:AssumeRole")
    monkeypatch.setenv("ECR_DESTINATIONS", "")
    to = f"{place},role={OTHERS_ROLE}"
    role = offline.inv("iam.policy", "--for", "promote", "--to", to, "--identity", OTHERS_ROLE)
    assert resources(role, "ecr:PutImage") == {there}
    assert "No destination has the role" in offline.inv("iam.policy", "--identity", OTHERS_ROLE).failed(2)
    refused = offline.inv("iam.policy", "--identity", OTHERS_ROLE, "--side", "caller").failed(2)
    assert "two different policies" in refused


def test_whom_a_destinations_role_has_to_trust(offline: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"{OTHER}/cn-northwest-1"
    words = ("iam.policy", "--side", "trust", "--identity", OTHERS_ROLE)
    assert "No destination has the role" in offline.inv(*words).failed(2)
    monkeypatch.setenv("ECR_DESTINATIONS", f"{place},role={OTHERS_ROLE},external-id=abc")
    assert "Say --identity with one of" in offline.inv("iam.policy", "--side", "trust").failed(2)
    assert "or set ECR_ROLE_ARN" in offline.inv(*words).failed(2)
    user = f"arn:aws-cn:iam::{ACCOUNT}:user/ci"
    (statement,) = offline.inv(*words, "--principal", user).document["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"AWS": user}, "sts:AssumeRole")
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "abc"}}
    monkeypatch.setenv("ECR_ROLE_ARN", ROLE)
    monkeypatch.setenv("ECR_DESTINATIONS", f"{place},role={OTHERS_ROLE}")
    (statement,) = offline.inv(*words).document["Statement"]
    assert (statement["Principal"], "Condition" in statement) == ({"AWS": ROLE}, False)
    monkeypatch.setenv("ECR_DESTINATIONS", f"{place},role={OTHERS_ROLE},profile=theirs")
    assert "whom the profile theirs logs in" in offline.inv(*words).failed(2)
    both = f"{place},role={OTHERS_ROLE},{place}/app,role={OTHERS_ROLE},external-id=abc"
    monkeypatch.setenv("ECR_DESTINATIONS", both)
    assert "is assumed in 2 ways" in offline.inv(*words).failed(2)
