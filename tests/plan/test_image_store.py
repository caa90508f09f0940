"""Tests of plan/image_store: where the result of a build is kept, for each image store, driver and kind of image."""

from __future__ import annotations

from itertools import product

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.ports import Engine
from ecr_tasks.plan.image_store import keep_where, needs_engine
from ecr_tasks.plan.presets import ATTESTATIONS

PLATFORMS = {"one platform": (), "a named platform": ("linux/arm64",), "two": ("linux/amd64", "linux/arm64")}
CACHES = {"no cache": (), "inline cache": ("type=inline",), "cache": ("type=registry,ref=example/cache",)}
DRIVERS = ("docker", "docker-container", "remote", "kubernetes", "cloud")
NODES = {"one node": 1, "two nodes": 2}
KINDS = list(product(PLATFORMS, ATTESTATIONS, CACHES))
MACHINES = [
    (store, driver, nodes)
    for store, driver, nodes in product(("containerd", "classic"), DRIVERS, NODES)
    if (driver, nodes) != ("docker", "two nodes")  # buildx creates no such builder
]


def definition(platforms: str, preset: str, cache: str) -> BuildDefinition:
    attest = ATTESTATIONS[preset]  # type: ignore[index]
    return BuildDefinition(".", platforms=PLATFORMS[platforms], attest=attest, cache_to=CACHES[cache])


def expected(store: str, driver: str, nodes: str, platforms: str, preset: str, cache: str) -> str:
    """Return where docker and buildx can keep it, from their own rules; or the setting that they can't carry out."""
    index = platforms == "two" or preset == "supply-chain"
    if driver == "docker" and store == "classic":
        if cache == "cache":
            return "ECR_CACHE"
        if preset == "supply-chain":
            return "ECR_PRESET"
        return "ECR_PLATFORMS" if index else "store"
    if store == "classic":
        return "builder" if index else "store"
    return "builder" if nodes == "two nodes" and platforms == "two" else "store"


@pytest.mark.parametrize(("store", "driver", "nodes"), MACHINES)
def test_each_kind_of_image_is_kept_or_refused(store: str, driver: str, nodes: str) -> None:
    engine = Engine(store == "containerd", "linux/amd64", "mine", driver, NODES[nodes])
    for platforms, preset, cache in KINDS:
        result = expected(store, driver, nodes, platforms, preset, cache)
        if not result.startswith("ECR_"):
            assert keep_where(definition(platforms, preset, cache), engine) == result, (platforms, preset, cache)
            continue
        with pytest.raises(BuildError) as error:
            keep_where(definition(platforms, preset, cache), engine)
        assert result in error.value.cause
        assert "containerd" in error.value.remedy
        assert "inv builder.create" in error.value.remedy


def test_the_form_of_the_layers_is_kept_by_containerds_store_or_a_builder() -> None:
    zstd = BuildDefinition(".", exporter=("compression=zstd",))
    assert needs_engine(zstd)
    assert keep_where(zstd, Engine(True, "linux/amd64", "default", "docker")) == "store"
    assert keep_where(zstd, Engine(False, "linux/amd64", "mine", "remote")) == "builder"
    with pytest.raises(BuildError, match="compression=zstd"):
        keep_where(zstd, Engine(False, "linux/amd64", "default", "docker"))


def test_the_refusals_way_on_is_one() -> None:
    """A builder of its own keeps whatever the classic store's own one refuses."""
    engine = Engine(False, "linux/amd64", "mine", "docker-container")
    assert {keep_where(definition(*kind), engine) for kind in KINDS} == {"store", "builder"}


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_the_engine_is_asked_where_its_answer_matters(kind: tuple[str, str, str]) -> None:
    """A plain image needs no call to the engine. An image that the builder must keep, or that fails, needs one."""
    decides = any(expected(*machine, *kind) != "store" for machine in MACHINES)
    assert needs_engine(definition(*kind)) or not decides


def test_a_cache_that_dockers_own_builder_lacks_is_refused_before_the_build() -> None:
    s3 = BuildDefinition(".", cache_to=("type=s3,bucket=b,region=r",))
    for containerd in (True, False):
        with pytest.raises(BuildError, match="no cache of the type s3") as error:
            keep_where(s3, Engine(containerd, "linux/amd64", "default", "docker"))
        assert "inv builder.create" in error.value.remedy
    assert keep_where(s3, Engine(False, "linux/amd64", "mine", "docker-container")) == "store"


def test_a_plain_image_asks_no_engine() -> None:
    for platforms, preset in product(("one platform", "a named platform"), ("default", "lambda")):
        assert not needs_engine(definition(platforms, preset, "no cache"))


def test_without_an_engine_the_builder_keeps_everything() -> None:
    elsewhere = Engine(False, "linux/amd64", "far", "remote", loads=False)
    assert keep_where(BuildDefinition("."), elsewhere) == "builder"
    assert keep_where(BuildDefinition(".", platforms=("linux/amd64", "linux/arm64")), elsewhere) == "builder"
