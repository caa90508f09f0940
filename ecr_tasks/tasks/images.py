"""The `images` task: show the images in the repositories."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Meaning, Styled, Text, document, result_table, say, working
from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_tasks.model.inventory import Kind, ListedImage, ScanSummary
    from ecr_tasks.runner.run import Run

PARALLEL = 4
"""The number of repositories that are read in parallel; each may also read its indexes in parallel."""

SCANS = 100
"""How many scans one run reads; each is a call."""

_COLUMNS = (
    Column("*", meaning="good"),
    Column("repository", meaning="strong", least=12),
    Column("tags", least=20),
    Column("digest", 7, meaning="id", cut=12),
    Column("platforms", 3),
    Column("size", 4, right=True),
    Column("pushed", 6),
    Column("last pulled", 2),
    Column("scan", 5),
    Column("with", 1),
)
_UNITS = (
    ("year", "years", 365 * 86400),
    ("month", "months", 30 * 86400),
    ("day", "days", 86400),
    ("h", "h", 3600),
    ("min", "min", 60),
)
_SHOWN_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_DONE = ("COMPLETE", "ACTIVE")
"""The states of a finished scan: COMPLETE in basic, ACTIVE in enhanced scanning (API model, ScanStatus)."""


@task(
    iterable=["image"],
    help={
        "image": IMAGES,
        "filter": "only images with a tag that this pattern matches, such as '1.*'",
        "limit": "no more than this many of each repository, the newest",
        "platforms": "read the platforms that this machine doesn't know, which ECR counts as a pull",
        "json": "one JSON document on stdout",
        "open": "open the AWS console's page of them, or the local ECR's; print its address where no browser is",
    },
    shows_without_registry=True,
)
def images(
    run: Run,
    filter: str | None = None,  # noqa: A002
    limit: str | None = None,
    platforms: bool = False,
    json: bool = False,
    open: bool = False,  # noqa: A002
    image: list[str] | None = None,
) -> None:
    """Show what the repositories hold.

    Tags, digest, platforms, size, age, last pull and scan of each image; * is
    this commit's.
    """
    from datetime import datetime, timezone

    from ecr_tasks.clients.parallel import map_parallel
    from ecr_tasks.runner.images import planned_repositories

    most = parse_limit(limit)
    repositories = planned_repositories(run, image or ())
    names = list(dict.fromkeys(repositories.values()))
    if open:
        from ecr_tasks.tasks.repository_page import open_repositories

        if json or filter is not None or limit is not None or platforms:
            raise SettingsError("--open shows a page, and no list.", "Leave out --open, or the other flags.")
        open_repositories(run, names)
        return
    registry = run.registry
    with working("listing the images"):
        registry.connect()
        read = map_parallel(lambda name: registry.inventory(name, read=platforms), names, PARALLEL, run.retrier)
    found = dict(zip(names, read, strict=True))
    inventories = {name: chosen(inventory, filter, most) for name, inventory in found.items()}
    if json:
        inventories = _with_scans(run, inventories)
        entries = [
            {"name": name, "repository": repository, "images": [as_json(item) for item in inventories[repository]]}
            for name, repository in repositories.items()
        ]
        document({"repositories": entries})
        return
    whole = {name: [item for item in inventory if item.kind != "part"] for name, inventory in found.items()}
    inventories = {name: chosen(inventory, filter, most) for name, inventory in whole.items()}
    for name in names:
        say(_summary(name, whole[name], inventories[name]))
    inventories = _with_scans(run, inventories)
    unread = sum(item.unread for inventory in inventories.values() for item in inventory)
    show_images(inventories, datetime.now(timezone.utc), _tag_of_commit(run))
    if unread:
        say(
            f"This machine doesn't know the platforms of {_plural('image', unread)}: "
            "`inv images --platforms` reads them, which ECR counts as a pull."
        )


def _with_scans(run: Run, inventories: Mapping[str, list[ListedImage]]) -> dict[str, list[ListedImage]]:
    """Return the images with their scans, for which ECR wants a call each: those of the newest, as many as SCANS."""
    from ecr_tasks.model.inventory import unknown_scans, with_scans

    left, unasked = SCANS, 0
    result: dict[str, list[ListedImage]] = {}
    with working("reading the scans"):
        for name, inventory in inventories.items():
            digests = unknown_scans(inventory)
            unasked += len(digests[left:])
            scans = run.registry.scan_summaries(name, digests[:left]) if digests[:left] else {}
            if scans is None:
                say(f"Not all scans of {name} are shown, as these credentials lack ecr:DescribeImageScanFindings.")
                scans = {}
            left -= len(digests[:left])
            result[name] = [with_scans(item, scans) for item in inventory]
    if unasked and run.settings.public_alias is None:
        say(f"ECR was asked for {SCANS} scans, not for {unasked} more: --filter or --limit show fewer images.")
    return result


def show_images(inventories: Mapping[str, Sequence[ListedImage]], now: datetime, tag: str | None = None) -> None:
    """Show the images of repositories in one table, newest first; ages are counted up to ``now``.

    The commit's image is marked: it has the commit's fixed ``tag``, or that with the number of a revision.
    """
    rows: list[tuple[Text, ...]] = []
    # What all names begin with is no news in each row: the lines above the table have them complete.
    common = os.path.commonpath([name.rpartition("/")[0] for name in inventories]) if len(inventories) > 1 else ""
    shared = len(common) + 1 if common else 0
    for name, inventory in inventories.items():
        for number, item in enumerate(inventory):
            mark = "*" if tag and any(is_tag_of(tag, other) for other in item.detail.tags) else ""
            rows.append((mark, Styled(name, short=name[shared:] if number == 0 else ""), *_row(item, now)))
    if not rows:
        return
    several = len(inventories) > 1
    shown = [index for index, column in enumerate(_COLUMNS) if several or column.head != "repository"]
    result_table([_COLUMNS[index] for index in shown], [[row[index] for index in shown] for row in rows])
    if any(row[0] for row in rows):
        say(Styled("* is this commit's image", "dim"))


def chosen(inventory: Sequence[ListedImage], pattern: str | None, most: int | None) -> list[ListedImage]:
    """Return those images that have a tag which matches a shell's pattern, the first ``most`` of them."""
    from fnmatch import fnmatchcase

    matching = [
        item for item in inventory if pattern is None or any(fnmatchcase(tag, pattern) for tag in item.detail.tags)
    ]
    return matching[:most]


def parse_limit(text: str | None) -> int | None:
    """Return the number of --limit, None without one. Raises SettingsError for anything but a number from 1 on."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise SettingsError(f"--limit {text[:100]} is no number from 1 on.", "Write one, such as --limit 10.")
    return int(text[:9])


def is_tag_of(fixed: str, tag: str) -> bool:
    """Return whether a tag is a commit's fixed tag, or that of one of its revisions (``-r2``)."""
    from ecr_tasks.model.image import REVISIONS, revision_name

    return tag == fixed or tag in (revision_name(fixed, number) for number in REVISIONS)


def _tag_of_commit(run: Run) -> str | None:
    """Return this commit's fixed tag; None where there is none, or where git or the tag rules have an error."""
    from ecr_tasks.runner.images import seen_source
    from ecr_tasks.tags.from_settings import tag_set

    with suppress(EcrTasksError):
        tag = tag_set(run.settings, seen_source(run), os.environ, title=run.settings.repository).publishing
        return tag.name if tag is not None and tag.kind == "fixed" else None
    return None


def _summary(name: str, inventory: Sequence[ListedImage], shown: Sequence[ListedImage]) -> str:
    """Return a line about what a repository holds, and how much of it is shown."""
    if not inventory:
        return f"{name}: empty"
    kinds = Counter(item.kind for item in inventory)
    counts = ", ".join(_count(kind, number) for kind, number in kinds.items())
    return f"{name}: {counts}" + (f" ({len(shown)} shown)" if len(shown) < len(inventory) else "")


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
        "platform": item.platform,
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


def age(then: datetime, now: datetime) -> str:
    """Return how long ago a time was, in the largest unit that fits."""
    seconds = (now - then).total_seconds()
    for one, several, length in _UNITS:
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {one if number == 1 else several} ago"
    return "just now"


def scan_text(scan: ScanSummary) -> str:
    """Return the number of findings of each severity, or the state of an unfinished scan."""
    state = scan.status.lower().replace("_", " ")
    counts = [f"{scan.severities[name]} {name.lower()}" for name in _SHOWN_SEVERITIES if scan.severities.get(name)]
    others = sum(number for name, number in scan.severities.items() if name not in _SHOWN_SEVERITIES)
    counts += [f"{others} other"] if others else []
    findings = ", ".join(counts)
    if scan.status in _DONE:
        return findings or "no findings"
    return f"{state}: {findings}" if findings else state


def _row(item: ListedImage, now: datetime) -> tuple[Text, ...]:
    from ecr_tasks.model.wording import human_size

    platforms = [platform.name for platform in item.platforms] or [item.platform or ("?" if item.unread else "")]
    return (
        _tags(item.detail.tags),
        item.detail.digest,
        Styled(",".join(platforms), short=", ".join(platforms)) if item.kind == "image" else Styled(item.kind, "dim"),
        Styled(str(item.size), short=human_size(item.size)) if item.size is not None else "",
        _when(item.detail.pushed, now),
        _when(item.pulled, now),
        _scan(item.scan),
        _attached(item),
    )


def _when(time: datetime | None, now: datetime) -> Text:
    return Styled(time.isoformat(), short=age(time, now)) if time else ""


def _scan(scan: ScanSummary | None) -> Text:
    if scan is None:
        return ""
    worst = next((name for name in _SHOWN_SEVERITIES if scan.severities.get(name)), None)
    meanings: dict[str | None, Meaning] = {"CRITICAL": "bad", "HIGH": "bad", "MEDIUM": "warning"}
    clean: Meaning | None = "good" if scan.status in _DONE and worst is None else None
    return Styled(scan_text(scan), meanings.get(worst, clean))


def _tags(tags: Sequence[str]) -> Text:
    if not tags:
        return Styled("", "dim", short="(untagged)")
    from ecr_tasks.model.manifest import INPUTS_TAG, short_tags

    ordered = sorted(tags, key=lambda tag: tag.startswith(INPUTS_TAG))
    return Styled(",".join(ordered), short=short_tags(ordered))


def _attached(item: ListedImage) -> str:
    kinds: Counter[Kind] = Counter({"attestation": len(item.attestations)} if item.attestations else {})
    kinds.update(referrer.kind for referrer in item.referrers if referrer.kind != "referrers")
    words = [_count(kind, number) for kind, number in kinds.items()]
    if item.detail.status != "ACTIVE":
        words.append(item.detail.status.lower())
    return ", ".join(words)


def _count(kind: Kind, number: int) -> str:
    words = {"cache": "cache image", "sbom": "SBOM", "release": "release record", "referrers": "list of referrers"}
    return _plural(words.get(kind, kind), number)


def _plural(word: str, number: int) -> str:
    if number == 1:
        return f"1 {word}"
    return f"{number} lists of referrers" if word == "list of referrers" else f"{number} {word}s"


def _scan_json(scan: ScanSummary | None) -> dict[str, Any] | None:
    return {"status": scan.status, "severities": dict(scan.severities)} if scan else None


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
