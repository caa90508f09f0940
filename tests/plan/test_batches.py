"""Tests of plan/batches: which images are built in one bake."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.plan.batches import MOST, batches, publishes_ahead
from ecr_tasks.plan.planned_image import PlannedImage
from tests.support.build import image

BASE = BuildDefinition("base")


def named(name: str, *, base: str | None = None, platforms: int = 1) -> Image:
    several = tuple(f"linux/p{number}" for number in range(platforms)) if platforms > 1 else ()
    definition = BuildDefinition(name, platforms=several, linked={base: BASE} if base else {})
    return image(name=name, definition=definition)


def names(result: list[list[Image]]) -> list[list[str]]:
    return [[item.name for item in batch] for batch in result]


def test_images_are_built_in_the_files_order() -> None:
    assert names(batches([named(letter) for letter in "abcde"], 2)) == [["a", "b"], ["c", "d"], ["e"]]


def test_each_platform_counts() -> None:
    images = [named("a"), named("b", platforms=2), named("c"), named("d", platforms=9), named("e")]
    assert names(batches(images, 3)) == [["a", "b"], ["c"], ["d"], ["e"]]


def test_what_links_to_the_same_target_is_built_together() -> None:
    images = [named("a", base="base"), named("b"), named("c", base="base"), named("d"), named("base")]
    assert names(batches(images, 3)) == [["a", "c", "base"], ["b", "d"]]


def test_more_than_fit_are_divided_all_the_same() -> None:
    assert names(batches([named(letter, base="base") for letter in "abc"], 2)) == [["a", "b"], ["c"]]


@given(st.lists(st.sampled_from([None, "x", "y"]), max_size=30), st.integers(1, 7))
def test_each_image_is_in_one_batch_and_none_has_too_many(bases: list[str | None], most: int) -> None:
    images = [named(f"app-{number}", base=base) for number, base in enumerate(bases)]
    result = batches(images, most)
    assert Counter(name for batch in names(result) for name in batch) == Counter(item.name for item in images)
    assert all(0 < len(batch) <= most for batch in result)


def planned(number: int, *, creates: bool = False) -> list[PlannedImage]:
    images = [named(f"app-{index}") for index in range(number)]
    return [PlannedImage(item, (), True, "as asked", creates_repository=creates) for item in images]


def test_of_several_bakes_one_is_published_while_the_next_is_built_unless_a_repository_is_missing() -> None:
    many = planned(MOST + 1)
    assert publishes_ahead(many, many)
    assert not publishes_ahead(many, many[:-1])
    assert not publishes_ahead([*many, *planned(1, creates=True)], many)
