"""Tests of the parts of an image: what a runner builds for its platform, and what tag it has."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition, Image, Inputs
from ecr_tasks.model.manifest import SETTINGS, VERSION
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import INPUTS_RULE, PART_TAG
from ecr_tasks.plan.conflicts import of_another_commit
from ecr_tasks.plan.parts import only_for, parse_only, part_of, part_tag, part_tags
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.plan.tag_states import PlannedTag, is_contested
from tests.support.build import ALL_TAGS, FIXED, REVISION_A, REVISION_B, manifest, repository, source
from tests.support.build import VERSION as RELEASE

AMD, ARM = "linux/amd64", "linux/arm64"


def image(**changes: object) -> Image:
    labels = {SETTINGS: "1 args=0a", VERSION: "main"}
    definition = BuildDefinition(".", platforms=(AMD, ARM), labels=labels)
    return replace(Image("app", "team/app", definition, ALL_TAGS), **changes)  # type: ignore[arg-type]


def test_a_part_builds_its_platform_under_a_tag_that_ecr_and_docker_take() -> None:
    part = part_of(image(), ARM, REVISION_A)
    assert part.definition.platforms == (ARM,)
    assert part.local_tags == ALL_TAGS
    (tag,) = part.tags
    assert re.fullmatch(rf"{PART_TAG}a1b2c3d40000-[0-9a-f]{{24}}-linux-arm64", tag.name)
    assert tag.kind == "fixed"


def test_a_part_writes_the_caches_of_its_image() -> None:
    whole = image(definition=BuildDefinition(".", platforms=(AMD, ARM), cache_to=("type=gha",)))
    assert part_of(whole, ARM, REVISION_A).definition.cache_to == ("type=gha",)


@pytest.mark.parametrize(
    "other",
    [
        image(name="web"),
        image(tags=(RELEASE, *ALL_TAGS)),
        image(inputs=Inputs("sha256:" + "1" * 64)),
        image(referrers=("type=provenance,mode=max",)),
        image(definition=BuildDefinition(".", platforms=(AMD, ARM), labels={SETTINGS: "1 args=0b", VERSION: "main"})),
        image(definition=BuildDefinition(".", platforms=(AMD, ARM), labels={SETTINGS: "1 args=0a", VERSION: "1"})),
    ],
)
def test_what_was_built_from_anything_else_is_another_part(other: Image) -> None:
    assert part_tag(other, ARM, REVISION_A).name != part_tag(image(), ARM, REVISION_A).name


def test_a_part_s_tag_with_another_commits_image_is_to_be_deleted_as_no_new_commit_frees_it() -> None:
    tag = part_tag(image(), ARM, REVISION_A)
    error = of_another_commit(tag, "team/app", manifest("other", REVISION_B))
    assert error.remedy == "Delete that tag in ECR, and run it again."
    sha = next(item for item in ALL_TAGS if item.names_commit)
    assert of_another_commit(sha, "team/app", manifest("other", REVISION_B)).remedy.startswith("Make a new commit")


def test_another_commit_and_another_platform_are_other_parts() -> None:
    tags = {*part_tags(image(), REVISION_A).values(), *part_tags(image(), REVISION_B).values()}
    assert len(tags) == 4


def test_a_runner_builds_parts_of_what_has_its_platform_and_the_whole_of_what_has_no_other() -> None:
    own, other = (
        image(name=name, definition=BuildDefinition(".", platforms=(platform,)))
        for name, platform in (("own", ARM), ("other", AMD))
    )
    both, alone = only_for((image(), own, other), ARM, REVISION_A)
    assert (both.whole, alone) == (image(), own)


@pytest.mark.parametrize(
    ("platform", "images", "message"),
    [
        ("linux/s390x", (image(),), "the images are for linux/amd64, linux/arm64"),
        (ARM, (image(definition=BuildDefinition(".")),), "the platforms of the whole image are not set"),
    ],
)
def test_a_platform_that_no_image_has_is_named(platform: str, images: tuple[Image, ...], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        only_for(images, platform, REVISION_A)


@pytest.mark.parametrize("revision", [None, REVISION_A])
def test_a_source_that_other_runners_could_not_know_is_refused(revision: str | None) -> None:
    with pytest.raises(Refused, match="can't be built for linux/arm64 alone"):
        only_for((image(dirty=revision is not None),), ARM, revision)


@pytest.mark.parametrize(("text", "platform"), [("arm64", ARM), ("linux/arm64/v8", ARM), ("linux/arm/v7",) * 2])
def test_a_platform_is_taken_in_any_form(text: str, platform: str) -> None:
    assert parse_only(text) == platform


@pytest.mark.parametrize("text", ["local", "linux/amd64,linux/arm64", "amiga", ""])
def test_what_names_no_platform_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="names no platform"):
        parse_only(text)


def test_a_part_that_is_there_is_not_built_again() -> None:
    part = part_of(image(), ARM, REVISION_A)
    for there in (False, True):
        tags = {part.tags[0].name: manifest("part")} if there else {}
        snapshot = Snapshot({"team/app": RepositoryView(repository(), tags)})
        (item,) = make_plan([part], source(), snapshot).images
        assert item.build_needed is not there
        assert item.image.tags == part.tags
        assert item.whole is not None
        assert [tag.tag for tag in item.whole.tags] == [*ALL_TAGS]


def test_no_part_is_built_of_what_is_published() -> None:
    part = part_of(image(), ARM, REVISION_A)
    snapshot = Snapshot({"team/app": RepositoryView(repository(), {FIXED.name: manifest("whole")})})
    (item,) = make_plan([part], source(), snapshot).images
    assert (item.image, item.build_needed, item.whole) == (image(), False, None)


def test_what_is_in_the_way_of_the_whole_image_is_in_the_way_of_its_part() -> None:
    part = part_of(image(), ARM, REVISION_A)
    snapshot = Snapshot({"team/app": RepositoryView(repository(), {RELEASE.name: manifest("other", REVISION_B)})})
    (conflict,) = make_plan([part], source(), snapshot).conflicts
    assert RELEASE.name in conflict.error.cause


def test_a_part_of_a_new_revision_is_another_one() -> None:
    part = part_of(image(), ARM, REVISION_A)
    tags = {FIXED.name: manifest("whole"), part.tags[0].name: manifest("part")}
    snapshot = Snapshot({"team/app": RepositoryView(repository(), tags)})
    (item,) = make_plan([part], source(), snapshot, republish=True).images
    assert item.build_needed
    assert item.tags[0].tag.name != part.tags[0].name
    assert item.whole is not None
    assert item.whole.tags[0].tag.name == f"{FIXED.name}-r2"


def test_runs_take_turns_at_a_tag_that_must_not_move_and_that_ecr_does_not_lock() -> None:
    unlocked, locked = (replace(repository(), mutability=word) for word in ("MUTABLE", "IMMUTABLE"))
    fixed = PlannedTag(FIXED, "new")
    assert is_contested(fixed, unlocked)
    assert not is_contested(fixed, locked)
    assert not is_contested(replace(fixed, state="stays"), unlocked)
    moving = next(tag for tag in ALL_TAGS if tag.kind == "moving")
    assert not is_contested(PlannedTag(moving, "new"), unlocked)
    # Two images of one part have the same inputs, and the index names the one that it has by digest.
    assert not is_contested(PlannedTag(part_tag(image(), ARM, REVISION_A), "new"), unlocked)
    assert not is_contested(PlannedTag(replace(FIXED, rule=INPUTS_RULE), "new"), unlocked)
