"""Read what a tag was from the records in a repository: one listing, then the newest records until they suffice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.ports import Artifacts, Target
from ecr_tasks.model.refusals import missing_repository
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.release import ReleaseRecord, TagPlace, may_be_record, parse_record
from ecr_tasks.plan.release_history import TagHistory, tag_entries

BATCH = 100
"""How many records are read at a time: as many as one call returns."""

_SPARE = 8
"""How many records more than wanted are read, because those of runs at one time may change places."""


def read_history(registry: Target, name: str, tag: str, most: int) -> TagHistory:
    """Return the newest ``most`` images that a tag of a repository was on.

    Raises RegistryError for a missing repository.
    """
    repository = registry.describe({name: ()})[name].repository
    if repository is None:
        raise missing_repository(name)
    return histories_in(registry, repository, (tag,), most)[tag]


def histories_in(registry: Target, repository: Repository, tags: Sequence[str], most: int) -> dict[str, TagHistory]:
    """Return by tag the newest ``most`` images that these tags of a repository were on.

    The calls are DescribeImages for each thousand manifests, and BatchGetImage for each hundred records that were not
    read before. Records belong to the images that they are about, so they are found whether or not an image still has
    the tag, and are gone with the image.
    """
    name = repository.name
    details = registry.details(name)
    candidates = possible_records(details)
    place = TagPlace(repository.account, registry.region(), name)
    own: dict[str, list[ReleaseRecord]] = {tag: [] for tag in tags}
    elsewhere: dict[str, list[ReleaseRecord]] = {tag: [] for tag in tags}
    broken: dict[str, str] = {}
    start = 0
    while start < len(candidates) and any(len(records) < most + _SPARE for records in own.values()):
        batch = candidates[start : start + BATCH]
        start += BATCH
        records, unreadable = read_records(registry.artifacts, name, batch)
        broken |= unreadable
        for record in records:
            for tag in own.keys() & record.release.was:
                (own if record.release.place == place else elsewhere)[tag].append(record)

    def history(tag: str) -> TagHistory:
        current = next((detail.digest for detail in details if tag in detail.tags), None)
        entries = tag_entries(tag, current, own[tag])
        is_complete = start >= len(candidates) and len(entries) <= most
        entries = entries[:most]
        shown = {entry.digest for entry in entries}
        images = {detail.digest: detail for detail in details if detail.digest in shown}
        return TagHistory(repository, tag, current, entries, images, tuple(elsewhere[tag]), broken, is_complete)

    return {tag: history(tag) for tag in tags}


def possible_records(details: Iterable[ImageDetail]) -> list[ImageDetail]:
    """Return those manifests of a repository that can be records and can be read, the newest first."""
    found = [item for item in details if may_be_record(item) and item.status == "ACTIVE" and item.pushed is not None]
    return sorted(found, key=lambda item: (item.pushed, item.digest), reverse=True)


def read_records(
    artifacts: Artifacts, name: str, details: Sequence[ImageDetail]
) -> tuple[list[ReleaseRecord], dict[str, str]]:
    """Return the records among these manifests of a repository, and by digest why some can't be read."""
    texts = artifacts.manifests(name, [detail.digest for detail in details]) if details else {}
    records: list[ReleaseRecord] = []
    broken: dict[str, str] = {}
    for detail in details:
        if detail.digest not in texts:  # deleted meanwhile
            continue
        try:
            record = parse_record(detail, texts[detail.digest])
        except ValueError as error:
            broken[detail.digest] = str(error)
            continue
        if record is not None:
            records.append(record)
    return records, broken
