"""One setting: its row in the schema, its text, and where that text stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

Display = Literal["plain", "hidden", "last-four", "names-only"]
"""How much of a value may be shown."""

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False, repr=False)
class Setting:
    """One setting: its field's name, its variable's name, and the rest of its row (see :func:`setting`)."""

    field: str
    name: str
    parse: Callable[[str], object]
    comment: str
    example: str
    default: str = ""
    unset: str = "not set"
    display: Display = "plain"
    heading: str = ""


# The overloads give a field the type of its parser's value, or None where nothing stands for an unset one.
@overload
def setting(line: str, parse: Callable[[str], Value], comment: str, *, default: str, **more: str) -> Value: ...
@overload
def setting(line: str, parse: Callable[[str], Value], comment: str, **more: str) -> Value | None: ...
def setting(line: str, parse: Callable[[str], Any], comment: str, *, default: str | None = None, **more: str) -> Any:
    """Return the dataclass field that is one setting.

    ``line`` is the variable and an example, as `.env.example` has them under the ``comment``; ``parse`` makes the
    value of a text or raises Malformed. An unset setting has the value of the text ``default``, or else None.
    ``more`` holds what ``unset`` means in words, the ``display`` (how much may be shown), and a group's ``heading``.
    """
    name, _, example = line.partition("=")
    value = None if default is None else parse(default)
    row = {"name": name, "parse": parse, "comment": comment, "example": example, "default": default or "", **more}
    # A factory, because dataclasses refuse a mapping as a default, although this one is read-only.
    return field(default_factory=lambda: value, metadata=row)


@dataclass(frozen=True)
class Origin:
    """The place of a setting; ``str()`` is what people read.

    ``name`` is the name as it is written there: a variable, a key under ``ecr.``, or who overrides.
    """

    kind: Literal["default", "config", "file", "environment", "override"]
    name: str = ""
    file: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        if self.kind == "file" and self.file is not None:
            return self.file.name if self.line is None else f"{self.file.name}:{self.line}"
        if self.kind == "environment":
            return f"environment variable {self.name}"
        if self.kind == "config":
            return f"Invoke configuration ecr.{self.name}"
        return self.name or self.kind


DEFAULT = Origin("default")


@dataclass(frozen=True)
class SettingValue:
    """A setting's text as it is written, and its place; the text is empty where nothing sets it."""

    text: str = field(repr=False)
    origin: Origin = DEFAULT
