"""Whether a tag that stands for the highest release may move to this one: it only moves forward.

metadata-action moves `latest` with every release, so that a patch of an older line steals it
(docker/metadata-action#80, #326). Here it stays where git knows a higher release; the same goes for `1` and
`1.2` among the releases that they stand for. Pre-releases don't count, and a tag that is no version has no rank.
"""

from __future__ import annotations

from collections.abc import Callable

from ecr_tasks.source import SourceState
from ecr_tasks.tagging.versions import Scheme, Version, parse


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
    found: tuple[Version, str] | None = None
    for name in source.release_tags:
        other = _release(name, version.scheme)
        if other is None or not other.rank > version.rank or not stands_for(other):
            continue
        if found is None or other.rank > found[0].rank:
            found = (other, name)
    return found[1] if found else None


def _release(name: str, scheme: Scheme) -> Version | None:
    version = parse(name, scheme)
    return None if version is None or version.prerelease else version
