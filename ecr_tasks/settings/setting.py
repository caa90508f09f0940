"""What a row of the schema is made of: a typed field of the settings, described in its metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar, overload

Display = Literal["plain", "hidden", "last-four", "names-only"]
"""How much of a value may be shown."""

Value = TypeVar("Value")

EMPTY: Mapping[str, str] = MappingProxyType({})
"""The value of an unset setting that is a mapping."""


@dataclass(frozen=True, eq=False, repr=False)
class Setting:
    """One setting: its field's name, its variable's name, and the rest of its row (see :func:`setting`)."""

    field: str
    name: str
    parse: Callable[[str], object]
    comment: str
    example: str
    default: str | None = None
    unset: str = "not set"
    display: Display = "plain"
    heading: str | None = None


# The overloads give a field the type of its parser's value, or None where nothing stands for an unset one.
@overload
def setting(
    name: str, parse: Callable[[str], Value], comment: str, example: str, *, default: str, **more: str
) -> Value: ...
@overload
def setting(
    name: str, parse: Callable[[str], Value], comment: str, example: str, *, empty: Value, **more: str
) -> Value: ...
@overload
def setting(name: str, parse: Callable[[str], Value], comment: str, example: str, **more: str) -> Value | None: ...
def setting(
    name: str,
    parse: Callable[[str], Any],
    comment: str,
    example: str,
    *,
    default: str | None = None,
    empty: Any = None,
    **more: str,
) -> Any:
    """Return the dataclass field that is one setting.

    ``name`` is the variable's; ``parse`` makes the value of its text or raises Malformed; ``comment`` and ``example``
    stand in `.env.example`. An unset setting has the value of the text ``default``, or else ``empty``. ``more``
    holds what ``unset`` means in words, the ``display`` (how much may be shown), and a group's ``heading``.
    """

    row = {"name": name, "parse": parse, "comment": comment, "example": example, "default": default, **more}
    value = empty if default is None else parse(default)
    # dataclasses refuse a mapping as a default, although this one is read-only.
    return (
        field(default_factory=lambda: value, metadata=row) if value is EMPTY else field(default=value, metadata=row)
    )
