"""Tests of plan/image_store: where the result of a build is kept, for each image store, driver and kind of image."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.ports import Engine
from ecr_tasks.plan.image_store import keep_where, needs_engine

CACHE = "type=registry,ref=example/cache"
KINDS = {
    "plain": BuildDefinition("."),
    "attestations off": BuildDefinition(".", attest=("type=provenance,disabled=true",)),
    "platforms": BuildDefinition(".", platforms=("linux/amd64", "linux/arm64")),
    "attested": BuildDefinition(".", attest=("type=provenance,mode=max",)),
    "both": BuildDefinition(".", platforms=("linux/amd64", "linux/arm64"), attest=("type=sbom",)),
    "cached": BuildDefinition(".", cache_to=(CACHE,)),
    "inline cache": BuildDefinition(".", cache_to=("type=inline",)),
    "cached platforms": BuildDefinition(".", platforms=("linux/amd64", "linux/arm64"), cache_to=(CACHE,)),
}
# (containerd's store, classic store with its own builder, classic store with a docker-container builder)
TABLE = {
    "plain": ("store", "store", "store"),
    "attestations off": ("store", "store", "store"),
    "platforms": ("store", "ECR_PLATFORMS", "builder"),
    "attested": ("store", "ECR_PRESET", "ECR_PRESET"),
    "both": ("store", "ECR_PRESET", "ECR_PRESET"),
    "cached": ("store", "ECR_CACHE", "store"),
    "inline cache": ("store", "store", "store"),
    "cached platforms": ("store", "ECR_CACHE", "builder"),
}
ENGINES = (
    Engine(True, "linux/amd64", "default", "docker"),
    Engine(False, "linux/amd64", "default", "docker"),
    Engine(False, "linux/amd64", "multi", "docker-container"),
)
CASES = [
    (kind, engine, expected) for kind, row in TABLE.items() for engine, expected in zip(ENGINES, row, strict=True)
]


@pytest.mark.parametrize(("kind", "engine", "expected"), CASES)
def test_each_kind_of_image_is_kept_where_the_engine_can_keep_it(kind: str, engine: Engine, expected: str) -> None:
    if not expected.startswith("ECR_"):
        assert keep_where(KINDS[kind], engine) == expected
        return
    with pytest.raises(BuildError) as error:
        keep_where(KINDS[kind], engine)
    assert expected in error.value.cause
    assert "containerd" in error.value.remedy


def test_containerds_store_keeps_every_kind_of_image_of_any_builder() -> None:
    engine = Engine(True, "linux/amd64", "multi", "docker-container")
    assert {keep_where(definition, engine) for definition in KINDS.values()} == {"store"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_engine_is_asked_where_its_answer_matters(kind: str) -> None:
    """A plain image needs no call to the engine. An image that the builder must keep, or that fails, needs one."""
    decides = any(expected != "store" for expected in TABLE[kind])
    assert needs_engine(KINDS[kind]) or not decides
    assert not needs_engine(KINDS["plain"])
    assert not needs_engine(KINDS["attestations off"])
