"""The constraints of the API model: a request that breaks one, in any input of any operation, is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.model import ListShape, Shape, StringShape, StructureShape

from ecr_tasks.local_ecr.ecr_api.dispatch import OPERATIONS
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient

DIGEST = f"sha256:{'0' * 64}"
EXPIRE_ONE = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
LIFECYCLE = {"rules": [{"rulePriority": 1, "selection": EXPIRE_ONE, "action": {"type": "expire"}}]}
# Values that the local ECR takes; any other string is free.
TEXTS = {
    "repositoryName": "app",
    "repositoryNames": "app",
    "registryId": "123456789012",
    "resourceArn": "arn:aws:ecr:eu-west-1:123456789012:repository/app",
    "uploadId": "00000000-0000-0000-0000-000000000000",
    "lifecyclePolicyText": json.dumps(LIFECYCLE).ljust(100),
    "policyText": '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}}',
    "name": "BLOB_MOUNTING",
    "value": "ENABLED",
    "region": "us-west-2",
    "layerDigest": DIGEST,
    "layerDigests": DIGEST,
    "imageDigest": DIGEST,
    "layerPartBlob": "AAAA",
}


def valid(shape: Shape, name: str) -> Any:
    """Return a value that the model allows, with the required members only."""
    if isinstance(shape, StructureShape):
        return {member: valid(shape.members[member], member) for member in shape.required_members}
    if isinstance(shape, ListShape):
        return [valid(shape.member, name)]
    if isinstance(shape, StringShape) and shape.enum:
        return shape.enum[0]
    return {"boolean": True, "integer": 1, "long": 1}.get(shape.type_name, TEXTS.get(name, "app"))


def violations(shape: Shape, name: str, where: str) -> Iterator[tuple[str, Any]]:
    """Yield values that break one constraint each, with the constraint's place and name."""
    yield f"{where}: type", 7 if shape.type_name in ("string", "blob") else "x"
    if isinstance(shape, StructureShape):
        for member, its_shape in shape.members.items():
            for what, value in violations(its_shape, member, f"{where}.{member}"):
                yield what, {**valid(shape, name), member: value}
        for member in shape.required_members:
            present = valid(shape, name)
            yield f"{where}.{member}: required", {key: present[key] for key in present if key != member}
    elif isinstance(shape, ListShape):
        for what, value in violations(shape.member, name, f"{where}[]"):
            yield what, [value]
    for limit, beyond in (("min", -1), ("max", 1)):
        if limit in shape.metadata and shape.metadata[limit] + beyond >= 0:
            yield f"{where}: {limit}", of_size(shape, name, shape.metadata[limit] + beyond)
    if isinstance(shape, StringShape) and shape.enum:
        yield f"{where}: enum", "NOT_ONE"
    if "pattern" in shape.metadata:
        yield f"{where}: pattern", "?? "


def of_size(shape: Shape, name: str, size: int) -> Any:
    """Return a number, or a list or string of that length."""
    if isinstance(shape, ListShape):
        return [valid(shape.member, name)] * size
    return {"integer": size, "long": size, "blob": base64.b64encode(b"a" * size).decode()}.get(
        shape.type_name, "a" * size
    )


REFUSALS = ("InvalidParameterException", "SerializationException")


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_what_the_model_forbids_is_refused(ecr: LocalEcr, session: boto3.Session, operation: str) -> None:
    shape = session._session.get_service_model("ecr").operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    http = HttpClient(ecr.registry)
    http.api("CreateRepository", {"repositoryName": "app"})
    for what, document in violations(shape, "", operation):
        if what == f"{operation}: type":
            continue  # test_a_body_that_is_no_json_object
        answer = http.api(operation, document)
        assert (answer.status, answer.json().get("__type") in REFUSALS) == (400, True), (what, answer.body[:200])
