"""Compare a value with a shape of ECR's API model: what the service itself would refuse, before it is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ecr_tasks.errors import nearest

_TYPES: Mapping[str, tuple[type, str]] = {
    "structure": (dict, "an object"),
    "list": (list, "a list"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a number"),
    "string": (str, "a text"),
}


_LONGEST = 4096
"""The longest text that is compared with a pattern; no shape of a registry's settings takes a longer one."""

_LINEAR = {"ScanningRepositoryFilterValue": r"[a-z0-9*]+(?:[._/-][a-z0-9*]+)*"}
"""Patterns in place of the model's, which mean the same and take no exponential time to refuse a text."""


def first_problem(shape: Any, value: Any, place: str, free: Collection[str] = ()) -> str:
    """Return the first mistake in a value as the end of a sentence about its file; an empty text if there is none.

    Members with a name in ``free`` are not looked into.
    """
    return next(_problems(shape, value, place, free), "")


def _problems(shape: Any, value: Any, place: str, free: Collection[str]) -> Iterator[str]:
    kind, words = _TYPES.get(shape.type_name, (object, "something else"))
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        hint = ": write it in quotes" if kind is str and isinstance(value, (int, float)) else ""
        yield f"has in {place} what is not {words}{hint}"
    elif isinstance(value, dict):
        yield from _structure_problems(shape, value, place, free)
    elif isinstance(value, list):
        yield from _size_problems(shape, len(value), place, "entries")
        for number, item in enumerate(value):
            yield from _problems(shape.member, item, f"{place}[{number}]", free)
    elif isinstance(value, str):
        yield from _text_problems(shape, value, place)


def _structure_problems(shape: Any, value: dict[str, Any], place: str, free: Collection[str]) -> Iterator[str]:
    for name in value:
        if name not in shape.members:
            similar = nearest(str(name), list(shape.members), 0.5)
            hint = f"; did you mean {similar}?" if similar else f"; it can have {', '.join(shape.members)}"
            yield f"has the key {name!r} in {place}{hint}"
    for name in shape.required_members:
        if name not in value:
            yield f"has no {name} in {place}"
    for name, item in value.items():
        if name in shape.members and name not in free:
            yield from _problems(shape.members[name], item, f"{place}.{name}", free)


def _text_problems(shape: Any, value: str, place: str) -> Iterator[str]:
    choices = getattr(shape, "enum", None)
    if choices and value not in choices:
        yield f"has {value[:200]!r} in {place}; ECR takes {', '.join(choices)}"
    yield from _size_problems(shape, len(value), place, "characters")
    pattern = _LINEAR.get(shape.name, shape.metadata.get("pattern"))
    if pattern and len(value) <= _LONGEST and not re.fullmatch(pattern, value):
        yield f"has {value[:200]!r} in {place}, which ECR does not take"


def _size_problems(shape: Any, size: int, place: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if size < least or (most is not None and size > most):
        limits = f"{least} to {most}" if most is not None else f"{least} or more"
        yield f"has {size} {what} in {place}; ECR takes {limits}"
