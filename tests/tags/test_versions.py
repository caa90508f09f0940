"""Python versions (PEP 440), and both kinds of version as the rules see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.tags.versions import Version, parse_version


def pep440(text: str) -> Version | None:
    """Return the Python version of a text."""
    return parse_version(text, "pep440")


def canonical_form(version: Version) -> str:
    """Return the version as PEP 440 writes it: ``{{version}}`` has commas in the local part."""
    return version.canonical.replace(",", ".")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2", "1.2"),
        ("V01.02", "1.2"),
        ("1!2.0", "1!2.0"),
        ("0!2.0", "2.0"),
        ("1.0alpha", "1.0a0"),
        ("1.0-beta_2", "1.0b2"),
        ("1.0.C1", "1.0rc1"),
        ("1.0PREVIEW3", "1.0rc3"),
        ("1.0pre", "1.0rc0"),
        ("1.0-1", "1.0.post1"),
        ("1.0rev2", "1.0.post2"),
        ("1.0r", "1.0.post0"),
        ("1.0.post.4", "1.0.post4"),
        ("1.0dev", "1.0.dev0"),
        ("1.0a1.post2.dev3", "1.0a1.post2.dev3"),
        ("1.0+Ubuntu-01_b", "1.0+ubuntu.1.b"),
    ],
)
def test_the_canonical_form(text: str, canonical: str) -> None:
    version = pep440(text)
    assert version is not None
    assert canonical_form(version) == canonical
    again = pep440(canonical)
    assert again is not None
    assert (again.canonical, again.rank) == (version.canonical, version.rank)


@pytest.mark.parametrize(
    "text",
    [
        *("", "v", "1.", "a1", "1.0x", "1.0+", "1.0+a..b", "1.0--1", "1 ", "1" * 300, "\u0661.\u0662"),
        # packaging takes white space around a version, and in some versions a letter that folds to an ASCII one.
        *(" 1", "1\n", "1.0+\u017f"),
    ],
)
def test_what_is_no_python_version(text: str) -> None:
    assert pep440(text) is None


def test_the_order_of_the_pep() -> None:
    ordered = "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456"
    ordered += " 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0.post456.dev34 1.0.post456 1.0.15 1.1.dev1 1!0.1"
    ranks = [version.rank for text in ordered.split() if (version := pep440(text))]
    assert len(ranks) == len(ordered.split())
    assert ranks[1:] == sorted(ranks[1:])
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize(("one", "other"), [("1.0.0", "1"), ("1.0+a", "1.0+b"), ("1.0+a", "1.0")])
def test_versions_that_are_written_otherwise_and_rank_the_same(one: str, other: str) -> None:
    left, right = pep440(one), pep440(other)
    assert left is not None
    assert right is not None
    assert left != right
    assert left.rank == right.rank


@given(st.text(alphabet="v0123456789.!abcrcpostdev-_+", max_size=20))
def test_what_is_a_version_has_a_canonical_form_that_is_the_same_one(text: str) -> None:
    version = pep440(text)
    if version is not None:
        again = pep440(canonical_form(version))
        assert again is not None
        assert (again.canonical, again.rank) == (version.canonical, version.rank)


@pytest.mark.parametrize(("text", "canonical"), [("v1.2.3+b", "1.2.3"), ("1.2.3-rc.1+b", "1.2.3-rc.1")])
def test_a_semantic_version_is_shown_without_its_build(text: str, canonical: str) -> None:
    version = parse_version(text, "semver")
    assert version is not None
    assert version.canonical == canonical


@pytest.mark.parametrize(
    ("text", "unique"), [("1.2", True), ("1.2.3", True), ("1.2.3.4", False), ("1!1", False), ("1+a", False)]
)
def test_a_release_is_told_by_all_its_numbers(text: str, unique: bool) -> None:
    version = pep440(text)
    assert version is not None
    assert version.has_unique_numbers is unique
