"""What the table of settings is made of: one setting's description."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ecr_tasks.settings.parse import values

Display = Literal["plain", "hidden", "last-four", "names-only"]


@dataclass(frozen=True)
class Spec:
    """One setting.

    ``default`` is the text that stands for an unset one; ``otherwise`` says in words what an unset one
    without such a text means. ``parse`` makes the value or raises Malformed. ``display`` says how much of it
    may be seen.
    """

    name: str
    help: str
    example: str
    parse: Callable[[str], object] = values.text
    default: str | None = None
    otherwise: str = "not set"
    display: Display = "plain"

    @property
    def secret(self) -> bool:
        """Whether the text holds something that must not be shown."""
        return self.display != "plain"
