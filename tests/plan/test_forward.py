"""Moving tags move forward: an image of a newer commit keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ecr_tasks.errors import Refused
from ecr_tasks.model.manifest import CREATED, SETTINGS, StoredImage
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.forward import is_older_than_commit, must_be_read, newer_image
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.source.git.history import Relation
from tests.support.build import COMMIT_TIME, REVISION_A, REVISION_B, SHA_TAG, image, manifest, repository, source
from tests.support.fakes import Calls, FakeRegistry
from tests.support.publishing import NAME
from tests.tags.build import apply, pull_request, push, pushed_tag

EARLIER, SAME, LATER = "2024-05-06T07:08:08.000Z", "2024-05-06T07:08:09.000Z", "2024-05-06T07:08:10.000Z"
MAIN = Tag("main", "moving", "type=ref,event=branch", "the branch", forward="branch")


def other_commit(created: str | None = None, *, ours: bool = True) -> StoredImage:
    """Return an image of another commit, whose commit's time is ``created``."""
    annotations = {**({CREATED: created} if created else {}), **({SETTINGS: "1"} if ours else {})}
    return manifest("the other", REVISION_B, annotations)


@pytest.mark.parametrize(
    ("forward", "relation", "created", "ours", "stays"),
    [
        ("branch", "newer", None, False, True),
        ("commits", "newer", None, False, True),
        (None, "newer", LATER, True, False),
        ("branch", "older", LATER, True, False),
        ("branch", "unrelated", LATER, True, False),
        ("branch", "unknown", LATER, True, True),
        ("commits", "unknown", LATER, True, False),
        ("branch", "unknown", SAME, True, False),
        ("branch", "unknown", EARLIER, True, False),
        ("branch", "unknown", LATER, False, False),
        ("branch", "unknown", None, True, False),
        ("branch", "unknown", "tomorrow", True, False),
        ("branch", "unknown", "2030-01-01T00:00:00", True, False),
    ],
)
def test_an_image_is_newer_if_git_or_its_commits_time_shows_it(
    forward: str | None, relation: Relation, created: str | None, ours: bool, stays: bool
) -> None:
    tag = Tag("main", "moving", "type=ref,event=branch", "the branch", forward=forward)  # type: ignore[arg-type]
    sentence = newer_image(tag, other_commit(created, ours=ours), source(), {REVISION_B: relation})
    assert (sentence is not None) == stays
    if sentence:
        assert sentence.startswith("main stays with sha256:")
        assert REVISION_B[:12] in sentence
        assert "forward=false" in sentence


def test_neither_a_parent_nor_the_same_commit_nor_an_unknown_one_is_newer() -> None:
    later = other_commit(LATER)
    assert newer_image(MAIN, later, source(parents=(REVISION_B,)), {}) is None
    assert newer_image(MAIN, later, source(revision=REVISION_B), {REVISION_B: "newer"}) is None
    assert newer_image(MAIN, manifest("x", None, {CREATED: LATER, SETTINGS: "1"}), source(), {}) is None
    assert newer_image(MAIN, later, source(commit_time=None), {}) is None


def test_an_image_is_as_new_as_the_newest_commit_that_has_left_it_as_it_is() -> None:
    """A revert gives the earlier image back, whose own commit is an older one."""
    newest = "c" * 40
    stored = replace(other_commit(), tags=(f"sha-{REVISION_B[:7]}", f"sha-{newest}", "main"))
    relations: dict[str, Relation] = {REVISION_B: "older", newest: "newer"}
    sentence = newer_image(MAIN, stored, source(), relations)
    assert sentence
    assert f"which is newer: the image of {newest[:12]}, a descendant of this one" in sentence
    ours = replace(stored, tags=(*stored.tags, f"sha-{REVISION_A[:7]}"))
    assert newer_image(MAIN, ours, source(), relations) is None
    relations[newest] = "unrelated"
    assert newer_image(MAIN, stored, source(), relations) is None


def unread(pushed: datetime | None = COMMIT_TIME, *tags: str) -> StoredImage:
    """Return an image that was only looked at, with the time of its push."""
    return replace(other_commit(), manifest="", tags=tags, pushed=pushed)


SECOND, OTHERS_TAG = timedelta(seconds=1), f"sha-{REVISION_B[:7]}"


@pytest.mark.parametrize(
    ("stored", "forward", "facts", "relation", "expected"),
    [
        (unread(), "branch", {}, "unknown", True),
        (unread(), "commits", {}, "unknown", True),
        (unread(), None, {}, "unknown", False),
        (unread(), "branch", {"revision": None}, "unknown", False),
        (replace(other_commit(), pushed=COMMIT_TIME), "branch", {}, "unknown", False),
        (unread(COMMIT_TIME, SHA_TAG), "branch", {}, "unknown", False),
        (unread(COMMIT_TIME, OTHERS_TAG), "branch", {}, "older", False),
        (unread(COMMIT_TIME, OTHERS_TAG), "branch", {}, "unknown", True),
        (unread(COMMIT_TIME, OTHERS_TAG), "commits", {}, "unknown", False),
        (unread(None), "branch", {}, "unknown", True),
        (unread(), "branch", {"commit_time": None}, "unknown", True),
        (unread(COMMIT_TIME - 59 * SECOND), "branch", {}, "unknown", True),  # clocks differ
        (unread(COMMIT_TIME - 61 * SECOND), "branch", {}, "unknown", False),
    ],
)
def test_a_manifest_is_read_where_it_alone_may_show_a_newer_image(
    stored: StoredImage, forward: Any, facts: dict[str, Any], relation: Relation, expected: bool
) -> None:
    assert must_be_read(replace(MAIN, forward=forward), stored, source(**facts), relation) is expected


@pytest.mark.parametrize(
    ("stored", "commit_time", "expected"),
    [
        (unread(COMMIT_TIME - SECOND), COMMIT_TIME, True),
        (unread(COMMIT_TIME), COMMIT_TIME, False),
        (unread(COMMIT_TIME + SECOND), COMMIT_TIME, False),
        (unread(None), COMMIT_TIME, True),
        (unread(COMMIT_TIME), None, True),
        (replace(other_commit(), pushed=COMMIT_TIME - SECOND), COMMIT_TIME, False),
    ],
)
def test_an_image_that_was_pushed_before_a_commit_is_not_of_it(
    stored: StoredImage, commit_time: datetime | None, expected: bool
) -> None:
    assert is_older_than_commit(stored, source(commit_time=commit_time)) is expected


@pytest.mark.parametrize(
    ("rule", "forward"),
    [
        ("type=ref,event=branch", "branch"),
        ("type=edge", "branch"),
        ("type=raw,value=latest,enable={{is_default_branch}}", "branch"),
        ("x-{{branch}}", "branch"),
        ("type=raw,value=dev", "commits"),
        ("type=schedule", "commits"),
        ("type=raw,value=dev,forward=false", None),
        ("type=sha", None),
        ("type=sha,kind=moving", "commits"),
        ("type=ref,event=branch,forward=false", None),
    ],
)
def test_which_tags_move_forward(rule: str, forward: str | None) -> None:
    state = push(event="schedule" if "schedule" in rule else "push")
    assert apply(rule, state, "latest=false").tags[0].forward == forward
    if "forward" not in rule:
        assert apply(rule, state, "latest=false,forward=false").tags[0].forward is None
        assert apply(f"{rule},forward=true", state, "latest=false,forward=false").tags[0].forward == forward


def test_latest_and_the_tags_of_pull_requests_and_git_tags() -> None:
    assert apply("type=ref,event=pr", pull_request()).tags[0].forward == "branch"
    assert [tag.forward for tag in apply("dev", push(), "latest=true").tags] == ["commits", "commits"]
    assert apply("dev", push(), "latest=true,forward=false").tags[1].forward is None
    # Who moves a git tag moves it on purpose; releases go by their versions.
    assert [tag.forward for tag in apply("type=ref,event=tag", pushed_tag("v1")).tags] == [None, None]
    assert [tag.forward for tag in apply("type=semver,pattern={{major}}", pushed_tag("v1.0.0")).tags] == [None, None]
    assert apply("type=ref,event=branch", push(dirty=True, changed=("a",))).tags[0].forward is None


def plan(registry: FakeRegistry, tags: list[Tag], relations: dict[str, Relation]) -> Plan:
    views = registry.describe({NAME: [tag.name for tag in tags]})
    return make_plan([image(tags)], source(), Snapshot(views, relations=relations))


def test_the_plan_says_which_tag_stays_and_why() -> None:
    registry = FakeRegistry(Calls(), repository())
    fixed = Tag("sha-a1b2c3d", "fixed", "type=sha", "the commit")
    registry.put(NAME, other_commit(), "main")
    (item,) = plan(registry, [fixed, MAIN], {REVISION_B: "newer"}).images
    assert [(tag.tag.name, tag.state) for tag in item.tags] == [("sha-a1b2c3d", "new"), ("main", "stays")]
    assert item.tags[1].digest == other_commit().digest
    assert "newer" in item.tags[1].tag.because
    (item,) = plan(registry, [fixed, MAIN], {REVISION_B: "older"}).images
    assert item.tags[1].state == "moves"


def test_a_commit_whose_only_tag_stays_is_refused() -> None:
    registry = FakeRegistry(Calls(), repository())
    registry.put(NAME, other_commit(), "main")
    with pytest.raises(Refused, match="has no fixed tag to be published under") as error:
        plan(registry, [MAIN], {REVISION_B: "newer"}).check()
    assert "type=sha" in error.value.remedy
    assert REVISION_A not in error.value.cause
    plan(registry, [MAIN], {REVISION_B: "older"}).check()


def test_the_commits_time_is_that_of_the_tests() -> None:
    assert COMMIT_TIME.isoformat().startswith(SAME[:19])
