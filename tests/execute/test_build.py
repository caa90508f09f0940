"""Tests of execute/build: the names of images in the store, and the key that identifies what was built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.execute.build import build
from ecr_tasks.execute.earlier_builds import build_key, reuse_earlier_builds, still_exists
from ecr_tasks.execute.from_builder import what_is_kept
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.receipt import Built
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.source.git.read import NO_REPOSITORY
from tests.support.build import SHA_TAG, dirty, image, manifest, repository, source
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


TWO = BuildDefinition("/project", platforms=("linux/amd64", "linux/arm64"), annotations={"team": "web"})
ENGINE = Engine(False, "linux/arm64", "beside", "remote")


def build_in_builder(definition: BuildDefinition, fake: FakeDocker, engine: Engine = ENGINE) -> Built:
    """Return the build of one image that the builder keeps."""
    images = [image(definition=definition)]
    return build(images, source(), fake, builder=None, keep={"team/app": "builder"}, engine=engine)["team/app"]


def test_a_builder_that_keeps_the_platforms_loads_the_engines_into_the_store() -> None:
    fake = docker()
    built = build_in_builder(TWO, fake)
    kept, loaded = fake.inputs
    assert (kept.definition.platforms, kept.keep, kept.references) == (("linux/amd64",), "builder", ())
    assert (loaded.definition.platforms, loaded.keep) == (("linux/arm64",), "store")
    assert loaded.references == tuple(f"team/app:{tag}" for tag in (SHA_TAG, "1.2.3", "main", "latest"))
    assert not any(build_input.push for build_input in fake.inputs)
    assert built.image_id is None
    assert (built.builder, tuple(built.manifests)) == ("beside", TWO.platforms)


@pytest.mark.parametrize("platforms", [("linux/amd64", "linux/s390x"), ("linux/s390x", "linux/amd64")])
def test_the_first_platform_is_loaded_where_none_is_the_engines(platforms: tuple[str, ...]) -> None:
    fake = docker()
    build_in_builder(replace(TWO, platforms=platforms), fake)
    assert [item.definition.platforms[0] for item in fake.inputs if item.keep == "store"] == [platforms[0]]


def test_the_digest_of_an_index_is_known_before_the_push_unless_the_push_adds_attestations() -> None:
    plain, attested = build_in_builder(TWO, docker()), build_in_builder(replace(TWO, attest=("type=sbom",)), docker())
    assert plain.digest is not None
    assert plain.digest not in plain.manifests.values()
    assert attested.digest is None
    assert attested.manifests == plain.manifests


def test_the_platforms_are_built_without_attestations_and_index_annotations() -> None:
    fake = docker()
    build_in_builder(replace(TWO, attest=("type=sbom",), annotations={"team": "web", "index:a": "b"}), fake)
    assert {item.definition.attests for item in fake.inputs} == {False}
    assert {item.definition.annotation_entries() for item in fake.inputs} == {("manifest:team=web",)}


def test_a_cache_is_written_once_for_all_platforms() -> None:
    fake = docker()
    build_in_builder(replace(TWO, cache_to=("type=inline", "type=registry,ref=cache")), fake)
    assert [(item.definition.platforms, item.definition.cache_to) for item in fake.inputs] == [
        (("linux/amd64",), ("type=inline",)),
        (("linux/arm64",), ("type=inline",)),
        (TWO.platforms, ("type=inline", "type=registry,ref=cache")),
    ]


def test_the_form_of_the_layers_is_the_registrys_and_not_the_stores() -> None:
    fake = docker()
    built = build_in_builder(replace(TWO, exporter=("compression=zstd",)), fake)
    kept = [item.definition for item in fake.inputs if item.keep == "builder"]
    (loaded,) = [item.definition for item in fake.inputs if item.keep == "store"]
    assert [(item.platforms, item.exporter) for item in kept] == [
        (("linux/amd64",), ("compression=zstd",)),
        (("linux/arm64",), ("compression=zstd",)),
    ]
    assert (loaded.platforms, loaded.exporter) == (("linux/arm64",), ())
    assert tuple(built.manifests) == TWO.platforms


@pytest.mark.parametrize(
    ("engine", "definition", "sentence"),
    [
        (ENGINE, TWO, "the builder beside keeps linux/amd64 until the push, the local store has linux/arm64"),
        (
            replace(ENGINE, platform="linux/amd64"),
            BuildDefinition("/project", attest=("type=sbom",)),
            "the builder beside keeps it until the push, the local store has linux/amd64; the push makes the "
            "attestations",
        ),
    ],
)
def test_the_user_learns_what_the_builder_keeps(engine: Engine, definition: BuildDefinition, sentence: str) -> None:
    built = build_in_builder(definition, docker(), engine)
    assert what_is_kept(built, engine.platform, attests=definition.attests) == sentence


def test_a_build_in_a_builder_exists_while_there_is_that_builder() -> None:
    fake = docker()
    built = build_in_builder(TWO, fake)
    assert still_exists(built, fake)
    fake.builders.clear()
    assert not still_exists(built, fake)


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


def test_a_build_of_a_folder_that_no_commit_has_is_not_reused() -> None:
    assert build([image()], source(), docker(), builder=None, keep={"team/app": "store"})["team/app"].key
    outside = replace(image(), outside=True)
    assert build([outside], source(), docker(), builder=None, keep={"team/app": "store"})["team/app"].key is None


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


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_what_another_run_published_in_place_of_a_build_is_said(classic: bool, same: bool) -> None:
    """A run that failed, or another one, may have set the fixed tag: the second run takes it, but not in silence."""
    fake = docker(classic=classic)
    built = build([image()], source(), fake, builder=None, keep={"team/app": "store"})["team/app"]
    stored = manifest("team/app as built") if same else manifest("another run's")
    fake.registry.put("team/app", stored, SHA_TAG)
    plan = make_plan([image()], source(), Snapshot(fake.registry.describe({"team/app": [SHA_TAG]})))
    words: list[str] = []
    assert reuse_earlier_builds(plan.images, {"team/app": built}, source(), lambda: fake, words.append) == {}
    assert len(words) == (0 if same else 1)
    assert all(digest in word for word in words for digest in (stored.digest, built.id))


def test_without_an_engine_nothing_is_loaded() -> None:
    engine, fake = replace(ENGINE, loads=False), docker()
    built = build_in_builder(replace(TWO, exporter=("compression=zstd",)), fake, engine)
    assert {item.keep for item in fake.inputs} == {"builder"}
    assert not any(item.references for item in fake.inputs)
    assert (tuple(built.manifests), built.loaded) == (TWO.platforms, None)
    sentence = what_is_kept(built, engine.platform, attests=False, loads=False)
    assert sentence == "the builder beside keeps it until the push, and there is no engine to load it into"
