"""The releases that `latest`, `1` and `1.2` stand for: such a tag moves to a higher release only.

metadata-action moves `latest` with every release, so that a patch of an older line takes it
(docker/metadata-action#80, #326). Here it stays where git knows a higher release; the same goes for `1` and
`1.2` among the releases of their lines. Pre-releases don't count, and a tag that is no version has no rank.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ecr_tasks.tags.template import Template
from ecr_tasks.tags.versions import Version, parse_version


@dataclass(frozen=True)
class LatestRelease:
    """The release that a tag such as `latest` or `1.2` is to be on, as model.tag.Release has it.

    ``line`` is the pattern that the releases of one line share, such as ``{{major}}.{{minor}}``; None for `latest`,
    which stands for all releases.
    """

    version: Version
    line: Template | None = None

    @property
    def canonical(self) -> str:
        """Return the version without a leading ``v`` and build metadata."""
        return self.version.canonical

    @property
    def tag(self) -> str:
        """Return the release's own, fixed tag."""
        return self.version.parts["raw"]

    def higher(self, names: Iterable[str]) -> LatestRelease | None:
        """Return the highest of these releases that is higher than this one and of its line, or None."""
        highest = self.version
        for name in names:
            version = parse_version(name, self.version.scheme)
            if version and not version.prerelease and version.rank > highest.rank and self._in_line(version):
                highest = version
        return None if highest is self.version else replace(self, version=highest)

    def _in_line(self, version: Version) -> bool:
        return self.line is None or version.render(self.line) == self.version.render(self.line)


def version_of(text: str | None) -> Version | None:
    """Return the version that a git tag is, in whichever scheme; None where it is none."""
    if not text:
        return None
    return parse_version(text, "semver") or parse_version(text, "pep440")
