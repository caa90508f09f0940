"""Versions for ``type=semver`` and ``type=pep440``, with one interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.source.semver import MAX_LENGTH
from ecr_tasks.source.semver import Version as SemVer
from ecr_tasks.tags.template import Template

Scheme = Literal["semver", "pep440"]

_MAX_SAFE_INTEGER = 9007199254740991
"""JavaScript's Number.MAX_SAFE_INTEGER; node-semver accepts no greater number."""


@dataclass(frozen=True)
class Version:
    """A version with the values of its parts for patterns, and its order for `latest`.

    ``canonical`` is the value of ``{{version}}``. ``final`` is False for a pre-release, and in PEP 440 also for a
    post-release or development release: their tags always have the whole version. ``rank`` orders the versions of one
    scheme.
    """

    scheme: Scheme
    canonical: str
    parts: Mapping[str, str]
    final: bool
    prerelease: bool
    rank: Any
    has_unique_numbers: bool
    """Whether no other final version has the same major, minor and patch numbers."""

    def render(self, pattern: Template) -> str:
        """Return the tag of a pattern: for a version that isn't final always ``{{version}}`` or ``{{raw}}``."""
        if self.final or pattern.is_raw:
            return pattern.render(lambda expression: self.parts[expression.name])
        return self.canonical

    def is_unique_in(self, pattern: Template) -> bool:
        """Return whether no other version has the same tag for this pattern."""
        names = {expression.name for expression in pattern.expressions}
        if not self.final or names & {"version", "raw"}:
            return True
        return self.has_unique_numbers and names >= {"major", "minor", "patch"}


def parse_version(text: str, scheme: Scheme) -> Version | None:
    """Parse a version. Return None when the text is not a version of that scheme."""
    return _semver(text) if scheme == "semver" else _pep440(text)


def _semver(text: str) -> Version | None:
    """Parse as node-semver does: SemVer 2.0.0, with or without ``v``. ``{{version}}`` has no build metadata."""
    version = SemVer.parse(text)
    if version is None or max(version.major, version.minor, version.patch) > _MAX_SAFE_INTEGER:
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
    return Version("semver", canonical, parts, final, not final, version.precedence, has_unique_numbers=True)


def _pep440(text: str) -> Version | None:
    """Parse with the regular expression of PEP 440's appendix B; ``packaging`` would also accept white space."""
    from packaging.version import InvalidVersion
    from packaging.version import Version as PythonVersion

    if len(text) > MAX_LENGTH or not text.isascii() or text != text.strip():
        return None
    try:
        version = PythonVersion(text)
    except InvalidVersion:
        return None
    # The library of metadata-action joins a local version's parts with commas, which become dashes in the tag.
    canonical = version.public + ("+" + version.local.replace(".", ",") if version.local else "")
    parts = {
        "raw": text,
        "version": canonical,
        "major": str(version.major),
        "minor": str(version.minor),
        "patch": str(version.micro),
    }
    final = not (version.is_prerelease or version.is_postrelease)
    has_unique_numbers = not (version.epoch or version.local or len(version.release) > 3)
    # Versions that differ only in their local part are the same release.
    rank = PythonVersion(version.public)
    return Version("pep440", canonical, parts, final, version.is_prerelease, rank, has_unique_numbers)
