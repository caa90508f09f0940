"""Find the build caches that buildx could not read or write, and left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ecr_tasks.model.ecr_host import parse_ecr_host

_CACHE = r"importing cache manifest from (?P<source>\S+)|exporting cache to \S+(?: \S+)*"
_SUMMARY = rf" > (?P<step>{_CACHE}):\s*"
"""buildx's last lines name each step that failed, on a terminal and elsewhere."""

_STEP = rf"#(?P<number>\d+) (?P<step>{_CACHE})\s*"
_ERROR = r"#(?P<number>\d+) ERROR: (?P<reason>.+)"
_MISSING = r"The repository with name '(?P<name>[^']+)' does not exist"
_PREFIX = r"^(?:failed to configure registry cache importer|error writing \w+ blob): "


def lost_caches(lines: Sequence[str]) -> list[str]:
    """Return a sentence for each cache that was left out, by buildx's last lines.

    A cache that doesn't exist yet is none: the first build writes it. On a terminal buildx does not say the reason.
    """
    reasons = _reasons(lines)
    sentences = []
    for match in filter(None, (re.fullmatch(_SUMMARY, line) for line in lines)):
        source, reason = match["source"], reasons.get(match["step"])
        if source and reason and reason.endswith("not found"):
            continue
        what = f"the build cache {source} was not read" if source else "the build cache was not written"
        if missing := re.search(_MISSING, reason or ""):
            name = missing["name"]
            command = f"aws ecr create-repository{_region(reason)} --repository-name {name}"
            sentences.append(f"{what}: there is no repository {name}; create it with tags that may move ({command})")
        elif reason is None:
            sentences.append(f"{what}: it may not be there, or may not be used with these credentials")
        else:
            sentences.append(f"{what}: {reason}")
    return list(dict.fromkeys(sentences))


def _region(reason: str | None) -> str:
    """Return the option that names the region of the ECR host in a reason."""
    match = re.search(r"https?://([^/\s]+)/", reason or "")
    place = parse_ecr_host(match[1]) if match else None
    return f" --region {place.region}" if place else ""


def _reasons(lines: Sequence[str]) -> dict[str, str]:
    """Return the error of each step with a cache, by the step's name in buildx's plain progress."""
    steps: dict[str, str] = {}
    reasons: dict[str, str] = {}
    remaining = iter(lines)
    for line in remaining:
        if step := re.fullmatch(_STEP, line):
            steps[step["number"]] = step["step"]
        elif (error := re.fullmatch(_ERROR, line)) and error["number"] in steps:
            text = " ".join([error["reason"], *_continued(remaining)])
            reasons[steps[error["number"]]] = re.sub(_PREFIX, "", text).rstrip(".")
    return reasons


def _continued(remaining: Iterator[str]) -> Iterator[str]:
    """Yield the further lines of an error, which end at an empty line or a rule."""
    for line in remaining:
        if not line.strip() or line.startswith("---"):
            return
        yield line.strip()
