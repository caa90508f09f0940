"""CHANGELOG.md, and the rules that script/release holds it to."""

from __future__ import annotations

import runpy
from types import SimpleNamespace

import pytest

from ecr_tasks import __version__
from tests.project.test_lock import CHECKOUT

changelog = SimpleNamespace(**runpy.run_path(str(CHECKOUT / "script/lib/changelog.py")))

TWO = """\
# Changelog

## [Unreleased]

## [0.2.0] - 2026-03-01

### Fixed

- A fault of 0.1.0.

## [0.1.0] - 2026-02-01

### Added

- All of it.
"""


def test_the_changelog_follows_keep_a_changelog_and_tells_of_this_version() -> None:
    text = (CHECKOUT / "CHANGELOG.md").read_text("utf-8")
    assert changelog.heading_problems(text) == []
    assert changelog.version_problems(text, __version__, released=False) == []


def test_two_releases_are_in_order() -> None:
    assert changelog.heading_problems(TWO) == []
    assert changelog.version_problems(TWO, "0.2.0", released=True) == []
    assert changelog.releases(TWO)["0.2.0"] == "### Fixed\n\n- A fault of 0.1.0."


@pytest.mark.parametrize(
    ("text", "replacement", "problem"),
    [
        ("## [Unreleased]", "## [0.3.0] - 2026-04-01", "The first heading"),
        ("2026-03-01", "2026-13-01", "month"),
        ("- 2026-03-01", "(2026-03-01)", "has to read"),
        ("[0.2.0]", "[0.0.9]", "newest release"),
        ("[0.2.0] - 2026-03-01", "[0.1.0] - 2026-02-01", "twice"),
        ("[0.2.0]", "[next]", "next"),
        ("### Fixed", "### Bugs", "Bugs is none of Added, Changed"),
        ("## [0.1.0] - 2026-02-01\n\n### Added\n\n- All of it.\n", "", "Before the second release"),
    ],
)
def test_a_mistake_in_a_heading_is_a_problem(text: str, replacement: str, problem: str) -> None:
    assert text in TWO
    assert any(problem in line for line in changelog.heading_problems(TWO.replace(text, replacement)))


@pytest.mark.parametrize(
    ("text", "version", "problem"),
    [
        (TWO, "0.3.0", "The newest release has to read ## [0.3.0] - "),
        (TWO.replace("[Unreleased]\n", "[Unreleased]\n\n### Added\n\n- More.\n"), "0.2.0", "isn't empty"),
    ],
)
def test_a_release_needs_its_own_part_and_an_empty_unreleased_one(text: str, version: str, problem: str) -> None:
    (line,) = changelog.version_problems(text, version, released=True)
    assert problem in line


def test_a_commit_before_a_release_needs_something_unreleased() -> None:
    assert changelog.version_problems(TWO, "0.3.0", released=False) != []
    more = TWO.replace("[Unreleased]\n", "[Unreleased]\n\n### Added\n\n- More.\n")
    assert changelog.version_problems(more, "0.3.0", released=False) == []
