"""Tests of plan/prune/releases: what `rollback` could put back stays, and no more than that."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.inventory import RELEASE, ImageDetail
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.release import Release, ReleaseRecord, TagPlace
from ecr_tasks.plan.prune.decide import decide
from ecr_tasks.plan.prune.protect import Facts
from ecr_tasks.plan.prune.releases import RELEASES, earlier_releases
from ecr_tasks.plan.release_history import TagHistory, earlier_image, tag_entries
from tests.plan.prune.inventories import NOW, days_ago, image, rules
from tests.support.build import digest

PLACE = TagPlace("123456789012", "eu-central-1", "team/app")
RULES = "type=tags,pattern=sha-*,older=30d;type=untagged,older=14d"


def promoted(moves: list[str], tag: str = "prod") -> tuple[list[ImageDetail], list[ReleaseRecord]]:
    """Return the images that a tag was moved to, the last one first in time, with their records, a day apart."""
    details: dict[str, ImageDetail] = {}
    records = []
    was: str | None = None
    for number, name in enumerate(moves):
        tags = (f"sha-{name}", *((tag,) if name == moves[-1] else ()))
        details[name] = image(name, *tags, days=300)
        pushed = days_ago(100 - number / 100)
        records.append(_record(name, was, tag, pushed, number))
        was = digest(name)
    return [*details.values(), *(_as_detail(record) for record in records)], records


def _record(name: str, was: str | None, tag: str, pushed: datetime, number: int) -> ReleaseRecord:
    release = Release(digest(name), PLACE, {tag: was}, str(number), "2026-11-01", 0.1)
    return ReleaseRecord(digest(f"record {number} {tag}"), pushed, release)


def _as_detail(record: ReleaseRecord) -> ImageDetail:
    return ImageDetail(
        record.digest, MANIFEST_MEDIA_TYPES[0], pushed=record.pushed, subject=record.release.digest,
        artifact_type=RELEASE, size=1,
    )  # fmt: skip


def left(details: list[ImageDetail], records: list[ReleaseRecord], text: str) -> set[str]:
    """Return the digests of what stays."""
    chosen = rules(text)
    facts = Facts(NOW, released=earlier_releases(details, records, {}, chosen))
    return {verdict.detail.digest for verdict in decide(details, chosen, facts).staying}


def test_the_newest_earlier_images_stay_by_default() -> None:
    names = [f"v{number}" for number in range(14)]
    details, records = promoted(names)
    stay = left(details, records, RULES)
    assert {name for name in names if digest(name) in stay} == set(names[-1 - RELEASES :])
    again = [detail for detail in details if detail.digest in stay]
    there = [record for record in records if record.digest in stay]
    assert left(again, there, RULES) == stay


@pytest.mark.parametrize(
    ("more", "stay"),
    [
        ("type=keep,releases=2", "CDE"),
        ("type=keep,releases=0", "E"),
        ("type=keep,pattern=pro*,releases=1;type=keep,releases=3", "BCDE"),
        ("type=keep,pattern=other,releases=1", "ABCDE"),  # prod has the default
        ("type=gone,pattern=pro*", "E"),
        ("type=gone,pattern=pro*;type=keep,pattern=prod,releases=1", "DE"),
    ],
)
def test_a_rule_says_how_many(more: str, stay: str) -> None:
    details, records = promoted([*"ABCDE"])
    found = left(details, records, f"{RULES};{more}")
    assert "".join(name for name in "ABCDE" if digest(name) in found) == stay


def test_an_image_whose_record_can_not_be_read_stays() -> None:
    details, records = promoted([*"ABC"])
    chosen = rules(f"{RULES};type=keep,releases=0")
    found = earlier_releases(details, records[1:], {records[0].digest: "its schema is not 1"}, chosen)
    assert found == {digest("A"): "its record of a release can't be read: its schema is not 1"}


def test_reading_a_record_is_no_pull_of_its_image() -> None:
    details, records = promoted([*"AB"])
    read = [
        ImageDetail(**{**detail.__dict__, "pulled": days_ago(1)}) if detail.kind == "release" else detail
        for detail in details
    ]
    assert digest("A") not in left(read, records, f"{RULES};type=keep,releases=0;type=keep,pulled=30d")


@given(st.lists(st.sampled_from("ABCDEF"), min_size=2, max_size=20), st.integers(1, 6))
def test_after_a_prune_every_number_that_is_promised_can_be_put_back(moves: list[str], most: int) -> None:
    moves = [name for number, name in enumerate(moves) if number == 0 or moves[number - 1] != name]
    details, records = promoted(moves)
    stay = left(details, records, f"{RULES};type=keep,releases={most}")
    there = {detail.digest: detail for detail in details if detail.digest in stay}
    entries = tag_entries("prod", digest(moves[-1]), [record for record in records if record.digest in stay])
    repository = Repository("team/app", PLACE.account, "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app")
    history = TagHistory(repository, "prod", digest(moves[-1]), entries, there)
    for number in range(1, min(most, len(moves) - 1) + 1):
        wanted = moves[-1 - number]
        if wanted != moves[-1]:
            assert earlier_image(history, str(number)).digest == digest(wanted)
