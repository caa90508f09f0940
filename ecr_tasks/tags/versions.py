"""Versions as ``type=semver`` and ``type=pep440`` use them, behind one interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ecr_tasks.source.semver import MAX_LENGTH
from ecr_tasks.source.semver import Version as SemVer
from ecr_tasks.tags.template import Template

Scheme = Literal["semver", "pep440"]

_MAX_SAFE = 9007199254740991
"""JavaScript's greatest whole number; node-semver takes no greater one."""


@dataclass(frozen=True)
class Version:
    """A version: the values of its parts in patterns, and what counts for `latest`.

    ``canonical`` is ``{{version}}``. A version that isn't ``final`` (a pre-release; of PEP 440 also a post- or
    development release) never gives less than all of itself. ``rank`` sorts within a scheme.
    """

    scheme: Scheme
    canonical: str
    parts: Mapping[str, str]
    final: bool
    prerelease: bool
    rank: Any
    has_three_numbers: bool
    """Whether major, minor and patch distinguish it from every other final version."""

    def render(self, pattern: Template) -> str:
        """Return the tag of a pattern; a version that isn't final gives all of itself, or ``{{raw}}``."""
        if self.final or pattern.is_raw:
            return pattern.render(lambda expression: self.parts[expression.name])
        return self.canonical

    def is_unique_in(self, pattern: Template) -> bool:
        """Return whether the pattern's tag belongs to this version alone."""
        names = {expression.name for expression in pattern.expressions}
        if not self.final or names & {"version", "raw"}:
            return True
        return self.has_three_numbers and names >= {"major", "minor", "patch"}


def parse_version(text: str, scheme: Scheme) -> Version | None:
    """Return the version of a text, or None where it is none in that scheme."""
    return _semver(text) if scheme == "semver" else _pep440(text)


def _semver(text: str) -> Version | None:
    """Read as node-semver does: 2.0.0's grammar with or without ``v``; ``{{version}}`` has no build metadata."""
    version = SemVer.parse(text)
    if version is None or max(version.major, version.minor, version.patch) > _MAX_SAFE:
        return None
    canonical = str(version).partition("+")[0]
    parts = {
        "raw": text,
        "version": canonical,
        "major": str(version.major),
        "minor": str(version.minor),
        "patch": str(version.patch),
        "prerelease": ",".join(version.prerelease),
        "build": ",".join(version.build),
    }
    final = not version.prerelease
    return Version("semver", canonical, parts, final, not final, version.precedence, has_three_numbers=True)


def _pep440(text: str) -> Version | None:
    """Read as PEP 440's appendix B has it; ``packaging`` would also take white space around it."""
    from packaging.version import InvalidVersion
    from packaging.version import Version as PythonVersion

    if len(text) > MAX_LENGTH or not text.isascii() or text != text.strip():
        return None
    try:
        version = PythonVersion(text)
    except InvalidVersion:
        return None
    # metadata-action's library joins a local version's parts with commas, and so their tag has a dash there.
    canonical = version.public + ("+" + version.local.replace(".", ",") if version.local else "")
    parts = {
        "raw": text,
        "version": canonical,
        "major": str(version.major),
        "minor": str(version.minor),
        "patch": str(version.micro),
    }
    final = not (version.is_prerelease or version.is_postrelease)
    has_three_numbers = not (version.epoch or version.local or len(version.release) > 3)
    # Versions that differ in their local part alone are one release.
    rank = PythonVersion(version.public)
    return Version("pep440", canonical, parts, final, version.is_prerelease, rank, has_three_numbers)
