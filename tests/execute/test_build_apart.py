"""Tests of execute/build: an image that fails doesn't stop the others, and lost builds are built fewer at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from ecr_tasks.errors import BuildError, EcrTasksError, LostBuild, RegistryError
from ecr_tasks.execute.build import build_apart, build_in_batches
from ecr_tasks.model.image import Image
from ecr_tasks.model.receipt import Built
from ecr_tasks.plan.batches import MOST
from tests.support.build import image


def images(number: int) -> list[Image]:
    return [image(name=f"app-{index}") for index in range(number)]


class Builder:
    """Builds all of a batch but for what ``fails``, which is given their names and returns an error."""

    def __init__(self, fails: Callable[[list[str]], EcrTasksError | None] = lambda names: None) -> None:
        self.fails = fails
        self.bakes: list[int] = []

    def __call__(self, batch: Sequence[Image]) -> Mapping[str, Built]:
        names = [item.name for item in batch]
        self.bakes.append(len(names))
        if (error := self.fails(names)) is not None:
            raise error
        return {name: Built(name, None, None, "id", (), "store", 1.0) for name in names}


def broken(*about: str) -> BuildError:
    error = BuildError(f"{', '.join(about)} fails.", "Mend it.")
    error.about = about
    return error


def first_of(*wrong: str) -> Callable[[list[str]], EcrTasksError | None]:
    return lambda names: next((broken(name) for name in wrong if name.partition(" ")[0] in names), None)


def test_two_hundred_images_are_built_some_at_a_time() -> None:
    builder = Builder()
    built, failed = build_apart(images(200), builder)
    assert (len(built), failed) == (200, {})
    assert builder.bakes == [MOST] * 5


def test_each_failing_image_is_left_out_and_the_others_are_built() -> None:
    builder = Builder(first_of("app-3", "app-7 linux/arm64"))
    built, failed = build_apart(images(10), builder)
    assert sorted(failed) == ["app-3", "app-7"]
    assert [error.cause for error in failed.values()] == ["app-3 fails.", "app-7 linux/arm64 fails."]
    assert len(built) == 8
    assert builder.bakes == [10, 9, 8]


def test_a_failing_base_takes_along_what_links_to_it() -> None:
    builder = Builder(lambda names: broken("app-0", "app-1") if "app-0" in names else None)
    built, failed = build_apart(images(4), builder)
    assert (sorted(built), sorted(failed)) == (["app-2", "app-3"], ["app-0", "app-1"])


def test_fail_fast_ends_with_the_first_error() -> None:
    builder = Builder(first_of("app-3"))
    built, failed = build_apart(images(100), builder, fail_fast=True)
    assert (built, [*failed]) == ({}, ["app-3"])
    assert builder.bakes == [MOST]


def test_an_error_that_is_about_no_image_is_that_of_the_run() -> None:
    builder = Builder(lambda names: RegistryError("The engine is gone.", "Start it."))
    with pytest.raises(RegistryError, match="engine is gone"):
        build_apart(images(100), builder)
    assert builder.bakes == [MOST]


def test_an_engine_that_goes_away_half_way_takes_what_is_left() -> None:
    gone = RegistryError("The engine is gone.", "Start it.")
    builder = Builder(lambda names: gone if "app-99" in names or "app-50" in names else None)
    built, failed = build_apart(images(100), builder)
    assert len(built) == MOST
    assert set(failed.values()) == {gone}
    assert len(failed) == 60
    assert builder.bakes == [MOST, MOST]


def test_the_only_image_has_the_error_without_being_named() -> None:
    error = BuildError("There is no such step.", "Mend it.")
    _, failed = build_apart(images(1), Builder(lambda names: error))
    assert failed == {"app-0": error}


def test_lost_builds_are_built_fewer_at_once() -> None:
    def loses(names: list[str]) -> EcrTasksError | None:
        return LostBuild("It lost one.", "Run it again.") if len(names) > 10 else None

    builder = Builder(loses)
    built, failed = build_apart(images(40), builder, fail_fast=True)
    assert (len(built), failed) == (40, {})
    assert builder.bakes == [40, 20, 10, 10, 20, 10, 10]


def test_a_build_that_is_lost_alone_fails() -> None:
    lost = LostBuild("It lost one.", "Run it again.")
    built, failed = build_apart(images(3), Builder(lambda names: lost if "app-1" in names else None))
    assert (sorted(built), failed) == (["app-0", "app-2"], {"app-1": lost})


def test_each_bake_is_told_before_the_next_one_begins() -> None:
    builder = Builder(first_of(f"app-{MOST}"))
    bakes = build_in_batches(images(MOST + 2), builder)
    built, failed = next(bakes)
    assert (len(built), failed, builder.bakes) == (MOST, {}, [MOST])
    built, failed = next(bakes)
    assert (built, [*failed], builder.bakes) == ({}, [f"app-{MOST}"], [MOST, 2])
    assert [[*built] for built, _ in bakes] == [[f"app-{MOST + 1}"]]
