"""The releases that `latest`, `1` and `1.2` stand for: such a tag moves to higher releases only.

metadata-action moves `latest` with every release, even to a patch of an older line (docker/metadata-action#80, #326).
Here `latest` doesn't move if git knows a higher release; in the same way, `1` and `1.2` don't move if git knows a
higher release of their line. Pre-releases are ignored, and so are tags that are no versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ecr_tasks.frozen import dataclass
from ecr_tasks.tags.template import Template
from ecr_tasks.tags.versions import Version, parse_version


@dataclass(frozen=True)
class LatestRelease:
    """The release that a tag such as `latest` or `1.2` must point to; it implements model.tag.Release.

    ``line`` is the pattern that the releases of one line share, such as ``{{major}}.{{minor}}``; None for `latest`,
    which stands for all releases.
    """

    version: Version
    line: Template | None = None

    @property
    def canonical(self) -> str:
        """Return the version without a leading ``v`` and without build metadata."""
        return self.version.canonical

    @property
    def tag(self) -> str:
        """Return the release's own, fixed tag."""
        return self.version.parts["raw"]

    def higher(self, names: Iterable[str]) -> LatestRelease | None:
        """Return the highest of the named releases that is in this line and higher than this release, or None."""
        highest = self.version
        for name in names:
            version = parse_version(name, self.version.scheme)
            if version and not version.prerelease and version.rank > highest.rank and self._in_line(version):
                highest = version
        return None if highest is self.version else replace(self, version=highest)

    def _in_line(self, version: Version) -> bool:
        return self.line is None or version.render(self.line) == self.version.render(self.line)


def version_of(text: str | None) -> Version | None:
    """Return the version that a git tag names, as semver or else PEP 440; None if it names no version."""
    if not text:
        return None
    return parse_version(text, "semver") or parse_version(text, "pep440")
