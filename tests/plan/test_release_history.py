"""What a tag was, from records: order, races, gaps; and which image a rollback puts back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import EcrTasksError, ExitCode
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.release import Release, ReleaseRecord, TagPlace
from ecr_tasks.plan.release_history import Entry, TagHistory, earlier_image, last_promoted, tag_entries

PLACE = TagPlace("123456789012", "eu-central-1", "team/app")
REPOSITORY = Repository("team/app", PLACE.account, "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app")
START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def digest(name: str) -> str:
    return sha256_digest(name)


def record(
    name: str, was: str | None, at: float, seconds: float = 0.1, run: str = "", clock: str = "2026-11-01"
) -> ReleaseRecord:
    """Return the record of a release of an image, pushed so many minutes after the start."""
    before = digest(was) if was is not None else None
    release = Release(digest(name), PLACE, {"prod": before}, run or name, clock, seconds)
    return ReleaseRecord(digest(f"record of {name} {was} {at}"), START + timedelta(minutes=at), release)


def names(entries: tuple[Entry, ...]) -> list[str]:
    """Return the images of entries by their names, those without a record in parentheses."""
    known = {digest(letter): letter for letter in "ABCDEXYZ"}
    return [known[item.digest] if item.record else f"({known[item.digest]})" for item in entries]


def history(current: str | None, *records: ReleaseRecord, there: str = "ABCDEXYZ", archived: str = "") -> TagHistory:
    now = digest(current) if current is not None else None
    images = {
        digest(name): ImageDetail(
            digest(name), MANIFEST_MEDIA_TYPES[0], status="ARCHIVED" if name in archived else "ACTIVE"
        )
        for name in there
    }
    return TagHistory(REPOSITORY, "prod", now, tag_entries("prod", now, records), images)


@pytest.mark.parametrize(
    ("current", "records", "expected"),
    [
        ("C", [record("A", None, 1), record("B", "A", 2), record("C", "B", 3)], ["C", "B", "A"]),
        ("A", [], ["(A)"]),
        (None, [], []),
        ("B", [record("B", "A", 2)], ["B", "(A)"]),  # what it was before the first record
        ("X", [record("A", None, 1)], ["(X)", "A"]),  # somebody moved it since
        ("C", [record("A", None, 1), record("C", "X", 3)], ["C", "(X)", "A"]),  # somebody moved it in between
        ("C", [record("A", None, 1), record("B", "A", 2), record("C", "A", 60)], ["C", "(A)", "B", "A"]),  # and back
        (None, [record("A", None, 1)], ["A"]),  # deleted since
        ("B", [record("A", None, 1), record("B", None, 3)], ["B", "A"]),  # deleted in between
        ("A", [record("A", None, 1), record("B", "A", 2), record("A", "B", 3)], ["A", "B", "A"]),
    ],
)
def test_records_are_put_in_order_and_what_they_dont_explain_is_shown(
    current: str | None, records: list[ReleaseRecord], expected: list[str]
) -> None:
    now = digest(current) if current is not None else None
    assert names(tag_entries("prod", now, records)) == expected
    assert names(tag_entries("prod", now, records[::-1])) == expected


def test_a_wrong_clock_changes_no_order() -> None:
    records = [record("A", None, 1, clock="2031-01-01"), record("B", "A", 2, clock="1999-01-01")]
    assert names(tag_entries("prod", digest("B"), records)) == ["B", "A"]


@pytest.mark.parametrize("last", ["B", "C"])
@pytest.mark.parametrize("first_record", ["B", "C"])
def test_of_two_runs_at_once_the_one_that_the_tag_shows_was_last(last: str, first_record: str) -> None:
    """Both found A. Which set its tag last, and which record came first, may differ."""
    second = "C" if first_record == "B" else "B"
    records = [
        record("A", None, 1),
        record(first_record, "A", 10, seconds=30),
        record(second, "A", 10.1, seconds=30),
    ]
    other = "C" if last == "B" else "B"
    assert names(tag_entries("prod", digest(last), records)) == [last, other, "A"]
    later = [*records, record("D", last, 20)]
    assert names(tag_entries("prod", digest("D"), later)) == ["D", last, other, "A"]


@pytest.mark.parametrize("first", ["B", "C"])
def test_two_runs_at_once_that_set_one_image_are_one_entry_and_a_rollback_goes_behind_it(first: str) -> None:
    records = [record("A", None, 1), record("B", "A", 10, 30), record("B", "A", 10.1, 30, run="other")]
    assert names(tag_entries("prod", digest("B"), records)) == ["B", "A"]
    assert earlier_image(history("B", *records), None).digest == digest("A")
    third = record("C", "A", 10.2 if first == "B" else 9.9, seconds=30)
    assert names(tag_entries("prod", digest("B"), [*records, third])) in (["B", "C", "B", "A"], ["B", "C", "A"])


def test_a_record_that_comes_late_is_put_where_its_release_was() -> None:
    """B's run saw A's image and ended before A's record was there."""
    records = [record("B", "A", 10, seconds=2), record("A", None, 10.1, seconds=30)]
    assert names(tag_entries("prod", digest("B"), records)) == ["B", "A"]


def test_a_tag_that_goes_back_unrecorded_is_not_taken_for_an_old_release() -> None:
    records = [record("A", None, 1), record("B", "A", 60)]
    assert names(tag_entries("prod", digest("A"), records)) == ["(A)", "B", "A"]


@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_tag_that_only_releases_set_has_the_history_of_those(moves: list[str], order: object) -> None:
    """Whatever the order in which records are listed, and however often an image comes back."""
    images = [name for number, name in enumerate(moves) if number == 0 or moves[number - 1] != name]
    records = [
        record(name, images[number - 1] if number else None, float(number)) for number, name in enumerate(images)
    ]
    shuffled = list(records)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert names(tag_entries("prod", digest(images[-1]), shuffled)) == images[::-1]


@given(st.permutations("ABCDE"), st.permutations("ABCDE"))
def test_runs_that_all_begin_at_once_all_show_and_the_tags_image_is_first(
    sets: list[str], records: list[str]
) -> None:
    """All found X; they set the tag in one order and are recorded in another."""
    found = [record(name, "X", 10 + number / 100, seconds=60) for number, name in enumerate(records)]
    entries = names(tag_entries("prod", digest(sets[-1]), found))
    assert entries[0] == sets[-1]
    assert sorted(entries) == ["(X)", *"ABCDE"]


RECORDS = (record("A", None, 1), record("B", "A", 2), record("C", "B", 3))


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (None, "B"),
        ("1", "B"),
        ("2", "A"),
        (digest("A"), "A"),
        (digest("A")[:19], "A"),
        (digest("A")[:14], "A"),
        (digest("A")[7:19], "A"),
    ],
)
def test_a_rollback_takes_the_one_before_or_what_is_named(to: str | None, expected: str) -> None:
    assert earlier_image(history("C", *RECORDS), to).digest == digest(expected)


def test_a_deleted_tag_comes_back_with_what_it_was_last() -> None:
    assert earlier_image(history(None, *RECORDS), None).digest == digest("C")


@pytest.mark.parametrize(
    ("item", "to", "code", "words"),
    [
        (history(None), None, ExitCode.REGISTRY, "no tag prod"),
        (history("A"), None, ExitCode.REGISTRY, "Nothing is recorded"),
        (history("C", *RECORDS), "3", ExitCode.REGISTRY, "the oldest is 2"),
        (history("C", *RECORDS), "0", ExitCode.REFUSED, "is number 0 now"),
        (history("C", *RECORDS), digest("C"), ExitCode.REFUSED, "already"),
        (history("A", *RECORDS, record("A", "C", 4)), "3", ExitCode.REFUSED, "already"),
        (history("C", *RECORDS), digest("Z"), ExitCode.REGISTRY, "never was"),
        (history("C", *RECORDS), "v1.2", ExitCode.SETTINGS, "neither a number nor a digest"),
        (history("C", *RECORDS), digest("A")[:13], ExitCode.SETTINGS, "neither a number nor a digest"),
        (history("C", *RECORDS, there="ACD"), None, ExitCode.REGISTRY, "is gone"),
        (history("C", *RECORDS, archived="B"), None, ExitCode.REGISTRY, "is archived"),
    ],
)
def test_what_a_rollback_refuses(item: TagHistory, to: str | None, code: ExitCode, words: str) -> None:
    with pytest.raises(EcrTasksError) as caught:
        earlier_image(item, to)
    assert (caught.value.code, words in caught.value.cause) == (code, True)
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(
    "item",
    [
        history("C", *RECORDS, there="AC"),
        history("C", *RECORDS, record("B", "C", 4), record("C", "B", 5), there="AC"),  # 2 is C, which it is now
    ],
)
def test_where_an_image_is_gone_others_are_named(item: TagHistory) -> None:
    oldest = item.numbered[-1][0]
    with pytest.raises(EcrTasksError, match=rf"there: --to {oldest}\."):
        earlier_image(item, None)


def test_an_archived_image_is_not_named_in_place_of_one_that_is_gone() -> None:
    with pytest.raises(EcrTasksError, match=r"gone.* Build that commit again\."):
        earlier_image(history("C", *RECORDS, there="AC", archived="A"), None)


def test_of_two_images_that_begin_alike_none_goes_back() -> None:
    alike = [f"sha256:{'0' * 8}{end * 56}" for end in "12"]
    item = TagHistory(REPOSITORY, "prod", digest("A"), (Entry(digest("A")), *map(Entry, alike)))
    with pytest.raises(EcrTasksError, match="Several images begin with 00000000"):
        earlier_image(item, "0" * 8)


def test_only_the_images_of_the_last_promotion_go_back() -> None:
    web = history("B", record("A", None, 1, run="first"), record("B", "A", 9, run="second"))
    worker = history("A", record("A", None, 1, run="first"))
    other = history("D", record("D", None, 9, run="second"))
    assert last_promoted({"web": web, "worker": worker, "other": other}) == ("web", "other")
    assert last_promoted({"web": history("X", record("A", None, 1)), "worker": worker}) == ("worker",)
    assert last_promoted({"web": history("X"), "worker": history(None)}) == ()
