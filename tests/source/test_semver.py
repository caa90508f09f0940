"""Semantic versions: the specification's own examples, and a total order."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.source.semver import MAX_LENGTH, Version

SPEC_ORDER = [
    # semver.org, item 11
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
]


def version(name: str) -> Version:
    """The version of a name that is one."""
    found = Version.parse(name)
    assert found is not None, name
    return found


def test_the_specifications_order() -> None:
    assert [str(found) for found in sorted(map(version, reversed(SPEC_ORDER)))] == SPEC_ORDER


@pytest.mark.parametrize(
    "name",
    [
        "0.0.0",
        "v1.2.3",
        "1.0.0-alpha.1",
        "1.0.0-0.3.7",
        "1.0.0-x.7.z.92",
        "1.0.0-x-y-z.--",
        "1.0.0-0a",
        "1.0.0-alpha+001",
        "1.0.0+20130313144700",
        "1.0.0-beta+exp.sha.5114f85",
        "1.0.0+21AF26D3----117B344092BD",
        "999999999999999999.99999999999999999.9",
    ],
)
def test_what_is_a_version(name: str) -> None:
    assert str(version(name)) == name.removeprefix("v")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "v",
        "1",
        "1.2",
        "1.2.3.4",
        "01.2.3",
        "1.02.3",
        "1.2.03",
        "1.2.3-",
        "1.2.3-01",
        "1.2.3-a..b",
        "1.2.3+",
        "1.2.3+a+b",
        "1.2.3-ä",
        "1.2.3\n",
        " 1.2.3",
        "V1.2.3",
        "vv1.2.3",
        "release-1.2.3",
        "\N{ARABIC-INDIC DIGIT ONE}.2.3",
        "1.2.3-" + "a" * MAX_LENGTH,
        "1" * 5000 + ".0.0",
    ],
)
def test_what_is_none(name: str) -> None:
    assert Version.parse(name) is None


def test_build_metadata_has_no_say() -> None:
    assert version("1.0.0+a") == version("v1.0.0+b")
    assert not version("1.0.0+a") < version("1.0.0+b")


def test_is_prerelease() -> None:
    assert version("1.0.0-rc.1").prerelease
    assert not version("1.0.0+rc.1").prerelease


numbers = st.integers(0, 12)
identifiers = st.one_of(
    st.integers(0, 120).map(str), st.from_regex(r"[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,3}", fullmatch=True)
)
versions = st.builds(
    Version,
    numbers,
    numbers,
    numbers,
    st.lists(identifiers, max_size=3).map(tuple),
    st.lists(identifiers, max_size=2).map(tuple),
)


@settings(deadline=None)
@given(versions)
def test_text_and_back(one: Version) -> None:
    again = version(f"v{one}")
    assert again == one
    assert again.build == one.build


@settings(deadline=None)
@given(versions, versions, versions)
def test_a_total_order(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a <= b) == (a < b or a == b) == (b >= a)
    if a <= b and b <= c:
        assert a <= c
    if a == b:
        assert hash(a) == hash(b)


@settings(deadline=None)
@given(versions, versions)
def test_precedence_as_the_specification_words_it(a: Version, b: Version) -> None:
    assert (a < b) == (compare(a, b) < 0)


def compare(a: Version, b: Version) -> int:
    """Item 11, clause by clause: an independent way to the same answer."""
    for mine, other in ((a.major, b.major), (a.minor, b.minor), (a.patch, b.patch)):
        if mine != other:
            return mine - other
    if bool(a.prerelease) != bool(b.prerelease):
        return -1 if a.prerelease else 1
    for mine_id, other_id in zip(a.prerelease, b.prerelease, strict=False):
        if mine_id == other_id:
            continue
        if mine_id.isdigit() and other_id.isdigit():
            return int(mine_id) - int(other_id)
        if mine_id.isdigit() != other_id.isdigit():
            return -1 if mine_id.isdigit() else 1
        return -1 if mine_id < other_id else 1
    return len(a.prerelease) - len(b.prerelease)


def test_the_highest_of_many() -> None:
    assert str(functools.reduce(max, map(version, ["v1.9.0", "v1.10.0", "v2.0.0-rc.1"]))) == "2.0.0-rc.1"
