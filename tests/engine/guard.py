"""A guard in front of the local ECR, which otherwise evaluates no policy: it denies what a document doesn't grant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import pytest

from ecr_tasks.local_ecr.distribution import routes
from ecr_tasks.local_ecr.distribution.errors import RegistryError
from ecr_tasks.local_ecr.ecr_api import dispatch, ecr_public
from ecr_tasks.local_ecr.errors import EcrError

PUBLIC = "public"
"""The region that the local ECR's public registry has there."""

CALLER = "arn:aws:sts::123456789012:assumed-role/ecr-push/run-7"

REGISTRY_REQUESTS = {
    "HEAD manifests": ["BatchGetImage"],
    "GET manifests": ["BatchGetImage"],
    "GET blobs": ["GetDownloadUrlForLayer"],
    "HEAD blobs": ["BatchCheckLayerAvailability"],
    "POST blobs/uploads": ["InitiateLayerUpload"],
    "PATCH blobs/uploads": ["UploadLayerPart"],
    "PUT blobs/uploads": ["UploadLayerPart", "CompleteLayerUpload"],
    "PUT manifests": ["PutImage"],
}
"""The actions that docker's requests stand for (ECR user guide, "IAM permissions for pushing an image")."""

_ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|blobs/uploads)/[^/]*")


@dataclass
class Guard:
    """Denies the requests to a local ECR that ``policy`` doesn't grant; None grants everything.

    ``denied`` are the actions that it denied.
    """

    policy: Mapping[str, Any] | None = None
    denied: list[str] = field(default_factory=list)

    def check(self, action: str, place: str, name: str | None) -> str | None:
        """Return AWS's words about an action that is not granted on a repository; None where it is."""
        account, _, region = place.partition("/")
        service = "ecr-public" if region == PUBLIC else "ecr"
        region = "" if region == PUBLIC else region
        resource = f"arn:aws:{service}:{region}:{account}:repository/{name}" if name else "*"
        if self.policy is None or grants(self.policy, f"{service}:{action}", resource):
            return None
        self.denied.append(f"{service}:{action}")
        return (
            f"User: {CALLER} is not authorized to perform: {service}:{action} on resource: {resource} "
            f"because no identity-based policy allows the {service}:{action} action"
        )


def grants(policy: Mapping[str, Any], action: str, resource: str) -> bool:
    """Return whether a document grants an action on a resource (IAM user guide, "Policy evaluation logic")."""
    return any(
        any(fnmatchcase(action, item) for item in listed(statement["Action"]))
        and any(fnmatchcase(resource, item) for item in listed(statement["Resource"]))
        for statement in policy["Statement"]
    )


def listed(value: str | list[str]) -> list[str]:
    """Return the values of a policy's element."""
    return [value] if isinstance(value, str) else value


def without(policy: Mapping[str, Any], action: str) -> dict[str, Any]:
    """Return a document that doesn't grant an action, and is otherwise the same."""
    statements = [
        {**item, "Action": [name for name in listed(item["Action"]) if name != action]}
        for item in policy["Statement"]
    ]
    return {**policy, "Statement": statements}


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    """Return the guard of the local ECRs in this process."""
    guard = Guard()
    handle, find, find_public = routes._handle, dispatch._find_registry, ecr_public.find_registry

    def guarded(registry: Any, request: Any) -> Any:
        place = f"{registry.account}/{registry.region}"
        match = _ROUTE.fullmatch(request.path)
        actions = REGISTRY_REQUESTS.get(f"{request.method} {match['kind']}", []) if match else []
        is_open = place.endswith(PUBLIC) and request.method in ("GET", "HEAD")
        name = match["name"].removeprefix(registry.prefix) if match else None
        for action in [] if is_open else actions:
            message = guard.check(action, place, name)
            if message is not None:
                raise RegistryError(403, "DENIED", message)
        return handle(registry, request)

    def guarded_find(find: Any) -> Any:
        def found(registries: Any, request: Any, region: str | None, params: Any) -> Any:
            account = params.optional_text("registryId") or registries.default.account
            place = f"{account}/{region or registries.default.region}"
            if find is find_public:
                place = f"{registries.default.account}/{PUBLIC}"
            document = params._values
            arn = str(document.get("resourceArn", ""))
            names = document.get("repositoryNames") or [document.get("repositoryName")]
            if arn:
                names = [arn.partition(":repository/")[2]]
            for name in names:
                message = guard.check(request.operation, place, name)
                if message is not None:
                    raise EcrError("AccessDeniedException", message)
                if request.operation == "CreateRepository" and document.get("tags"):
                    message = guard.check("TagResource", place, name)
                    if message is not None:
                        raise EcrError("AccessDeniedException", message)
            return find(registries, request, region, params)

        return found

    monkeypatch.setattr(routes, "_handle", guarded)
    monkeypatch.setattr(dispatch, "_find_registry", guarded_find(find))
    monkeypatch.setattr(ecr_public, "find_registry", guarded_find(find_public))
    return guard
