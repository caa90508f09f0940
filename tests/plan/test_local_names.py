"""Which local names are removed: old commits' ones that runs gave, of images that nothing uses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import CREATED, REVISION, SETTINGS, SOURCE, VERSION
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.local_names import stale_candidates, stale_names

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
DAYS = "0123456789"
"""Each digit is a commit, made of it alone; the commits' days are in the same order."""


def image(day: str, *names: str, version: str = "main", used: bool = False) -> LocalImage:
    """Return an image of a commit, under the names that a run gives and these."""
    labels = {SETTINGS: "1 x=y", REVISION: day * 40, CREATED: f"2026-11-1{day}T00:00:00Z", VERSION: version}
    tag = f"sha-{day * 7}"
    return LocalImage(f"sha256:{day}", (f"team/app:{tag}", f"{HOST}/team/app:{tag}", *names), labels, used)


IMAGES = [image(day) for day in DAYS]


def planned(*tags: str, **labels: str) -> Image:
    """Return what a run publishes of commit 9, with these tags."""
    names = {"source": SOURCE}
    definition = BuildDefinition(
        ".", labels={REVISION: "9" * 40, **{names[key]: text for key, text in labels.items()}}
    )
    found = tuple(Tag(tag, "moving", "type=raw", "") for tag in tags or ("main",))
    return Image("app", "team/app", definition, found)


def gone(
    images: Sequence[LocalImage],
    keep: int,
    built: Collection[str] = (),
    *,
    run: Image | None = None,
    known: str = DAYS,
) -> tuple[str, ...]:
    """Return the names that a run removes in a clone that has the ``known`` commits."""
    return stale_names(images, run or planned(), keep, built, lambda commit: commit[0] in known)


def days(names: tuple[str, ...]) -> str:
    """Return the commits of names, which must be both that a run gave."""
    found = sorted({name[-1] for name in names})
    assert sorted(names) == sorted(name for day in found for name in image(day).names)
    return "".join(found)


@pytest.mark.parametrize(("keep", "old"), [(1, "012345678"), (3, "0123456"), (9, "0"), (10, ""), (0, DAYS)])
def test_the_newest_commits_stay(keep: int, old: str) -> None:
    assert days(gone(IMAGES, keep)) == old


def test_the_commit_that_was_built_now_is_one_of_them_however_old() -> None:
    assert days(gone(IMAGES, 3, {"sha256:2"})) == "0134567"
    assert days(gone(IMAGES, 1, {"sha256:0", "sha256:none"})) == DAYS[1:]
    assert days(gone(IMAGES, 0, {"sha256:9"})) == DAYS


def test_what_something_uses_stays_and_is_counted() -> None:
    images = [replace(item, used=item.id.endswith(("0", "9"))) for item in IMAGES]
    assert days(gone(images, 2)) == "1234567"


def test_only_names_that_runs_give_are_removed() -> None:
    part = f"{HOST}/team/app:ecr-tasks-part-%s-{'a' * 24}-linux-amd64"
    mine = ("team/app:mine", "team/app:sha-0000000-debug", "team/app:latest", "app:sha-0000000", part % ("1" * 12))
    elsewhere = ("other/team/app:sha-0000000", f"{HOST}/other/team/app:sha-0000000", "team/app:sha-1111111")
    given = (
        *("team/app:0.1.0", "127.0.0.1:4566/team/app:0.1.0", "localhost/team/app:0.1.0"),
        *("team/app:sha-0000000-dirty", "team/app:sha-0000000-r2", f"team/app:{'0' * 40}", "team/app:ci_0000000"),
        part % ("0" * 12),
    )
    old = image("0", *mine, *elsewhere, *given, version="0.1.0")
    removed = gone([old, *IMAGES[5:]], 5)
    assert sorted(removed) == sorted([*image("0").names, *given])


@pytest.mark.parametrize("label", [SETTINGS, REVISION])
def test_an_image_of_somebody_elses_stays(label: str) -> None:
    foreign = replace(IMAGES[0], labels={name: text for name, text in IMAGES[0].labels.items() if name != label})
    assert gone([foreign, *IMAGES[1:4]], 3) == ()


def test_what_another_project_built_under_the_same_name_stays_and_is_not_counted() -> None:
    here, there = "https://git.example/one/app", "https://git.example/two/app"
    images = [
        replace(item, labels={**item.labels, SOURCE: here if index % 2 else there})
        for index, item in enumerate(IMAGES)
    ]
    assert days(gone(images, 2, run=planned(source=here), known="")) == "135"
    assert days(gone(images, 2, run=planned(source=here), known="04")) == "01345"  # a fork's, of a commit known here
    assert days(gone(IMAGES, 2, run=planned(source=here), known="")) == ""
    assert days(gone(IMAGES, 2, known="135")) == "1"  # two projects without a remote


def test_a_tag_may_end_with_what_a_flavor_adds() -> None:
    flavored = [
        replace(image(day), names=tuple(f"{name}-alpine{end}" for name in image(day).names for end in ("", "-dirty")))
        for day in DAYS
    ]
    for tag in (f"sha-{'9' * 7}-alpine", f"sha-{'9' * 7}-alpine-dirty", f"{'9' * 40}-alpine"):
        assert len(gone(flavored, 3, run=planned("main-alpine", tag))) == 7 * 4
    assert gone(flavored, 3) == ()
    assert days(gone(IMAGES, 3, run=planned(f"sha-{'9' * 7}-alpine"))) == "0123456"  # from before the flavor


def test_with_none_kept_the_moving_tags_of_the_pushed_commit_go_too() -> None:
    pushed = replace(IMAGES[9], names=(*IMAGES[9].names, "team/app:latest", "team/app:mine"))
    run = planned("sha-9999999", "latest")
    assert gone([pushed], 0, {"sha256:9"}, run=run) == (*IMAGES[9].names, "team/app:latest")
    assert gone([pushed], 1, {"sha256:9"}, run=run) == ()


def test_a_repository_with_few_tags_is_not_looked_at() -> None:
    ids = {name: item.id for item in (image("1"), image("2")) for name in item.names}
    others = {"other/app:x": "sha256:x", "other/app:y": "sha256:y"}
    run = planned("sha-2222222")
    assert stale_candidates({**ids, **others}, run, 2) == set()
    assert stale_candidates({**ids, **others}, run, 1) == {"sha256:1", "sha256:2"}
    assert stale_candidates({**ids, **others}, planned("sha-3333333"), 2) == {"sha256:1", "sha256:2"}


def test_what_the_store_had_before_the_build_is_enough() -> None:
    run = planned("sha-9999999", "main")
    before = [replace(item, names=(*item.names, "team/app:main")) for item in IMAGES[5:8]]
    assert days(gone(before, 3, {"sha256:new"}, run=run)) == "5"  # the new one's commit is the third
    # The build takes the version from an older image of it.
    again = planned("1.2.3")
    older = replace(image("0", "team/app:1.2.3", version="1.2.3"), names=("team/app:1.2.3",))
    assert gone([older], 1, {"sha256:new"}, run=again) == ()
