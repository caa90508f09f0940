"""Tests of what AWS says when it denies something."""

from __future__ import annotations

import pytest

from ecr_tasks.model import denial as denials
from ecr_tasks.model.denial import Denial, find_denial, name_policies, name_registry
from tests.support.build import HOST

CALLER = "arn:aws:sts::123456789012:assumed-role/ci/run-7"
RESOURCE = "arn:aws:ecr:eu-central-1:123456789012:repository/team/app"
BASE = f"User: {CALLER} is not authorized to perform: ecr:InitiateLayerUpload on resource: {RESOURCE}"
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.fixture(autouse=True)
def _outside_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "_tasks", [])


def denial(text: str) -> Denial:
    found = find_denial(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("", "`inv iam.policy` prints"),
        (
            " because no identity-based policy allows the ecr:InitiateLayerUpload action",
            f"`inv iam.policy` prints the policy that allows it: give that to {CALLER}.",
        ),
        (" because no resource-based policy allows the action", "--side repository"),
        (" because no permissions boundary allows the action", "manage the permissions boundary"),
        (" because no service control policy allows the action", "manage the service control policy"),
        (" because no session policy allows the action", "manage the session policy"),
        (" because no VPC endpoint policy allows the action", "manage the VPC endpoint policy"),
        (" with an explicit deny in a service control policy", "manage that service control policy"),
        (" with an explicit deny in an identity-based policy", "manage that identity-based policy"),
        (" with an explicit deny", "manage that policy"),
    ],
)
def test_the_policy_that_aws_names_decides_the_remedy(reason: str, remedy: str) -> None:
    found = denial(f"denied: {BASE}{reason}")
    assert (found.action, found.caller, found.resource) == ("ecr:InitiateLayerUpload", CALLER, RESOURCE)
    assert remedy in found.remedy
    assert found.words.startswith(f"{CALLER} may not do ecr:InitiateLayerUpload on {RESOURCE}")
    assert reason.strip() in found.words


@pytest.mark.parametrize(
    ("request_text", "action"),
    [
        ("HEAD request to https://{}/v2/team/app/blobs/sha256:0{}: 403 Forbidden", "ecr:BatchCheckLayerAvailability"),
        ('failed to do request: Head "https://{}/v2/team/app/manifests/main{}": 403 Forbidden', "ecr:BatchGetImage"),
        ("from GET request to https://{}/v2/team/app/blobs/sha256:0{}: 403 Forbidden", "ecr:GetDownloadUrlForLayer"),
        ("from POST request to https://{}/v2/team/app/blobs/uploads/{}: 403 Forbidden", "ecr:InitiateLayerUpload"),
        ("from PATCH request to https://{}/v2/team/app/blobs/uploads/1{}: 403 Forbidden", "ecr:UploadLayerPart"),
        (
            "from PUT request to https://{}/v2/team/app/blobs/uploads/1?x=y{}: 403 Forbidden",
            "ecr:CompleteLayerUpload",
        ),
        ("from PUT request to https://{}/v2/team/app/manifests/1.0{}: 403 Forbidden", "ecr:PutImage"),
    ],
)
def test_a_status_alone_names_the_action_by_the_request(request_text: str, action: str) -> None:
    assert denial(request_text.format(ECR, "")) == Denial(action, resource=f"{ECR}/team/app")
    assert find_denial(request_text.format("registry.example", "")) is None


def test_a_host_that_ecr_gave_a_token_for_is_one_of_ecrs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "_registries", set())
    text = "unexpected status from HEAD request to http://127.0.0.1:5000/v2/team/app/manifests/main: 403 Forbidden"
    assert find_denial(text) is None
    name_registry("127.0.0.1:5000")
    assert denial(text) == Denial("ecr:BatchGetImage", resource="127.0.0.1:5000/team/app")


def test_a_remedy_names_the_policy_of_the_task_that_runs() -> None:
    name_policies(lambda action: f"task-with-{action}")
    assert "`inv iam.policy --for task-with-ecr:InitiateLayerUpload` prints" in denial(BASE).remedy


def test_ecr_public_has_actions_of_its_own() -> None:
    text = "unexpected status from POST request to https://public.ecr.aws/v2/team/app/blobs/uploads/: 403 Forbidden"
    assert denial(text).action == "ecr-public:InitiateLayerUpload"


@pytest.mark.parametrize(
    "text", ["", "403 Forbidden", f"GET request to https://{HOST}/v2/app/tags/list: 403", "no basic auth credentials"]
)
def test_what_names_nothing_is_no_denial(text: str) -> None:
    assert find_denial(text) is None
