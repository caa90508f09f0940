"""Tests of plan/prune/decide: nothing that is protected goes, and what nothing needs does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.prune.decide import Decision, decide
from ecr_tasks.plan.prune.protect import FRESH, Facts
from tests.plan.prune.inventories import CACHE, NOW, SIGNATURE, days_ago, image, index, rules
from tests.support.build import INDEX, MANIFEST, digest

EVERYTHING = rules("type=tags,pattern=*,older=1d;type=untagged,older=1d;type=cache,older=1d;type=archived,older=90d")


def gone(decision: Decision) -> set[str]:
    return {verdict.detail.digest for verdict in decision.all_going}


def why(decision: Decision, name: str) -> str:
    return next(
        verdict.because
        for verdict in (*decision.all_going, *decision.staying)
        if verdict.detail.digest == digest(name)
    )


def facts(children: dict[str, list[str]] | None = None, **more: Any) -> Facts:
    listed = {digest(name): [digest(child) for child in names] for name, names in (children or {}).items()}
    return Facts(now=NOW, children=listed, **more)


def test_a_tag_that_no_rule_names_keeps_an_image() -> None:
    details = [image("a", "sha-1"), image("b", "sha-2", "prod"), image("c", "sha-3", "inputs-" + "0" * 40)]
    decision = decide(details, rules("type=tags,pattern=sha-*,older=30d"), facts())
    assert gone(decision) == {digest("a"), digest("c")}
    assert "prod" in why(decision, "b")


def test_an_index_takes_along_what_it_alone_lists_and_what_refers_to_that() -> None:
    details = [
        index("old", "sha-1"),
        index("new", "sha-2", days=2),
        image("amd64"),
        image("shared"),
        image("signature", artifact_type=SIGNATURE, subject=digest("old")),
        image("about-a-child", artifact_type=SIGNATURE, subject=digest("amd64")),
        image("of-the-new", f"sha256-{digest('new')[7:]}.sig"),
    ]
    known = facts({"old": ["amd64", "shared"], "new": ["shared"]})
    decision = decide(details, rules("type=tags,pattern=sha-*,older=30d"), known)
    assert gone(decision) == {digest(name) for name in ("old", "amd64", "signature", "about-a-child")}
    assert digest("old") in {verdict.detail.digest for verdict in decision.going[0]}
    assert "sha-2" in why(decision, "shared")


def test_what_has_no_tag_goes_only_where_nothing_needs_it() -> None:
    details = [
        index("index", "prod"),
        image("child"),
        image("orphan"),
        image("of-nobody", artifact_type=SIGNATURE, subject=digest("missing")),
        image("signature", artifact_type=SIGNATURE, subject=digest("index")),
        image("young", days=5),
    ]
    decision = decide(details, rules("type=untagged,older=14d"), facts({"index": ["child"]}))
    assert gone(decision) == {digest("orphan"), digest("of-nobody")}


def test_an_index_that_could_not_be_read_keeps_what_it_may_list() -> None:
    details = [index("archived", "prod", status="ARCHIVED"), image("orphan")]
    decision = decide(details, rules("type=untagged,older=14d"), facts())
    assert gone(decision) == set()
    assert "could not be read" in why(decision, "orphan")


def test_a_cache_counts_from_its_last_use() -> None:
    details = [
        image("used", "buildcache", artifact_type=CACHE, pulled=days_ago(3)),
        image("forgotten", "cache-old", artifact_type=CACHE),
        image("overwritten", artifact_type=CACHE),
        index("index", "cache-index"),
    ]
    known = replace(facts({"index": []}), caches=frozenset({digest("index")}))
    decision = decide(details, rules("type=cache,older=30d"), known)
    assert gone(decision) == {digest("forgotten"), digest("overwritten"), digest("index")}


def test_the_newest_of_a_rule_stay_whatever_another_rule_says() -> None:
    details = [image(str(number), f"sha-{number}", days=10 + number) for number in range(6)]
    text = "type=tags,pattern=sha-*,newest=2;type=tags,pattern=sha-*,older=1d"
    decision = decide(details, rules(text), facts())
    assert gone(decision) == {digest(str(number)) for number in range(2, 6)}


def test_a_branch_of_which_nothing_is_known_keeps_its_images() -> None:
    details = [image("gone", "pr-1"), image("live", "pr-2"), image("unknown", "pr-3")]
    answers = {"pr-1": True, "pr-2": False}
    known = replace(facts(), is_gone=lambda pattern, tag: answers.get(tag))
    assert gone(decide(details, rules("type=gone,pattern=pr-*"), known)) == {digest("gone")}


PROTECTED: list[tuple[ImageDetail, dict[str, Any]]] = [
    (image("it", "sha-1", pushed=None), {}),
    (image("it", "sha-1", days=0.9), {}),
    (image("it", "sha-1", activated=days_ago(0.9)), {}),
    (image("it", "sha-1", status="ACTIVATING"), {}),
    (image("it", "sha-1", f"{TURN_TAG}0123456789abcdef"), {}),
    (image("it", f"{TURN_TAG}0123456789abcdef"), {}),
    (image("it", "sha-1"), {"running": {digest("it"): "ECS"}}),
    (image("it"), {"running": {digest("it"): "ECS"}}),
    (image("it", "sha-1", "other"), {"running_tags": {"other": "Lambda"}}),
    (image("it", "1.2.3"), {"is_release": lambda tag: tag == "1.2.3"}),
    (image("it", "sha-1", "kept-1"), {}),
    (image("it", "sha-1", pulled=days_ago(6)), {}),
    (image("it", pulled=days_ago(6)), {}),
]
ALL_RULES = [*EVERYTHING, *rules("type=untagged,older=1d;type=keep,pattern=kept-*;type=keep,pulled=7d")]


@pytest.mark.parametrize(("detail", "known"), PROTECTED)
@pytest.mark.parametrize("place", ["alone", "listed", "listed twice over", "referrer"])
def test_what_is_protected_stays_and_so_does_what_it_belongs_to(
    detail: ImageDetail, known: dict[str, Any], place: str
) -> None:
    """Also what belongs to that: the signature of the index that lists it, and its other platforms."""
    signature = image("signature", artifact_type=SIGNATURE, subject=digest("above"))
    around, children = [index("above", "sha-2"), signature, image("sibling")], {"above": ["it", "sibling"]}
    if place == "alone":
        around, children = [], {}
    elif place == "listed twice over":
        around, children = [*around, index("inner")], {"above": ["inner", "sibling"], "inner": ["it"]}
    elif place == "referrer":
        detail, children = replace(detail, subject=digest("above"), artifact_type=SIGNATURE), {"above": ["sibling"]}
    decision = decide([*around, detail, image("other", "sha-9")], ALL_RULES, facts(children, **known))
    assert gone(decision) == {digest("other")}


@pytest.mark.parametrize(
    ("detail", "known"),
    [
        (image("it", "sha-1", status="ARCHIVED"), {}),
        (image("it", "sha-1", status="ARCHIVED", archived=days_ago(89)), {}),
        (image("it", status="ARCHIVED", archived=days_ago(89)), {}),
        (image("it", "sha-1"), {"unasked": ("ECS said no",)}),
        (image("it"), {"unasked": ("ECS said no",)}),
    ],
)
def test_what_is_archived_or_may_be_in_use_stays(detail: ImageDetail, known: dict[str, Any]) -> None:
    signature = image("signature", artifact_type=SIGNATURE, subject=digest("it"))
    assert gone(decide([detail, signature], ALL_RULES, facts(**known))) == set()


def test_an_archived_image_goes_after_its_time_in_the_archive() -> None:
    details = [image("it", "sha-1", status="ARCHIVED", archived=days_ago(91)), image("active", "sha-2")]
    decision = decide(details, rules("type=archived,older=90d"), facts())
    assert gone(decision) == {digest("it")}


def test_who_can_not_be_asked_leaves_caches_and_what_is_of_nobody() -> None:
    details = [
        image("cache", artifact_type=CACHE),
        image("of-nobody", artifact_type=SIGNATURE, subject=digest("missing")),
        image("untagged"),
        image("tagged", "sha-1"),
    ]
    decision = decide(details, EVERYTHING, facts(unasked=("EKS doesn't tell",)))
    assert gone(decision) == {digest("cache"), digest("of-nobody")}
    assert "EKS doesn't tell" in why(decision, "tagged")


NAMES = st.integers(0, 11).map(lambda number: f"m{number}")
TAGS = st.sampled_from(["sha-1", "sha-2", "pr-1", "pr-2", "prod", "1.2.3", "keep-me", f"{TURN_TAG}ab", "inputs-0"])


@st.composite
def repositories(draw: st.DrawFn) -> tuple[list[ImageDetail], Facts]:
    """A repository of any shape: nested and shared indexes, referrers of referrers, all states and times."""
    names = draw(st.lists(NAMES, min_size=1, max_size=12, unique=True))
    free = draw(st.lists(TAGS, max_size=9, unique=True))
    details, children = [], {}
    for position, name in enumerate(names):
        before = names[:position]  # a digest can't be in what it is made of
        tags = tuple(free.pop() for _ in range(draw(st.integers(0, 2))) if free)
        is_index = draw(st.booleans())
        subject = draw(st.sampled_from([*before, "missing"])) if draw(st.booleans()) else None
        if draw(st.integers(0, 9)) == 0 and before:
            tags = (*tags, f"sha256-{digest(draw(st.sampled_from(before)))[7:]}.sig")
        if is_index and draw(st.integers(0, 9)):
            children[digest(name)] = [
                digest(child) for child in draw(st.lists(st.sampled_from([*before, "blob"]), max_size=4))
            ]
        details.append(
            ImageDetail(
                digest(name),
                INDEX if is_index else MANIFEST,
                tuple(sorted(tags)),
                size=1,
                pushed=draw(st.one_of(st.none(), st.floats(0, 200).map(days_ago))),
                pulled=draw(st.one_of(st.none(), st.floats(0, 200).map(days_ago))),
                artifact_type=draw(st.sampled_from([None, CACHE, SIGNATURE])),
                subject=digest(subject) if subject else None,
                status=draw(st.sampled_from(["ACTIVE"] * 6 + ["ARCHIVED", "ACTIVATING"])),
                archived=draw(st.one_of(st.none(), st.floats(0, 200).map(days_ago))),
                activated=draw(st.one_of(st.none(), st.floats(0, 200).map(days_ago))),
            )
        )
    running = draw(st.lists(st.sampled_from(names), max_size=2))
    gone_tags = set(draw(st.lists(TAGS, max_size=3)))
    return draw(st.permutations(details)), Facts(
        now=NOW,
        children=children,
        running={digest(name): "ECS" for name in running},
        running_tags=dict.fromkeys(draw(st.lists(TAGS, max_size=1)), "Lambda"),
        unasked=("EKS",) if draw(st.integers(0, 4)) == 0 else (),
        is_release=lambda tag: tag == "1.2.3",
        is_gone=lambda pattern, tag: tag in gone_tags or None,
    )


RULES = st.lists(
    st.sampled_from(
        [
            "type=untagged,older=1d",
            "type=untagged,older=30d,newest=2",
            "type=cache,older=20d",
            "type=tags,pattern=*,older=2d",
            "type=tags,pattern=sha-*,newest=1",
            "type=tags,pattern=pr-*,older=50d",
            "type=gone,pattern=pr-*",
            "type=archived,older=90d",
            "type=keep,pattern=keep-*",
            "type=keep,pulled=20d",
        ]
    ),
    min_size=1,
    unique=True,
).filter(lambda texts: any("keep" not in text for text in texts))


@settings(max_examples=250, deadline=None)
@given(repositories(), RULES)
def test_nothing_that_is_protected_ever_goes(found: tuple[list[ImageDetail], Facts], texts: list[str]) -> None:
    details, known = found
    chosen = rules("\n".join(texts) + "\n")
    decision = decide(details, chosen, known)
    left = gone(decision)
    by_digest = {detail.digest: detail for detail in details}
    assert len(decision.all_going) + len(decision.staying) == len(details)
    assert left.isdisjoint(verdict.detail.digest for verdict in decision.staying)
    kept_tags = [rule for rule in chosen if rule.type == "keep" and rule.pulled is None]
    pulled = [rule.pulled for rule in chosen if rule.type == "keep" and rule.pulled is not None]
    for detail in (by_digest[one] for one in left):
        assert detail.pushed is not None
        assert NOW - detail.pushed >= FRESH
        assert detail.activated is None or NOW - detail.activated >= FRESH
        assert detail.digest not in known.running
        assert detail.status != "ACTIVATING"
        for tag in detail.tags:
            assert tag not in known.running_tags
            assert tag != "1.2.3"
            assert not tag.startswith(TURN_TAG)
            assert not (kept_tags and tag.startswith("keep-"))
        assert not any(detail.pulled and NOW - detail.pulled < time for time in pulled)
        assert not (known.unasked and detail.artifact_type != CACHE and detail.belongs_to is None)
        # What lists it and what it refers to go with it, and what refers to it does, because ECR deletes that.
        for parent, listed in known.children.items():
            assert (
                not (detail.digest in listed and parent in by_digest and parent not in left)
                or parent == detail.digest
            )
        assert detail.belongs_to in (*left, detail.digest) or detail.belongs_to not in by_digest
        for other in details:
            assert other.belongs_to != detail.digest or other.digest in left or other.digest == detail.digest
    for rule in chosen:
        if rule.newest and "sha-" in rule.pattern:
            about = [
                d
                for d in details
                if d.pushed and d.status == "ACTIVE" and any(t.startswith("sha-") for t in d.own_tags)
            ]
            about.sort(key=lambda d: (-d.pushed.timestamp() if d.pushed else 0, d.digest))
            assert left.isdisjoint(d.digest for d in about[: rule.newest])
    order = {verdict.detail.digest: number for number, wave in enumerate(decision.going) for verdict in wave}
    owners = {verdict.detail.digest: verdict.owners for verdict in decision.all_going}
    for going, above in owners.items():
        # Of manifests that name each other in their tags, none can be the first.
        assert all(order[owner] < order[going] for owner in above if going not in all_owners(owners, owner))


def all_owners(owners: Mapping[str, Sequence[str]], digest: str) -> set[str]:
    """Return what has to go before a manifest, and before that."""
    found, left = set[str](), [digest]
    while left:
        new = [owner for owner in owners[left.pop()] if owner not in found]
        found.update(new)
        left += new
    return found


@settings(max_examples=100, deadline=None)
@given(repositories(), RULES)
def test_a_second_run_finds_nothing_more(found: tuple[list[ImageDetail], Facts], texts: list[str]) -> None:
    """What went is gone, and nothing that it left behind waits for another run."""
    details, known = found
    chosen = rules("\n".join(texts) + "\n")
    left = gone(decide(details, chosen, known))
    rest = [detail for detail in details if detail.digest not in left]
    unread = any(
        detail.media_type in INDEX_MEDIA_TYPES and detail.digest not in known.children and detail.digest in left
        for detail in details
    )
    again = gone(decide(rest, chosen, known))
    # Without the unread index, what might have belonged to it needs nobody any more; the newest are counted anew.
    if not unread:
        assert again == set()


def test_what_stays_for_another_does_not_keep_the_index_above_it() -> None:
    """Signed or not: a platform whose own tag stays needs no index."""
    signature = image("signature", artifact_type=SIGNATURE, subject=digest("amd64"))
    details = [index("old"), image("amd64", "prod-amd64"), image("arm64"), signature]
    decision = decide(details, rules("type=untagged,older=14d"), facts({"old": ["amd64", "arm64"]}))
    assert gone(decision) == {digest("old"), digest("arm64")}
