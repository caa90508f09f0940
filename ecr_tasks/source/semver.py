"""Semantic versions in git tags: which tags are versions, and the order of versions.

The grammar and the precedence are Semantic Versioning 2.0.0's (semver.org, items 2, 9, 10 and 11); a leading
``v`` is allowed, because most repositories have it in their tags.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import field

from ecr_tasks.frozen import dataclass

MAX_LENGTH = 256
"""The longest version in characters: node-semver's limit, which is also below that of Python's int()."""

_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRERELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_GRAMMAR = (
    rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-({_PRERELEASE}(?:\.{_PRERELEASE})*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)

_Identifier = tuple[int, int, str]


@functools.total_ordering
@dataclass(frozen=True)
class Version:
    """One version, ordered by precedence: versions that differ in build metadata only are equal (item 10)."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, name: str) -> Version | None:
        """Return the version in a name such as ``v1.2.3-rc.1+build.5``; None if the name is no version."""
        match = re.fullmatch(_GRAMMAR, name) if len(name) <= MAX_LENGTH else None
        if match is None:
            return None
        major, minor, patch, prerelease, build = match.groups()
        return cls(int(major), int(minor), int(patch), _identifiers(prerelease), _identifiers(build))

    def __str__(self) -> str:
        """Return the version without the ``v``."""
        prerelease = "-" + ".".join(self.prerelease) if self.prerelease else ""
        build = "+" + ".".join(self.build) if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{prerelease}{build}"

    def __lt__(self, other: Version) -> bool:
        return self.precedence < other.precedence

    @property
    def precedence(self) -> tuple[int, int, int, bool, tuple[_Identifier, ...]]:
        """Return the key to sort by (item 11): a release comes after its pre-releases, numbers before words."""
        return self.major, self.minor, self.patch, not self.prerelease, tuple(map(_rank, self.prerelease))


def sort_releases(tags: Iterable[str]) -> tuple[str, ...]:
    """Return those of the tags that are versions, the lowest first."""
    versions = [(version, name) for name in tags if (version := Version.parse(name))]
    return tuple(name for _, name in sorted(versions))


def _identifiers(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(".")) if text else ()


def _rank(identifier: str) -> _Identifier:
    return (0, int(identifier), "") if identifier.isdecimal() else (1, 0, identifier)
