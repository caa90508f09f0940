"""The paths and patterns that a build takes from one of its contexts."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING

from ecr_tasks.frozen import dataclass

if TYPE_CHECKING:
    from ecr_tasks.source.build_context.dockerignore_pattern import Matcher


_WILDCARD = r"[*?\[\\]"
_UNLIKE_GO = r"[|^{}]"
"""Characters that a pattern of a .dockerignore reads in another way than one of ``COPY``."""


@dataclass(frozen=True)
class Sources:
    """The paths and patterns that a build takes from one context, relative to it; ``None`` is everything."""

    patterns: tuple[str, ...] | None = None

    @cached_property
    def matchers(self) -> tuple[tuple[Matcher, ...], ...] | None:
        """For each path or pattern, the matchers of its names; None for everything."""
        if self.patterns is None:
            return None
        return tuple(tuple(map(_name_matcher, pattern.split("/"))) for pattern in self.patterns)

    def within(self, folder: str) -> Sources:
        """Return the sources in a context, where everything counts if one of them leads over a link in it."""
        if self.patterns is not None and any(_has_link(folder, pattern.split("/")) for pattern in self.patterns):
            return EVERYTHING
        return self


EVERYTHING = Sources()


def _name_matcher(name: str) -> Matcher:
    """Return the matcher of one name of a source; where it can't be known, it matches every name."""
    if not re.search(_WILDCARD, name):
        return lambda other: other == name
    from ecr_tasks.source.build_context.dockerignore_pattern import matcher

    try:
        return (lambda other: None) if re.search(_UNLIKE_GO, name) else matcher(name)
    except ValueError:
        return lambda other: None


def _has_link(folder: str, names: list[str]) -> bool:
    """Return whether a source leads over a link, whose target docker sends as well."""
    folders = [folder]
    for name in names:
        matches = _name_matcher(name)
        found: list[str] = []
        for parent in folders:
            if re.search(_WILDCARD, name):
                try:
                    with os.scandir(parent) as scan:
                        found += (entry.path for entry in scan if matches(entry.name) is not False)
                except OSError:
                    continue
            else:
                found.append(f"{parent}/{name}")
        if any(map(os.path.islink, found)):
            return True
        folders = found
    return False
