"""What a build leaves behind for the push: names in the store, and a key that says what it was built from."""

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
    """A docker with an empty store."""
    return FakeDocker(FakeRegistry(None, repository()), classic=classic)


def test_everything_is_built_at_once_under_its_local_names() -> None:
    fake = docker()
    chosen = [image(), image(name="team/worker")]
    found = build(chosen, source(), fake, builder="multi", keep={"team/app": "store", "team/worker": "store"})
    assert fake.builds == 1
    assert [item.name for item in fake.inputs] == list(found) == ["team/app", "team/worker"]
    assert fake.inputs[0].references == tuple(f"team/app:{tag}" for tag in (SHA_TAG, "1.2.3", "main", "latest"))
    assert fake.image_id(f"team/worker:{SHA_TAG}") == found["team/worker"].image_id


def test_a_build_that_stays_with_the_builder_pushes_nothing_yet() -> None:
    fake = docker()
    found = build([image()], source(), fake, builder=None, keep={"team/app": "builder"})["team/app"]
    assert (fake.inputs[0].keep, fake.inputs[0].push) == ("builder", False)
    assert found.image_id is None
    assert found.digest


def test_a_classic_stores_build_has_an_id_and_no_digest_yet() -> None:
    found = build([image()], source(), docker(classic=True), builder=None, keep={"team/app": "store"})["team/app"]
    assert found.digest is None
    assert found.image_id


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
def test_another_definition_is_another_build(change: dict[str, Any]) -> None:
    assert build_key(replace(PLAIN, **change), source()) != build_key(PLAIN, source())


def test_another_source_is_another_build() -> None:
    assert build_key(PLAIN, dirty()) != build_key(PLAIN, source())
    assert build_key(PLAIN, dirty()) == build_key(PLAIN, dirty())


def test_a_cache_makes_no_other_image() -> None:
    cached = replace(PLAIN, cache_from=("type=gha",), cache_to=("type=gha",))
    assert build_key(cached, source()) == build_key(PLAIN, source())


def test_the_order_of_arguments_makes_no_other_image() -> None:
    one, two = ({"A": "1", "B": "2"}, {"B": "2", "A": "1"})
    assert build_key(replace(PLAIN, args=one), source()) == build_key(replace(PLAIN, args=two), source())


def test_a_source_that_nothing_tells_apart_has_no_key() -> None:
    assert build_key(PLAIN, NO_REPOSITORY) is None


def test_the_key_tells_no_build_argument() -> None:
    assert "hush" not in str(build_key(PLAIN, source()))


def test_what_was_built_can_be_pushed_later_as_long_as_it_is_there() -> None:
    fake = docker()
    found = build([image()], source(), fake, builder=None, keep={"team/app": "store"})["team/app"]
    assert still_exists(found, fake)
    fake.store.clear()
    assert not still_exists(found, fake)


def test_a_failed_build_is_told_as_it_is() -> None:
    fake = docker()
    fake.broken = BuildError("RUN failed.", "Mend it.")
    with pytest.raises(BuildError, match=r"RUN failed\."):
        build([image()], source(), fake, builder=None, keep={"team/app": "store"})
