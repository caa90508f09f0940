"""Tests of execute/build: the names of images in the store, and the key that identifies what was built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.execute.build import build, build_key, still_exists
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.git.read import NO_REPOSITORY
from tests.support.build import SHA_TAG, dirty, image, repository, source
from tests.support.fakes import FakeDocker, FakeRegistry

PLAIN = BuildDefinition("/project", args={"TOKEN": "hush"})


def docker(*, classic: bool = False) -> FakeDocker:
    """Return a fake docker with an empty store."""
    return FakeDocker(FakeRegistry(None, repository()), classic=classic)


def test_all_images_are_built_in_one_call_under_their_local_names() -> None:
    fake = docker()
    images = [image(), image(name="team/worker")]
    built = build(images, source(), fake, builder="multi", keep={"team/app": "store", "team/worker": "store"})
    assert fake.builds == 1
    assert [item.name for item in fake.inputs] == list(built) == ["team/app", "team/worker"]
    assert fake.inputs[0].references == tuple(f"team/app:{tag}" for tag in (SHA_TAG, "1.2.3", "main", "latest"))
    assert fake.image_id(f"team/worker:{SHA_TAG}") == built["team/worker"].image_id


def test_a_build_that_stays_in_the_builder_is_not_pushed() -> None:
    fake = docker()
    built = build([image()], source(), fake, builder=None, keep={"team/app": "builder"})["team/app"]
    assert (fake.inputs[0].keep, fake.inputs[0].push) == ("builder", False)
    assert built.image_id is None
    assert built.digest


def test_a_build_in_the_classic_store_has_an_id_and_no_digest() -> None:
    built = build([image()], source(), docker(classic=True), builder=None, keep={"team/app": "store"})["team/app"]
    assert built.digest is None
    assert built.image_id


@pytest.mark.parametrize(
    "change",
    [
        {"context": "/other"},
        {"dockerfile": "Other"},
        {"target": "run"},
        {"platforms": ("linux/arm64",)},
        {"args": {"TOKEN": "another"}},
        {"contexts": {"shared": "../shared"}},
        {"secrets": ("id=npm",)},
        {"labels": {"team": "web"}},
        {"annotations": {"note": "x"}},
        {"attest": ("type=sbom",)},
        {"extra": {"network": "host"}},
    ],
)
def test_another_definition_gives_another_build_key(change: dict[str, Any]) -> None:
    assert build_key(replace(PLAIN, **change), source()) != build_key(PLAIN, source())


def test_another_source_gives_another_build_key() -> None:
    assert build_key(PLAIN, dirty()) != build_key(PLAIN, source())
    assert build_key(PLAIN, dirty()) == build_key(PLAIN, dirty())


def test_a_cache_does_not_change_the_build_key() -> None:
    cached = replace(PLAIN, cache_from=("type=gha",), cache_to=("type=gha",))
    assert build_key(cached, source()) == build_key(PLAIN, source())


def test_the_order_of_arguments_does_not_change_the_build_key() -> None:
    one, two = ({"A": "1", "B": "2"}, {"B": "2", "A": "1"})
    assert build_key(replace(PLAIN, args=one), source()) == build_key(replace(PLAIN, args=two), source())


def test_a_source_without_a_fingerprint_has_no_build_key() -> None:
    assert build_key(PLAIN, NO_REPOSITORY) is None


def test_the_build_key_does_not_show_build_arguments() -> None:
    assert "hush" not in str(build_key(PLAIN, source()))


def test_a_build_still_exists_while_its_image_is_in_the_store() -> None:
    fake = docker()
    built = build([image()], source(), fake, builder=None, keep={"team/app": "store"})["team/app"]
    assert still_exists(built, fake)
    fake.store.clear()
    assert not still_exists(built, fake)


def test_the_error_of_a_failed_build_is_raised_unchanged() -> None:
    fake = docker()
    fake.build_error = BuildError("RUN failed.", "Mend it.")
    with pytest.raises(BuildError, match=r"RUN failed\."):
        build([image()], source(), fake, builder=None, keep={"team/app": "store"})
