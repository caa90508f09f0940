"""Checks the local ECR's responses against botocore's model of the ECR API."""

from __future__ import annotations

import json
import re
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

# Of the protocol, of IAM, and the local ECR's for operations that it lacks; other errors must be the operation's own.
OUTSIDE_THE_MODEL = {
    "AccessDeniedException",
    "InvalidSignatureException",
    "NotImplementedException",
    "SerializationException",
}


def problems(shape: Shape | None, value: Any, where: str = "$") -> list[str]:
    """Return everything in a JSON value that its shape does not allow."""
    if shape is None:
        return [f"{where}: the operation has no output"] if value else []
    if isinstance(shape, StructureShape):
        return _structure(shape, value, where)
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [p for number, item in enumerate(value) for p in problems(shape.member, item, f"{where}[{number}]")]
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no map"]
        in_keys = [p for key in value for p in problems(shape.key, key, f"{where}.{key}")]
        return in_keys + [p for key, item in value.items() for p in problems(shape.value, item, f"{where}.{key}")]
    return _scalar(shape, value, where)


def _structure(shape: StructureShape, value: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no structure"]
    all_problems = [f"{where}: {shape.name} has no member {name}" for name in value if name not in shape.members]
    all_problems += [f"{where}: {name} is missing" for name in shape.required_members if name not in value]
    for name, member in shape.members.items():
        if name in value:
            all_problems += problems(member, value[name], f"{where}.{name}")
    return all_problems


def _scalar(shape: Shape, value: Any, where: str) -> list[str]:
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "long": (int,),
        "double": (int, float),
        "boolean": (bool,),
        "timestamp": (int, float),
    }
    expected = kinds[shape.type_name]
    if not isinstance(value, expected) or (bool not in expected and isinstance(value, bool)):
        return [f"{where}: {value!r} is no {shape.type_name}"]
    if isinstance(shape, StringShape):
        text = str(value)
        if shape.enum and value not in shape.enum:
            return [f"{where}: {value!r} is none of {shape.enum}"]
        pattern = shape.metadata.get("pattern")
        if pattern and re.fullmatch(str(pattern).strip("^$"), text) is None:
            return [f"{where}: {value!r} does not match {pattern}"]
    return []


def check(http_response: AWSResponse, model: OperationModel, **_: object) -> None:
    """Raise AssertionError for a response that ECR cannot give; the ``after-call`` handler of a client."""
    document = json.loads(http_response.content)
    if http_response.status_code == 200:
        assert not problems(model.output_shape, document)
        return
    name = document["__type"]
    errors = {shape.name: shape for shape in model.error_shapes}
    assert name in errors or name in OUTSIDE_THE_MODEL, f"{model.name} cannot answer {name}: {document['message']}"
    assert document["message"]
    if name in errors:
        members = {key: value for key, value in document.items() if key != "__type"}
        assert not problems(errors[name], members)
