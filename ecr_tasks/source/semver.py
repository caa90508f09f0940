"""Semantic versions in git tags: which names are versions, and which version is the higher one.

The grammar and the precedence are Semantic Versioning 2.0.0's (semver.org, items 2, 9, 10 and 11); a leading
``v`` is allowed, because that is how most repositories name their tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_LENGTH = 256
"""Longer names are no versions: node-semver has the same limit, and it keeps numbers within int()'s own."""

_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRERELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_GRAMMAR = re.compile(
    rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-({_PRERELEASE}(?:\.{_PRERELEASE})*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)

_Identifier = tuple[int, int, str]


@dataclass(frozen=True)
class Version:
    """One version; compares by precedence, so two that differ in build metadata only are equal (item 10)."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, name: str) -> Version | None:
        """The version that a name such as ``v1.2.3-rc.1+build.5`` stands for; None when it is none."""
        found = _GRAMMAR.fullmatch(name) if len(name) <= MAX_LENGTH else None
        if found is None:
            return None
        major, minor, patch, prerelease, build = found.groups()
        return cls(int(major), int(minor), int(patch), _identifiers(prerelease), _identifiers(build))

    @property
    def is_prerelease(self) -> bool:
        """Whether it comes before the release that it is named after, as ``1.0.0-rc.1`` does."""
        return bool(self.prerelease)

    def __str__(self) -> str:
        """The version without the ``v``."""
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += "-" + ".".join(self.prerelease)
        if self.build:
            text += "+" + ".".join(self.build)
        return text

    def __lt__(self, other: Version) -> bool:
        return self.precedence < other.precedence

    def __le__(self, other: Version) -> bool:
        return self.precedence <= other.precedence

    def __gt__(self, other: Version) -> bool:
        return other < self

    def __ge__(self, other: Version) -> bool:
        return other <= self

    @property
    def precedence(self) -> tuple[int, int, int, bool, tuple[_Identifier, ...]]:
        """A key that sorts as item 11 says: a release after its pre-releases, numbers before words."""
        return (
            self.major,
            self.minor,
            self.patch,
            not self.prerelease,
            tuple(_rank(identifier) for identifier in self.prerelease),
        )


def _identifiers(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(".")) if text else ()


def _rank(identifier: str) -> _Identifier:
    return (0, int(identifier), "") if identifier.isdecimal() else (1, 0, identifier)
