"""Which images `rollback` could put back, so that `prune` leaves them: the newest earlier ones of each tag."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.registry import wildcard_matches
from ecr_tasks.model.release import ReleaseRecord
from ecr_tasks.plan.prune.rules import PruneRule
from ecr_tasks.plan.release_history import tag_entries

RELEASES = 10
"""How many earlier images of a tag stay where no rule ``type=keep,releases=…`` fits the tag."""


def earlier_releases(
    details: Collection[ImageDetail],
    records: Collection[ReleaseRecord],
    broken: Mapping[str, str],
    rules: Sequence[PruneRule],
) -> dict[str, str]:
    """Return by digest why an image stays for the sake of a rollback.

    ``records`` are those of this repository's tags; ``broken`` are the digests of records that can't be read: what
    they say is not known, so their image stays. Images that are gone don't count among the newest. A tag that
    ``type=gone`` is about has a branch's or change's name, and its earlier images are of no use without that.
    """
    there = {detail.digest: detail for detail in details}
    found = {
        str(there[record].subject): f"its record of a release can't be read: {reason}"
        for record, reason in broken.items()
        if record in there
    }
    current = {tag: detail.digest for detail in details for tag in detail.tags}
    by_tag: dict[str, list[ReleaseRecord]] = {}
    for record in records:
        for tag in record.release.was:
            by_tag.setdefault(tag, []).append(record)
    for tag, of_tag in by_tag.items():
        entries = tag_entries(tag, current.get(tag), of_tag) if (most := _most(tag, rules)) else ()
        earlier = [each.digest for each in entries if each.digest in there and each.digest != current.get(tag)]
        for digest in [*dict.fromkeys(earlier)][:most]:
            found.setdefault(digest, f"{tag} was on it, and `inv rollback {tag}` may put it back")
    return found


def _most(tag: str, rules: Sequence[PruneRule]) -> int:
    """Return how many earlier images of a tag stay: the most that a rule for it says."""
    fitting = [rule for rule in rules if wildcard_matches(rule.pattern, tag)]
    said = [rule.releases for rule in fitting if rule.releases is not None]
    if said:
        return max(said)
    return 0 if any(rule.type == "gone" for rule in fitting) else RELEASES
