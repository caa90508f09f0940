"""Where a result can stay: every store and driver, for every kind of image."""

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
CASES = [(kind, engine, found) for kind, row in TABLE.items() for engine, found in zip(ENGINES, row, strict=True)]


@pytest.mark.parametrize(("kind", "engine", "found"), CASES)
def test_where_each_kind_of_image_can_stay(kind: str, engine: Engine, found: str) -> None:
    if not found.startswith("ECR_"):
        assert keep_where(KINDS[kind], engine) == found
        return
    with pytest.raises(BuildError) as caught:
        keep_where(KINDS[kind], engine)
    assert found in caught.value.cause
    assert "containerd" in caught.value.remedy


def test_containerds_store_holds_everything_whatever_builds() -> None:
    beside = Engine(True, "linux/amd64", "multi", "docker-container")
    assert {keep_where(definition, beside) for definition in KINDS.values()} == {"store"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_engine_is_asked_wherever_its_answer_decides(kind: str) -> None:
    """One plain image must not cost two docker calls; what could go to a builder or fail must."""
    decides = any(found != "store" for found in TABLE[kind])
    assert needs_engine(KINDS[kind]) or not decides
    assert not needs_engine(KINDS["plain"])
    assert not needs_engine(KINDS["attestations off"])
