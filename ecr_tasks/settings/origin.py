"""TODO."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    pass


OriginKind = Literal["default", "config", "file", "environment", "override"]


@dataclass(frozen=True)
class Origin:
    """Where a value came from; ``str()`` is what people read.

    ``name`` is the name that is written there: a variable, a key under ``ecr.``, or who overrides.
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
    """One name's text as it was written; None when nothing sets it and it has no default."""

    name: str
    text: str | None = field(repr=False)
    origin: Origin = DEFAULT
    secret: bool = False
