"""Find out whether the caller may do some actions: IAM simulates them, or those that only read are tried.

What is tried names an image or a layer that nobody has, so that it is no pull, and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import DENIED_CODES, error_code, translate_errors
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.account import Caller, Need, Permission
from ecr_tasks.model.registry import wildcard_matches

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

NOBODYS = "sha256:" + "0" * 64
SIMULATED, TRIED = "simulated by IAM", "tried"
_NOT_TRIED = "trying it would change something"
_ROLE = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<name>[^/]+)/")
_REPOSITORY = re.compile(r"arn:[^:]+:ecr:(?P<region>[^:]+):(?P<account>\d+):repository/(?P<name>[^*]+)")
_KEY = re.compile(r"arn:(?P<partition>[^:]+):kms:(?P<region>[^:]+):")

_IMAGE: dict[str, Any] = {"imageDigest": NOBODYS}
_TRIALS: dict[str, dict[str, Any]] = {
    "DescribeRepositories": {},
    "DescribeImages": {"imageIds": [_IMAGE]},
    "ListImages": {"maxResults": 1},
    "BatchGetImage": {"imageIds": [_IMAGE]},
    "BatchCheckLayerAvailability": {"layerDigests": [NOBODYS]},
    "GetDownloadUrlForLayer": {"layerDigest": NOBODYS},
    "GetLifecyclePolicy": {},
    "GetRepositoryPolicy": {},
    "DescribeImageScanFindings": {"imageId": _IMAGE},
    "DescribeImageReplicationStatus": {"imageId": _IMAGE},
    "DescribeImageSigningStatus": {"imageId": _IMAGE},
    "ListImageReferrers": {"subjectId": _IMAGE},
}
"""The reading operations on a repository, with parameters that find nothing."""

_REGISTRY_TRIALS = ("DescribeRegistry", "GetAuthorizationToken", "GetSigningConfiguration")


def permissions(
    aws: AwsSession, caller: Caller, wanted: Sequence[Need], *, asks_iam: bool = True
) -> Sequence[Permission]:
    """Return whether the caller may do what is wanted.

    Without ``asks_iam`` (at a local ECR), and where IAM does not let the caller ask, reading actions are tried.
    """
    simulated: dict[Need, Permission] = {}
    reason = "it is not IAM's registry"
    if asks_iam:
        try:
            simulated = {item.need: item for item in _simulated(aws, caller, wanted)}
        except EcrTasksError as error:
            reason = error.cause.rstrip(".")
    found = []
    for item in wanted:
        verdict = simulated.get(item)
        if verdict is None or verdict.verdict != "allowed":  # a repository's own policy may allow what IAM's don't
            verdict = _tried(aws, item) or verdict or Permission(item, "unknown", f"{_NOT_TRIED}, and {reason}")
        if verdict.how == SIMULATED and verdict.verdict == "denied" and _may_be_allowed_there(aws, item):
            verdict = Permission(item, "unknown", f"{_NOT_TRIED}, and the repository's own policy may allow it")
        found.append(verdict)
    return found


def _may_be_allowed_there(aws: AwsSession, wanted: Need) -> bool:
    """Return whether a repository's own policy allows somebody the action."""
    call = _trial(aws, Need("ecr:GetRepositoryPolicy", wanted.resource))
    if call is None:
        return False
    with suppress(Exception):  # there is none, or it may not be read
        answer: Any = call()
        document = parse_json(answer["policyText"])
        for statement in document["Statement"]:
            actions = statement.get("Action", ())
            patterns = [actions] if isinstance(actions, str) else actions
            if statement["Effect"] == "Allow" and any(wildcard_matches(item, wanted.action) for item in patterns):
                return True
    return False


def _simulated(aws: AwsSession, caller: Caller, wanted: Sequence[Need]) -> Iterator[Permission]:
    """Yield IAM's own verdicts. Raises AwsError where it doesn't give them (iam:SimulatePrincipalPolicy)."""
    if caller.arn.endswith(":root"):
        yield from (Permission(item, "allowed", "the account's root user") for item in wanted)
        return
    with translate_errors("ask IAM what the caller may do (iam:SimulatePrincipalPolicy)"):
        client = aws.iam()
        principal = _principal(client, caller.arn)
        for resource in dict.fromkeys(item.resource for item in wanted):
            items = [item for item in wanted if item.resource == resource]
            pages = client.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=principal,
                ActionNames=list(dict.fromkeys(item.action for item in items)),
                ResourceArns=[resource],
                ContextEntries=_context(resource),
            )
            decisions = {
                str(result["EvalActionName"]).lower(): result["EvalDecision"]
                for page in pages
                for result in page["EvaluationResults"]
            }
            for item in items:
                decision = decisions.get(item.action.lower())
                if decision == "allowed":
                    yield Permission(item, "allowed", SIMULATED)
                elif decision and item.resource.endswith("/*"):
                    yield Permission(item, "unknown", "which key an alias means is not known here")
                elif decision:
                    yield Permission(item, "denied", SIMULATED)


def _context(resource: str) -> list[dict[str, Any]]:
    """Return what IAM is to assume of a request: ECR uses a key for the caller, which can be a policy's condition."""
    key = _KEY.match(resource)
    if key is None:
        return []
    domain = "amazonaws.com.cn" if key["partition"] == "aws-cn" else "amazonaws.com"
    via = f"ecr.{key['region']}.{domain}"
    return [{"ContextKeyName": "kms:ViaService", "ContextKeyValues": [via], "ContextKeyType": "string"}]


def _principal(client: Any, arn: str) -> str:
    """Return the ARN whose policies decide: a user's own; a session's is its role's, with the role's path."""
    role = _ROLE.match(arn)
    if role is None:
        return arn
    with suppress(Exception):  # without iam:GetRole, the role may have no path
        return str(client.get_role(RoleName=role["name"])["Role"]["Arn"])
    return f"arn:{role['partition']}:iam::{role['account']}:role/{role['name']}"


def _tried(aws: AwsSession, wanted: Need) -> Permission | None:
    """Return the verdict of a harmless call; None for an action that has none, and where no verdict was given."""
    call = _trial(aws, wanted)
    if call is None:
        return None
    from botocore.exceptions import ClientError

    try:
        with translate_errors("try what the caller may do"):
            try:
                call()
            except ClientError as error:
                code = error_code(error)
                if code in DENIED_CODES:
                    return Permission(wanted, "denied", TRIED)
                if not code.endswith(("NotFoundException", "NotFound", "InaccessibleException")):
                    raise
    except EcrTasksError as error:
        return Permission(wanted, "unknown", error.cause.rstrip("."))
    return Permission(wanted, "allowed", TRIED)


def _trial(aws: AwsSession, wanted: Need) -> Callable[[], object] | None:
    service, _, operation = wanted.action.partition(":")
    if service != "ecr":
        return None
    if operation in _REGISTRY_TRIALS:
        return lambda: _call(aws.ecr(), operation, {})
    repository = _REPOSITORY.fullmatch(wanted.resource)
    if repository is None or operation not in _TRIALS:
        return None
    names: Any = {"repositoryNames": [repository["name"]]}
    if operation != "DescribeRepositories":
        names = {"repositoryName": repository["name"]}
    parameters = {"registryId": repository["account"], **names, **_TRIALS[operation]}
    return lambda: _call(aws.ecr(repository["region"]), operation, parameters)


def _call(client: ECRClient, operation: str, parameters: dict[str, Any]) -> object:
    from botocore import xform_name

    return getattr(client, xform_name(operation))(**parameters)
