"""The `images` task: show the images in the repositories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import document, human_size, say, table
from ecr_tasks.model.manifest import INPUTS_TAG, short_digest, short_tag
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_tasks.model.inventory import Kind, ListedImage, ScanSummary

PARALLEL = 4
"""The number of repositories that are read in parallel; each may also read its indexes in parallel."""

_TAGS_SHOWN = 4
_HEAD = ("  tags", "digest", "platforms", "size", "pushed", "last pulled", "scan", "with")
_UNITS = (("year", 365 * 86400), ("month", 30 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60))
_SHOWN_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_DONE = ("COMPLETE", "ACTIVE")
"""The states of a finished scan: COMPLETE in basic, ACTIVE in enhanced scanning (API model, ScanStatus)."""


@task(help={"json": "one JSON document on stdout"}, shows_without_registry=True)
def images(run: Run, json: bool = False) -> None:
    """Show what the repository holds: tags, digest, platforms, size, age, pulls, scan."""
    from datetime import datetime, timezone

    from ecr_tasks.clients.parallel import map_parallel
    from ecr_tasks.runner.images import planned_repositories

    repositories = planned_repositories(run)
    names = list(dict.fromkeys(repositories.values()))
    run.registry.connect()
    inventories = dict(zip(names, map_parallel(run.registry.inventory, names, PARALLEL, run.retrier), strict=True))
    if json:
        entries = [
            {"name": name, "repository": repository, "images": [as_json(item) for item in inventories[repository]]}
            for name, repository in repositories.items()
        ]
        document({"repositories": entries})
        return
    now = datetime.now(timezone.utc)
    for name in names:
        show_repository(name, inventories[name], now)


def show_repository(name: str, inventory: Sequence[ListedImage], now: datetime) -> None:
    """Show one repository's table on stderr, newest image first; ages are counted up to ``now``."""
    if not inventory:
        say(f"{name}: empty")
        return
    kinds = Counter(item.kind for item in inventory)
    say(f"{name}: {', '.join(_count(kind, number) for kind, number in kinds.items())}")
    table(_HEAD, [_row(item, now) for item in inventory])


def as_json(item: ListedImage) -> dict[str, Any]:
    """Return an image with its platforms, attestations, referrers; sizes in compressed bytes, times in ISO 8601."""
    detail = item.detail
    return {
        "digest": detail.digest,
        "kind": item.kind,
        "tags": list(detail.tags),
        "media_type": detail.media_type,
        "artifact_type": detail.artifact_type,
        "subject": detail.belongs_to,
        "status": detail.status.lower(),
        "size": item.size,
        "pushed": _time(detail.pushed),
        "last_pulled": _time(item.pulled),
        "scan": _scan_json(item.scan),
        "platforms": [
            {"platform": part.name, "digest": part.digest, "size": part.size, "scan": _scan_json(part.scan)}
            for part in item.platforms
        ],
        "attestations": list(item.attestations),
        "referrers": [
            {
                "digest": referrer.detail.digest,
                "kind": referrer.kind,
                "artifact_type": referrer.detail.artifact_type,
                "tags": list(referrer.detail.tags),
                "subject": referrer.detail.belongs_to,
                "size": referrer.detail.size,
            }
            for referrer in item.referrers
        ],
    }


def age(then: datetime | None, now: datetime) -> str:
    """Return how long ago a time was, in the largest unit that fits; ``-`` for None."""
    if then is None:
        return "-"
    seconds = (now - then).total_seconds()
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{_plural(unit, int(seconds // length))} ago"
    return "just now"


def scan_text(scan: ScanSummary | None) -> str:
    """Return the number of findings of each severity, or the state of an unfinished scan."""
    if scan is None:
        return "-"
    state = scan.status.lower().replace("_", " ")
    counts = [f"{scan.severities[name]} {name.lower()}" for name in _SHOWN_SEVERITIES if scan.severities.get(name)]
    others = sum(number for name, number in scan.severities.items() if name not in _SHOWN_SEVERITIES)
    counts += [f"{others} other"] if others else []
    findings = ", ".join(counts)
    if scan.status in _DONE:
        return findings or "no findings"
    return f"{state}: {findings}" if findings else state


def _row(item: ListedImage, now: datetime) -> tuple[str, ...]:
    platforms = ", ".join(platform.name for platform in item.platforms)
    return (
        f"  {_tags(item.detail.tags)}",
        short_digest(item.detail.digest),
        (platforms or "-") if item.kind == "image" else item.kind,
        human_size(item.size) if item.size is not None else "-",
        age(item.detail.pushed, now),
        age(item.pulled, now),
        scan_text(item.scan),
        _attached(item),
    )


def _tags(tags: Sequence[str]) -> str:
    if not tags:
        return "(untagged)"
    shown = sorted(map(short_tag, tags), key=lambda tag: tag.startswith(INPUTS_TAG))
    more = len(tags) - _TAGS_SHOWN
    return ", ".join(shown[:_TAGS_SHOWN]) + (f" +{more}" if more > 0 else "")


def _attached(item: ListedImage) -> str:
    kinds: Counter[Kind] = Counter({"attestation": len(item.attestations)} if item.attestations else {})
    kinds.update(referrer.kind for referrer in item.referrers if referrer.kind != "referrers")
    words = [_count(kind, number) for kind, number in kinds.items()]
    if item.detail.status != "ACTIVE":
        words.append(item.detail.status.lower())
    return ", ".join(words)


def _count(kind: Kind, number: int) -> str:
    words = {"cache": "cache image", "sbom": "SBOM", "referrers": "list of referrers"}
    return _plural(words.get(kind, kind), number)


def _plural(word: str, number: int) -> str:
    if number == 1:
        return f"1 {word}"
    return f"{number} lists of referrers" if word == "list of referrers" else f"{number} {word}s"


def _scan_json(scan: ScanSummary | None) -> dict[str, Any] | None:
    return {"status": scan.status, "severities": dict(scan.severities)} if scan else None


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
