"""Tests of execute/prune: what changed meanwhile stays, and what belongs to something that is left stays with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ecr_tasks.errors import AwsError
from ecr_tasks.execute.prune import Outcome, remove, still_going
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.plan.prune.decide import decide
from ecr_tasks.plan.prune.protect import Facts
from tests.plan.prune.inventories import NOW, SIGNATURE, image, index, rules
from tests.support.build import digest

RULES = rules("type=tags,pattern=sha-*,older=1d;type=untagged,older=1d")


class FakeRemoval:
    """A registry whose tags may have moved, and which may refuse; it notes what is deleted in which order."""

    def __init__(self, now: Mapping[str, tuple[str, ...]] | None = None, refused: Sequence[str] = ()) -> None:
        self.now, self.refused = now, [digest(name) for name in refused]
        self.batches: list[list[str]] = []
        self.deleted: dict[str, Sequence[str]] = {}
        self.archived: list[str] = []
        self.error: BaseException | None = None
        self.tagged_meanwhile: list[ImageDetail] = []

    def tags(self, name: str, digests: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        del name
        assert 0 < len(digests) <= 100
        known = {digest(each): tags for each, tags in (self.now or {}).items()}
        return {each: known[each] for each in digests if each in known}

    def delete(self, name: str, images: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
        del name
        assert 0 < len(images) <= 100
        if self.error:
            raise self.error
        self.batches.append([*images])
        self.deleted |= {each: tags for each, tags in images.items() if each not in self.refused}
        return {each: "no (ImageReferencedByManifestList)" for each in images if each in self.refused}

    def set_storage_class(self, name: str, digests: Sequence[str], storage_class: str) -> Mapping[str, str]:
        del name
        assert storage_class == "ARCHIVE"
        self.archived += digests
        return {}

    def details(self, name: str) -> Sequence[ImageDetail]:
        del name
        return self.tagged_meanwhile

    def manifests(self, name: str, details: Sequence[ImageDetail]) -> Mapping[str, Mapping[str, Any]]:
        raise NotImplementedError(name, details)


REPOSITORY = (
    index("index", "sha-1"),
    image("child"),
    image("signature", artifact_type=SIGNATURE, subject=digest("index")),
    image("about-child", artifact_type=SIGNATURE, subject=digest("child")),
    image("other", "sha-2"),
)
FACTS = Facts(now=NOW, children={digest("index"): [digest("child")]})
UNCHANGED = {"index": ("sha-1",), "child": (), "other": ("sha-2",)}


def carried_out(
    removal: FakeRemoval, details: Sequence[ImageDetail] = REPOSITORY, *, archive: bool = False
) -> Outcome:
    outcome, done = Outcome(), list[int]()
    waves = decide(details, RULES, FACTS).going
    remove("team/app", waves, removal, outcome, archive=archive, progress=done.append)
    assert done == sorted(done)
    return outcome


def names(digests: Sequence[str]) -> set[str]:
    known = {digest(name): name for name in ("index", "child", "signature", "about-child", "other", "new")}
    return {known[each] for each in digests}


def test_an_index_goes_before_what_it_lists_and_by_its_tags() -> None:
    removal = FakeRemoval(UNCHANGED)
    outcome = carried_out(removal)
    assert names([verdict.detail.digest for verdict in outcome.gone]) == set(names([*removal.deleted]))
    assert len(outcome.gone) == len(REPOSITORY)
    assert removal.batches[0] == [digest("index")]
    assert removal.deleted[digest("index")] == ("sha-1",)
    order = [each for batch in removal.batches for each in batch]
    assert order.index(digest("child")) < order.index(digest("about-child"))
    assert not (outcome.changed)
    assert not (outcome.failed)


@pytest.mark.parametrize("now", [("prod", "sha-1"), (), ("other",)])
def test_a_tag_that_moved_meanwhile_keeps_an_image_and_all_that_belongs_to_it(now: tuple[str, ...]) -> None:
    removal = FakeRemoval({**UNCHANGED, "index": now})
    outcome = carried_out(removal)
    assert names([*removal.deleted]) == {"other"}
    assert names([verdict.detail.digest for verdict, _ in outcome.changed]) == {
        *("index", "child", "signature", "about-child")
    }


def test_a_tag_that_is_set_as_its_image_is_deleted_keeps_it_and_all_that_belongs_to_it() -> None:
    """ECR takes the tags that were looked at from it and says that it did; only the new tag tells that it stays."""
    removal = FakeRemoval(UNCHANGED)
    removal.tagged_meanwhile = [index("index", "prod")]
    outcome = carried_out(removal)
    assert names([*removal.deleted]) == {"index", "other"}
    assert names([verdict.detail.digest for verdict in outcome.gone]) == {"other"}
    reasons = {verdict.detail.digest: reason for verdict, reason in outcome.changed}
    assert names([*reasons]) == {"index", "child", "signature", "about-child"}
    assert "prod" in reasons[digest("index")]


def test_what_ecr_refuses_is_a_failure_and_keeps_what_belongs_to_it() -> None:
    removal = FakeRemoval(UNCHANGED, refused=["child"])
    outcome = carried_out(removal)
    assert names([*removal.deleted]) == {"index", "signature", "other"}
    ((failed, reason),) = outcome.failed
    assert (failed.detail.digest, "ImageReferencedByManifestList" in reason) == (digest("child"), True)
    assert names([verdict.detail.digest for verdict, _ in outcome.changed]) == {"about-child"}


@pytest.mark.parametrize("error", [AwsError("The connection ended.", "Run it again."), KeyboardInterrupt()])
def test_an_answer_that_never_came_is_a_failure(error: BaseException) -> None:
    """Also where Ctrl-C came before it: ECR may have deleted them."""
    removal, outcome = FakeRemoval(UNCHANGED), Outcome()
    removal.error = error
    waves = decide(REPOSITORY, RULES, FACTS).going
    with pytest.raises(type(error)):
        remove("team/app", waves, removal, outcome, archive=False, progress=lambda done: None)
    assert names([verdict.detail.digest for verdict, _ in outcome.failed]) == {"index"}
    assert not outcome.gone


def test_a_hundred_at_a_time() -> None:
    details = [image(f"i{number}", f"sha-{number}") for number in range(250)]
    removal = FakeRemoval({f"i{number}": (f"sha-{number}",) for number in range(250)})
    assert len(carried_out(removal, details).gone) == 250
    assert [len(batch) for batch in removal.batches] == [100, 100, 50]


def test_the_archive_deletes_nothing_and_leaves_what_is_in_it() -> None:
    removal = FakeRemoval({**UNCHANGED, "signature": (), "about-child": ()})
    archived = [*REPOSITORY[:2], image("signature", subject=digest("index"), status="ARCHIVED"), *REPOSITORY[3:]]
    outcome = carried_out(removal, archived, archive=True)
    assert removal.deleted == {}
    assert names(removal.archived) == {"index", "child", "about-child", "other"}
    assert removal.archived[0] == digest("index")
    assert len(outcome.gone) == 5


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"running": {digest("child"): "ECS"}}, {"index", "child", "signature", "about-child"}),
        ({"running_tags": {"sha-2": "Lambda"}}, {"other"}),
        ({"unasked": ("ECS",)}, {"index", "child", "signature", "about-child", "other"}),
    ],
)
def test_what_runs_meanwhile_stays(change: dict[str, Any], left: set[str]) -> None:
    now = decide(REPOSITORY, RULES, Facts(now=NOW, children=FACTS.children, **change))
    waves, changed = still_going(decide(REPOSITORY, RULES, FACTS), now)
    assert names([verdict.detail.digest for verdict, _ in changed]) == left
    assert not left & names([verdict.detail.digest for wave in waves for verdict in wave])


def test_only_what_was_shown_goes_and_nothing_without_what_it_belongs_to() -> None:
    """The index got a tag meanwhile that may go as well, and an image is new: neither was shown."""
    later = [index("index", "sha-1", "sha-9"), *REPOSITORY[1:], image("new", "sha-10")]
    waves, changed = still_going(decide(REPOSITORY, RULES, FACTS), decide(later, RULES, FACTS))
    removal, outcome = FakeRemoval({**UNCHANGED, "index": ("sha-1", "sha-9"), "new": ("sha-10",)}), Outcome()
    remove("team/app", waves, removal, outcome, archive=False, progress=lambda done: None)
    assert names([*removal.deleted]) == {"other"}
    assert names([verdict.detail.digest for verdict, _ in changed]) == {"index"}
    assert names([verdict.detail.digest for verdict, _ in outcome.changed]) == {"child", "signature", "about-child"}
