"""Whether a tag that stands for the highest release may move to this one: it only moves forward.

metadata-action moves `latest` with every release, so that a patch of an older line steals it
(docker/metadata-action#80, #326). Here it stays where git knows a higher release; the same goes for `1` and
`1.2` among the releases that they stand for. Pre-releases don't count, and a tag that is no version has no rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.template import Template
from ecr_tasks.tags.versions import Scheme, Version, parse


@dataclass(frozen=True)
class Forward:
    """What a tag that only moves forward stands for: a version, among all releases or those of a line.

    ``line`` is the pattern that gave the tag, such as ``{{major}}.{{minor}}``; None for `latest`.
    """

    version: Version
    line: Template | None = None

    def higher(self, names: Iterable[str]) -> str | None:
        """The highest of these releases that the tag belongs to rather than to this one, or None."""
        return _highest_above(self.version, names, self._in_line)

    @property
    def canonical(self) -> str:
        """The version as people read it."""
        return self.version.canonical

    @property
    def tag(self) -> str:
        """The release's own, fixed tag."""
        return self.version.parts["raw"]

    def above(self, names: Iterable[str]) -> Forward | None:
        """Return the highest of these releases as what the tag should stand for, or None."""
        higher = self.higher(names)
        version = parse(higher, self.version.scheme) if higher else None
        return replace(self, version=version) if version else None

    def _in_line(self, other: Version) -> bool:
        return self.line is None or other.render(self.line) == self.version.render(self.line)


def version_of(text: str | None) -> Version | None:
    """The version that a git tag is, in whichever scheme; None where it is none."""
    if not text:
        return None
    return parse(text, "semver") or parse(text, "pep440")


def higher_release(
    version: Version, source: SourceState, stands_for: Callable[[Version], bool] = lambda _: True
) -> str | None:
    """The highest of git's release tags that is higher than this version, or None: then it may move here.

    ``stands_for`` says which other versions the tag would stand for as well.
    """
    return _highest_above(version, source.release_tags, stands_for)


def _highest_above(version: Version, names: Iterable[str], stands_for: Callable[[Version], bool]) -> str | None:
    found: tuple[Version, str] | None = None
    for name in names:
        other = _release(name, version.scheme)
        if other is None or not other.rank > version.rank or not stands_for(other):
            continue
        if found is None or other.rank > found[0].rank:
            found = (other, name)
    return found[1] if found else None


def _release(name: str, scheme: Scheme) -> Version | None:
    version = parse(name, scheme)
    return None if version is None or version.prerelease else version
