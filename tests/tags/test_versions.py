"""PEP 440, and both kinds of version as the rules see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.tags.pep440 import Version
from ecr_tasks.tags.versions import parse


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
    version = Version.parse(text)
    assert version is not None
    assert str(version) == canonical
    assert Version.parse(canonical) == version


@pytest.mark.parametrize(
    "text", ["", "v", "1.", "a1", "1.0x", "1.0+", "1.0+a..b", "1.0--1", "1 ", "1" * 300, "\u0661.\u0662"]
)
def test_what_is_no_python_version(text: str) -> None:
    assert Version.parse(text) is None


def test_the_order_of_the_pep() -> None:
    ordered = "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456"
    ordered += " 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0.post456.dev34 1.0.post456 1.0.15 1.1.dev1 1!0.1"
    versions = [Version.parse(text) for text in ordered.split()]
    ranks = [version.precedence for version in versions if version]
    assert len(ranks) == len(versions)
    assert ranks[1:] == sorted(ranks[1:])
    assert len(set(ranks)) == len(ranks)
    assert Version.parse("1.0.0") != Version.parse("1")
    assert [v.precedence for v in [Version.parse("1.0.0")] if v] == [v.precedence for v in [Version.parse("1")] if v]


@given(st.text(alphabet="v0123456789.!abcrcpostdev-_+", max_size=20))
def test_what_is_a_version_has_a_canonical_form_that_is_the_same_one(text: str) -> None:
    version = Version.parse(text)
    assert version is None or Version.parse(str(version)) == version


@pytest.mark.parametrize(("text", "version"), [("v1.2.3+b", "1.2.3"), ("1.2.3-rc.1+b", "1.2.3-rc.1")])
def test_a_semantic_version_is_shown_without_its_build(text: str, version: str) -> None:
    found = parse(text, "semver")
    assert found is not None
    assert found.canonical == version


def test_a_release_is_told_by_all_its_numbers() -> None:
    wholes = [
        version.whole for text in ("1.2", "1.2.3", "1.2.3.4", "1!1", "1+a") if (version := parse(text, "pep440"))
    ]
    assert wholes == [3, 3, 4, 4, 4]
