"""Where a setting's text stands: a file and line, a variable, a key of Invoke's configuration, or the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

OriginKind = Literal["default", "config", "file", "environment", "override"]


@dataclass(frozen=True)
class Origin:
    """The place of a setting; ``str()`` is what people read.

    ``name`` is the name as it is written there: a variable, a key under ``ecr.``, or who overrides.
    """

    kind: OriginKind
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
