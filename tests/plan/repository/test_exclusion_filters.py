"""A repository locks the fixed tags of the tag rules and no moving one, as far as five filters can express."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ecr_tasks.model.manifest import CACHE_TAG, CACHE_TAGS
from ecr_tasks.model.registry import Repository, wildcard_matches
from ecr_tasks.model.repository import DesiredRepository
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.fixed_names import is_fixed_name
from ecr_tasks.plan.repository.desired import desired_repository
from ecr_tasks.plan.repository.tag_patterns import as_filter, overlap
from ecr_tasks.plan.tag_states import is_replaceable
from tests.support.build import dirty, repository, settings, source
from tests.tags.build import apply, pull_request, push, pushed_tag

BRANCHES = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9_./-]{0,40}", fullmatch=True)
VERSIONS = st.tuples(st.integers(0, 3), st.integers(0, 99), st.integers(0, 99), st.sampled_from(["", "-rc.1", "-a"]))
LOOKS_FIXED = re.compile(r"sha-.*|[0-3]\..*\..*")
"""Branch names that no filter can distinguish from a commit's or a release's tag; a note says so."""

EXAMPLES = "type=semver,pattern={{version}};type=semver,pattern={{major}}.{{minor}};type=ref,event=branch;type=sha"


def wants(
    rules: str | None = None, *releases: str, actual: tuple[str, ...] = (), **changes: str
) -> DesiredRepository:
    return desired_repository(settings(tags=rules, **changes), source(release_tags=releases), actual)


def locked_by(wanted: DesiredRepository) -> Repository:
    assert len(wanted.filters) <= 5
    for one in wanted.filters:
        assert re.fullmatch(r"[0-9a-zA-Z._*-]{1,128}", one)
        assert one.count("*") <= 2
    return repository(wanted.mutability, *wanted.filters)


def holds(tags: tuple[Tag, ...], there: Repository) -> None:
    for tag in tags:
        assert there.locks(tag.name) == (tag.kind == "fixed" or is_replaceable(tag)), tag


@given(BRANCHES, VERSIONS)
@example("main", (1, 2, 3, ""))
@example("release/1.2", (0, 0, 1, "-rc.1"))
@example("dependabot/npm/lodash-4.17.21", (3, 99, 0, ""))
def test_the_default_rules_lock_every_fixed_tag_and_no_moving_one(
    branch: str, version: tuple[int, int, int, str]
) -> None:
    there = locked_by(wants())
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", branch)
    assume(not LOOKS_FIXED.fullmatch(name))
    release = f"v{version[0]}.{version[1]}.{version[2]}{version[3]}"
    for state in (push(branch), pushed_tag(release), pull_request(), dirty(branch=branch)):
        holds(apply(None, state).tags, there)
    for moving in (CACHE_TAG, "latest", "unversioned", "pr-7"):
        assert not there.locks(moving)


@given(VERSIONS, st.integers(0, 2))
def test_rules_with_minor_versions_lock_versions_and_let_those_move(
    version: tuple[int, int, int, str], long: int
) -> None:
    rules = EXAMPLES + (",format=long" if long else "")
    state = pushed_tag(f"{version[0]}.{version[1]}.{version[2]}{version[3]}")
    holds(apply(rules, state).tags, locked_by(wants(rules)))


def test_without_branches_everything_is_locked_but_what_moves() -> None:
    rules = "type=semver,pattern={{version}};type=sha"
    wanted = wants(rules)
    assert (wanted.mutability, wanted.filters) == (
        "IMMUTABLE_WITH_EXCLUSION",
        ("latest", CACHE_TAGS, "sha-*-dirty"),
    )
    assert wanted.notes == ()
    there = locked_by(wanted)
    for state in (pushed_tag("v12.0.1"), push()):
        holds(apply(rules, state).tags, there)
    (uncommitted,) = apply(rules, dirty()).tags
    assert not there.locks(uncommitted.name)


def test_the_filters_follow_the_major_versions_of_git() -> None:
    assert wants(None).filters == ("sha-*", "0.*.*", "1.*.*", "2.*.*", "3.*.*")
    assert wants(None, "v2.9.0").filters == ("sha-*", "0.*.*", "1.*.*", "2.*.*", "3.*.*")
    later = wants(None, "v0.1.0", "v11.0.0").filters
    assert later == ("sha-*", "9.*.*", "10.*.*", "11.*.*", "12.*.*")
    # A shallow clone knows no releases: what the repository has stays.
    assert wants(None, actual=later).filters == later
    assert wants(None, "v12.0.0", actual=later).filters[-1] == "13.*.*"
    assert any("0 to 3" in note for note in wants(None).notes)


@pytest.mark.parametrize(
    ("rules", "mutability", "filters", "says"),
    [
        ("type=raw,value=stable", "MUTABLE", (), "nothing to lock"),
        ("type=ref,event=tag;type=ref,event=branch", "MUTABLE", (), "look like anything"),
        ("type=ref,event=branch,suffix=-{{sha}};type=ref,event=pr", "MUTABLE", (), "look like anything"),
        ("type=sha,prefix=;type=ref,event=branch", "MUTABLE", (), "look like anything"),
        ("type=sha;type=ref,event=branch", "MUTABLE_WITH_EXCLUSION", ("sha-*",), "-dirty"),
        ("type=sha;type=ref,event=branch;type=raw,value=sha-latest", "MUTABLE", (), "sha-latest"),
        (
            "type=pep440,pattern={{version}};type=pep440,pattern={{major}}.{{minor}}",
            "MUTABLE",
            (),
            "look like those of",
        ),
        (
            ";".join(f"type=sha,prefix=p{number}-" for number in range(6)) + ";type=ref,event=branch",
            "MUTABLE_WITH_EXCLUSION",
            tuple(f"p{number}-*" for number in range(5)),
            "none for p5-*",
        ),
        (
            "type=sha;type=ref,event=branch;type=semver,pattern={{raw}}",
            "MUTABLE_WITH_EXCLUSION",
            ("sha-*", "v0.*.*", "v1.*.*", "v2.*.*", "v3.*.*"),
            "vN.*.*",
        ),
        ("type=sha,enable=false;type=ref,event=branch", "MUTABLE", (), "nothing to lock"),
        ("type=ref,event=branch,kind=fixed", "MUTABLE", (), "look like anything"),
        ("type=schedule,pattern={{date 'YYYYMMDDHHmmss'}},prefix=nightly-", "IMMUTABLE_WITH_EXCLUSION", None, ""),
    ],
)
def test_what_cannot_be_separated_is_said(
    rules: str, mutability: str, filters: tuple[str, ...] | None, says: str
) -> None:
    wanted = wants(rules)
    assert wanted.mutability == mutability
    assert filters is None or wanted.filters == filters
    assert any(says in note for note in wanted.notes) or not says, wanted.notes
    locked_by(wanted)


@pytest.mark.parametrize(
    "rule",
    ["type=sha,prefix=", "type=sha,prefix={{branch}}-", "type=raw,value={{branch}}-{{sha}}-{{date 'YYYYMMDD'}}"],
)
def test_a_flavors_suffix_locks_no_branchs_tag(rule: str) -> None:
    """The first push of a branch would be the only one."""
    wanted = wants(f"type=ref,event=branch;{rule}", flavor="suffix=-alpine")
    there = locked_by(wanted)
    assert [name for name in ("main-alpine", "my-work-alpine", "a-b-c-alpine") if there.locks(name)] == []
    assert any("can look like those of" in note or "look like anything" in note for note in wanted.notes)


@pytest.mark.parametrize(
    ("rules", "filters"),
    [
        ("type=ref,event=tag,prefix=rel-", ("rel-*",)),
        ("type=ref,event=tag,prefix=rel-;type=ref,event=branch", ("rel-*",)),
        ("type=sha,prefix=my-;type=ref,event=branch", ("my-*",)),
        ("type=sha,prefix=feature-;type=ref,event=branch", ("feature-*",)),
        ("type=sha,prefix=b-;type=ref,event=branch,prefix=b-", ()),
    ],
)
def test_a_prefix_is_locked_though_a_branch_could_have_it_but_not_where_each_has(
    rules: str, filters: tuple[str, ...]
) -> None:
    assert wants(rules).filters == filters


@pytest.mark.parametrize("rules", [None, "type=sha", "type=raw,value=stable", EXAMPLES])
def test_tags_of_inputs_are_locked_where_there_are_any(rules: str | None) -> None:
    tag = f"inputs-{'0a' * 20}"
    assert is_fixed_name(tag)
    there = locked_by(wants(rules, skip="content"))
    assert there.locks(tag)
    assert not locked_by(wants("type=ref,event=branch;type=sha")).locks(tag)
    for state in (push("main"), pushed_tag("v1.2.3"), dirty()):
        for one in apply(rules, state).tags:
            assert is_replaceable(one) or there.locks(one.name) == (one.kind == "fixed")


def test_a_branch_that_looks_like_inputs_is_named_in_a_note() -> None:
    wanted = wants(skip="content")
    assert wanted.filters == ("sha-*", "inputs-*", "0.*.*", "1.*.*", "2.*.*")
    assert any("inputs-*" in note for note in wanted.notes)


def test_refusing_uncommitted_trees_needs_no_room_for_their_tags() -> None:
    wanted = wants("type=sha;type=semver,pattern={{version}}", dirty="refuse")
    assert wanted.filters == ("latest", CACHE_TAGS)
    assert not any("-dirty" in note for note in wants(dirty="refuse").notes)


def test_a_choice_of_ones_own_is_taken_as_it_is() -> None:
    own = desired_repository(settings(mutability=("immutable", "latest", "pr-*")), source())
    assert (own.mutability, own.filters, own.notes) == ("IMMUTABLE_WITH_EXCLUSION", ("latest", "pr-*"), ())
    assert desired_repository(settings(mutability=("mutable", "v*")), source()).mutability == "MUTABLE_WITH_EXCLUSION"
    assert desired_repository(settings(mutability=("immutable",)), source()).mutability == "IMMUTABLE"
    assert desired_repository(settings(mutability=("mutable",)), source()).mutability == "MUTABLE"


WORDS = ["".join(letters) for size in range(5) for letters in product("a1-", repeat=size)]
SHAPES = st.lists(st.sampled_from("a1-*"), max_size=5).map("".join)


@given(SHAPES, SHAPES)
def test_two_shapes_meet_where_a_tag_matches_both(one: str, other: str) -> None:
    both = any(wildcard_matches(one, word) and wildcard_matches(other, word) for word in WORDS)
    assert overlap(one, other) >= both
    if "*" not in one + other:
        assert overlap(one, other) == (one == other)


def test_digits_and_commits_are_no_words() -> None:
    assert not overlap("sha-%", "sha-*-dirty")
    assert not overlap("#.#", "#.*.*")
    assert overlap("sha-%", "sha-1*")
    assert overlap("#.#.#", "1.*")


@given(st.text("ab*#%.-", min_size=1, max_size=12))
def test_a_filter_is_one_that_ecr_takes(shape: str) -> None:
    tag_filter = as_filter(shape)
    assert tag_filter.count("*") <= 2
    assert re.fullmatch(r"[0-9a-zA-Z._*-]{1,128}", tag_filter)
