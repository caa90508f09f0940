"""Versions as ``type=semver`` and ``type=pep440`` use them, behind one interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ecr_tasks.source.semver import Version as SemVer
from ecr_tasks.tags import pep440
from ecr_tasks.tags.template import Template

Scheme = Literal["semver", "pep440"]

_MAX_SAFE = 9007199254740991
"""JavaScript's greatest whole number; node-semver takes no greater one."""


@dataclass(frozen=True)
class Version:
    """A version: what its parts are called in patterns, and what counts for `latest`.

    ``canonical`` is ``{{version}}``. A version that isn't ``final`` (a pre-release; of PEP 440 also a post- or
    development release) never gives less than its whole self. ``rank`` sorts within a scheme.
    """

    scheme: Scheme
    canonical: str
    parts: Mapping[str, str]
    final: bool
    prerelease: bool
    rank: Any
    whole: int
    """How many of major, minor and patch it takes to tell it from every other; 4 where they can't."""

    def render(self, pattern: Template) -> str:
        """The tag of a pattern; of a version that isn't final only ``{{version}}``, or ``{{raw}}`` if asked for."""
        if self.final or pattern.is_raw:
            return pattern.render(lambda expression: self.parts[expression.name])
        return self.canonical

    def is_told_by(self, pattern: Template) -> bool:
        """Whether the pattern's tag belongs to this version alone."""
        names = {expression.name for expression in pattern.expressions}
        return (
            not self.final
            or bool(names & {"version", "raw"})
            or (self.whole <= 3 and names >= {"major", "minor", "patch"})
        )


def parse(text: str, scheme: Scheme) -> Version | None:
    """The version of a text; None where it is none in that scheme."""
    return _semver(text) if scheme == "semver" else _pep440(text)


def _semver(text: str) -> Version | None:
    """As node-semver: strictly 2.0.0's grammar with or without ``v``; ``{{version}}`` has no build metadata."""
    found = SemVer.parse(text)
    if found is None or max(found.major, found.minor, found.patch) > _MAX_SAFE:
        return None
    canonical = str(found).partition("+")[0]
    parts = {
        "raw": text,
        "version": canonical,
        "major": str(found.major),
        "minor": str(found.minor),
        "patch": str(found.patch),
        "prerelease": ",".join(found.prerelease),
        "build": ",".join(found.build),
    }
    final = not found.is_prerelease
    return Version("semver", canonical, parts, final, not final, found.precedence, 3)


def _pep440(text: str) -> Version | None:
    found = pep440.Version.parse(text)
    if found is None:
        return None
    public, _, local = str(found).partition("+")
    # metadata-action's library joins a local version's parts with commas, and so their tag has a dash there.
    canonical = public + ("+" + local.replace(".", ",") if local else "")
    parts = {
        "raw": text,
        "version": canonical,
        "major": str(found.part(0)),
        "minor": str(found.part(1)),
        "patch": str(found.part(2)),
    }
    whole = 4 if found.epoch or found.local or len(found.release) > 3 else 3
    return Version("pep440", canonical, parts, found.is_final, found.is_prerelease, found.precedence, whole)
