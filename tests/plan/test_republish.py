"""A published commit that is built anew is published under a revision tag, and is the commit's image from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import REVISIONS, Image
from ecr_tasks.model.manifest import SETTINGS, StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.settings.schema import Skip
from ecr_tasks.source.source_state import SourceState
from tests.support.build import (
    ALL_TAGS,
    BRANCH,
    FIXED,
    REVISION_A,
    REVISION_B,
    SHA_TAG,
    VERSION,
    image,
    manifest,
    repository,
    source,
)
from tests.support.publishing import NAME

FIRST, SECOND, OTHER = manifest("first"), manifest("second"), manifest("another commit's", REVISION_B)
R2, R3 = f"{SHA_TAG}-r2", f"{SHA_TAG}-r3"


def planned(
    stored: Mapping[str, StoredImage],
    tags: Sequence[Tag] = ALL_TAGS,
    *,
    republish: bool = False,
    skip: Skip = "commit",
    planned_image: Image | None = None,
    state: SourceState | None = None,
) -> PlannedImage:
    """Return the plan of an image in a repository with these tags."""
    view = RepositoryView(repository(), stored)
    plan = make_plan(
        [planned_image or image(tags)], state or source(), Snapshot({NAME: view}), skip=skip, republish=republish
    )
    plan.check()
    return plan.images[0]


def states(item: PlannedImage) -> dict[str, str | None]:
    return {tag.tag.name: tag.state for tag in item.tags}


def test_a_published_commit_gets_the_next_revision() -> None:
    item = planned({SHA_TAG: FIRST, "main": FIRST}, [FIXED, BRANCH], republish=True)
    assert (item.build_needed, item.makes_revision) == (True, True)
    assert states(item) == {R2: "new", SHA_TAG: "stays", "main": "moves"}
    assert (item.reference or "").endswith(f":{R2}")
    assert "--republish" in item.because
    item = planned({SHA_TAG: FIRST, R2: SECOND, "main": SECOND}, [FIXED, BRANCH], republish=True)
    assert states(item) == {R3: "new", SHA_TAG: "stays", "main": "moves"}


def test_a_commit_that_is_not_published_is_published_as_ever() -> None:
    item = planned({"main": OTHER}, [FIXED, BRANCH], republish=True)
    assert (item.build_needed, item.makes_revision) == (True, False)
    assert states(item) == {SHA_TAG: "new", "main": "moves"}


def test_later_runs_take_the_last_revision_for_the_commits_image() -> None:
    item = planned({SHA_TAG: FIRST, R2: SECOND, "1.2.3": FIRST, "main": SECOND, "latest": OTHER})
    assert (item.build_needed, item.published) == (False, SECOND)
    others = {SHA_TAG: "stays", "1.2.3": "stays", "main": "present", "latest": "moves"}
    assert states(item) == {R2: "present", "1.2.3-r2": "new", **others}  # what an interrupted run left out
    assert R2 in item.because
    item = planned({SHA_TAG: FIRST, R2: SECOND, "1.2.3": SECOND, "main": SECOND, "latest": OTHER})
    assert states(item) == {R2: "present", **others, "1.2.3": "present"}


@pytest.mark.parametrize(("there", "git_tags"), [({}, ("v1.2.3", "v1.2.3-r2")), ({"1.2.3-r2": OTHER}, ("v1.2.3",))])
def test_a_later_run_leaves_a_name_like_a_revisions_to_the_release_that_has_it(
    there: dict[str, StoredImage], git_tags: tuple[str, ...]
) -> None:
    stored = {SHA_TAG: FIRST, R2: SECOND, "1.2.3": FIRST, **there}
    item = planned(stored, [FIXED, VERSION], state=source(repository_tags=git_tags))
    assert states(item) == {R2: "present", SHA_TAG: "stays", "1.2.3": "stays"}


def test_every_fixed_tag_that_is_there_gets_a_revision_of_one_number() -> None:
    there = {SHA_TAG: FIRST, "1.2.3": FIRST, "main": FIRST, "latest": FIRST}
    item = planned(there, republish=True)
    others = {SHA_TAG: "stays", "1.2.3": "stays", "main": "moves", "latest": "moves"}
    assert states(item) == {R2: "new", "1.2.3-r2": "new", **others}
    assert f"what comes out otherwise is {R2} and 1.2.3-r2" in item.because
    assert item.unused_revisions(FIRST.digest) == (R2, "1.2.3-r2")
    item = planned({**there, R2: SECOND, "1.2.3": SECOND}, republish=True)  # the release came after the revision
    assert states(item) == {R3: "new", "1.2.3-r3": "new", **others}
    item = planned({**there, R2: SECOND, "1.2.3-r2": SECOND, "1.2.3-r3": OTHER})
    assert states(item) == {R2: "present", "1.2.3-r2": "present", **others}


def test_a_number_that_one_tag_has_not_free_is_left_out_for_all() -> None:
    there = {SHA_TAG: FIRST, "1.2.3": FIRST}
    # The revisions of the commit's tag have no gap: later runs look for each only where the one before is there.
    expected = {R2: "new", R3: "new", "1.2.3-r3": "new", SHA_TAG: "stays", "1.2.3": "stays"}
    item = planned({**there, "1.2.3-r2": OTHER}, [FIXED, VERSION], republish=True)
    assert states(item) == expected
    state = source(repository_tags=("v1.2.3", "v1.2.3-r2"))  # another commit's release, not yet published
    assert states(planned(there, [FIXED, VERSION], republish=True, state=state)) == expected
    later = {**there, R2: SECOND, R3: SECOND, "1.2.3-r2": OTHER}
    assert states(planned(later, [FIXED, VERSION])) == {
        R3: "present",
        "1.2.3-r3": "new",
        SHA_TAG: "stays",
        "1.2.3": "stays",
    }


def test_a_fixed_tag_of_another_commit_is_still_refused() -> None:
    with pytest.raises(Refused, match=OTHER.digest):
        planned({SHA_TAG: FIRST, "1.2.3": OTHER}, republish=True)


def test_a_tag_of_another_commit_that_looks_like_a_revision_is_none() -> None:
    item = planned({SHA_TAG: FIRST, R2: OTHER}, [FIXED, BRANCH])
    assert item.published == FIRST
    assert states(planned({SHA_TAG: FIRST, R2: OTHER}, [FIXED, BRANCH], republish=True))[R3] == "new"


def test_there_are_only_so_many_revisions() -> None:
    stored = {SHA_TAG: FIRST, **{f"{SHA_TAG}-r{number}": SECOND for number in REVISIONS}}
    with pytest.raises(Refused, match="revisions, the most"):
        planned(stored, [FIXED], republish=True)
    assert planned(stored, [FIXED]).published == SECOND
    taken = {SHA_TAG: FIRST, "1.2.3": FIRST, **{f"1.2.3-r{number}": OTHER for number in REVISIONS}}
    with pytest.raises(Refused, match=f"{SHA_TAG} and 1.2.3 .* are published with"):
        planned(taken, [FIXED, VERSION], republish=True)


def test_with_never_a_new_release_of_a_published_commit_may_be_a_revision() -> None:
    item = planned({SHA_TAG: FIRST, "main": FIRST}, skip="never")
    assert states(item) == {R2: "new", SHA_TAG: "stays", "1.2.3": "new", "main": "moves", "latest": "new"}
    assert "ECR_SKIP is never" in item.because
    assert not planned({SHA_TAG: FIRST, "1.2.3": FIRST}, skip="never").makes_revision


def test_rules_without_a_fixed_tag_have_no_revisions() -> None:
    item = planned({"main": FIRST}, [BRANCH], republish=True)
    assert (item.build_needed, item.makes_revision, states(item)) == (True, False, {"main": "moves"})


def with_settings(text: str) -> StoredImage:
    return manifest(f"with {text}", REVISION_A, {SETTINGS: text})


def test_a_published_image_of_other_settings_is_told() -> None:
    from dataclasses import replace

    now = image([FIXED, VERSION])
    now = replace(now, definition=replace(now.definition, labels={SETTINGS: "1 args=a platforms=b"}))
    item = planned({SHA_TAG: with_settings("1 args=x platforms=y")}, planned_image=now)
    assert (item.build_needed, item.other_settings) == (False, ("platforms", "build arguments"))
    assert item.because == f"this commit is published as {SHA_TAG}, built with other platforms and build arguments"
    for same in (with_settings("1 args=a platforms=b"), FIRST):  # an image without the label tells nothing
        item = planned({SHA_TAG: same}, planned_image=now)
        assert (item.other_settings, item.because) == ((), f"this commit is published as {SHA_TAG}")
    assert planned({SHA_TAG: with_settings("1 args=x")}, planned_image=now, republish=True).other_settings == ()
