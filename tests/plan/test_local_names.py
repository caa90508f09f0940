"""Which local names are removed: old commits' ones that runs gave, of images that nothing uses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import CREATED, REVISION, SETTINGS, VERSION
from ecr_tasks.plan.local_names import could_be_stale, stale_names

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
DAYS = "0123456789"
"""Each digit is a commit, made of it alone; the commits' days are in the same order."""


def image(day: str, *names: str, version: str = "main", used: bool = False) -> LocalImage:
    """Return an image of a commit, under the names that a run gives and these."""
    labels = {SETTINGS: "1 x=y", REVISION: day * 40, CREATED: f"2026-11-1{day}T00:00:00Z", VERSION: version}
    tag = f"sha-{day * 7}"
    return LocalImage(f"sha256:{day}", (f"team/app:{tag}", f"{HOST}/team/app:{tag}", *names), labels, used)


IMAGES = [image(day) for day in DAYS]


def days(names: tuple[str, ...]) -> str:
    """Return the commits of names, which must be both that a run gave."""
    found = sorted({name[-1] for name in names})
    assert sorted(names) == sorted(name for day in found for name in image(day).names)
    return "".join(found)


@pytest.mark.parametrize(("keep", "gone"), [(1, "012345678"), (3, "0123456"), (9, "0"), (10, ""), (0, DAYS)])
def test_the_newest_commits_stay(keep: int, gone: str) -> None:
    assert days(stale_names(IMAGES, "team/app", keep)) == gone


def test_the_commit_that_was_built_now_is_one_of_them_however_old() -> None:
    assert days(stale_names(IMAGES, "team/app", 3, {"sha256:2"})) == "0134567"
    assert days(stale_names(IMAGES, "team/app", 1, {"sha256:0", "sha256:none"})) == DAYS[1:]
    assert days(stale_names(IMAGES, "team/app", 0, {"sha256:9"})) == DAYS


def test_what_something_uses_stays_and_is_counted() -> None:
    images = [replace(item, used=item.id.endswith(("0", "9"))) for item in IMAGES]
    assert days(stale_names(images, "team/app", 2)) == "1234567"


def test_only_names_that_runs_give_are_removed() -> None:
    mine = ("team/app:mine", "team/app:sha-0000000-debug", "team/app:latest", "app:sha-0000000")
    elsewhere = ("other/team/app:sha-0000000", f"{HOST}/other/team/app:sha-0000000", "team/app:sha-1111111")
    given = (
        *("team/app:0.1.0", "127.0.0.1:4566/team/app:0.1.0", "localhost/team/app:0.1.0"),
        *("team/app:sha-0000000-dirty", "team/app:sha-0000000-r2", f"team/app:{'0' * 40}", "team/app:ci_0000000"),
    )
    old = image("0", *mine, *elsewhere, *given, version="0.1.0")
    gone = stale_names([old, *IMAGES[5:]], "team/app", 5)
    assert sorted(gone) == sorted([*image("0").names, *given])


@pytest.mark.parametrize("label", [SETTINGS, REVISION])
def test_an_image_of_somebody_elses_stays(label: str) -> None:
    foreign = replace(IMAGES[0], labels={name: text for name, text in IMAGES[0].labels.items() if name != label})
    assert stale_names([foreign, *IMAGES[1:4]], "team/app", 3) == ()


def test_a_repository_with_few_tags_is_not_looked_at() -> None:
    names = [*image("1").names, *image("2").names, "other/app:x", "other/app:y"]
    assert not could_be_stale(names, "team/app", 2)
    assert could_be_stale(names, "team/app", 1)
