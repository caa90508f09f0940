"""One setting: its row in the schema, its text, and the place where that text is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from ecr_tasks.frozen import dataclass

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


# The overloads give a field the type of its parser's value; without a default, it can also be None.
@overload
def setting(line: str, parse: Callable[[str], Value], comment: str, *, default: str, **more: str) -> Value: ...
@overload
def setting(line: str, parse: Callable[[str], Value], comment: str, **more: str) -> Value | None: ...
def setting(line: str, parse: Callable[[str], Any], comment: str, *, default: str | None = None, **more: str) -> Any:
    """Return the dataclass field that is one setting.

    ``line`` is ``VARIABLE=example``, as `.env.example` shows it below the ``comment``; ``parse`` converts a text to
    the value or raises Malformed. An unset setting has the value of the text ``default``, or None without a default.
    ``more`` can have ``unset`` (what an unset setting means, in words), ``display``, and ``heading`` (of a group).
    """
    name, _, example = line.partition("=")
    value = None if default is None else parse(default)
    row = {"name": name, "parse": parse, "comment": comment, "example": example, "default": default or "", **more}
    # A factory is needed because dataclasses refuse a mapping as a default, even a read-only one.
    return field(default_factory=lambda: value, metadata=row)


@dataclass(frozen=True)
class Origin:
    """The place where a setting is set; ``str()`` returns it in words.

    ``name`` is a variable, a key under ``ecr.``, the name of what overrides the setting, or the setting that it is
    derived from, with that one's place. ``file`` and ``line`` are those of a dotenv file, or of a configuration file
    of Invoke's; ``shown`` is how the file is called where its name alone doesn't say which it is.
    """

    kind: Literal["default", "config", "file", "environment", "override", "derived"]
    name: str = ""
    file: Path | None = None
    line: int | None = None
    shown: str = ""

    def __str__(self) -> str:
        if self.file is not None:
            name = self.shown or self.file.name
            return name if self.line is None else f"{name}:{self.line}"
        if self.kind == "environment":
            return f"environment variable {self.name}"
        if self.kind == "config":
            return f"Invoke configuration ecr.{self.name}"
        return self.name or self.kind


DEFAULT = Origin("default")


@dataclass(frozen=True)
class SettingValue:
    """A setting's text as the user wrote it, and its place; the text is empty if the setting is not set."""

    text: str = field(repr=False)
    origin: Origin = DEFAULT
