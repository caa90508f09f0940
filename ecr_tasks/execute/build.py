"""Builds planned images and remembers what was built, so that exactly that is pushed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import BuildDefinition, BuildInput, Image, Keep
from ecr_tasks.model.ports import Docker
from ecr_tasks.source.state import SourceState


@dataclass(frozen=True)
class Built:
    """One built image: which definition and source it is of, and how store and registry know it.

    ``digest`` is None where a classic store has yet to make the manifest; ``image_id`` where the result stays
    with the builder. ``key`` is None when the source can't be told from a later one (no git).
    """

    name: str
    key: str | None
    digest: str | None
    image_id: str | None
    platforms: tuple[str, ...]
    keep: Keep
    seconds: float
    reference: str | None = None
    """The registry's name that the build gave it already, in this run's turn; None when it has yet to be tagged."""


def build(
    images: Sequence[Image],
    source: SourceState,
    docker: Docker,
    *,
    builder: str | None,
    keep: Mapping[str, Keep],
    references: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Built]:
    """Builds all images in one bake and gives them their local names, ``repository:tag``.

    ``references`` are names in a registry that images get besides, by image; only those whose push lock this
    run has. Raises BuildError with the failing step.
    """
    began = time.monotonic()
    inputs = [_input(image, keep[image.name], references.get(image.name)) for image in images]
    results = docker.build(inputs, builder)
    seconds = round(time.monotonic() - began, 3)
    return {
        image.name: Built(
            image.name,
            build_key(image.definition, source),
            results[image.name].digest,
            results[image.name].image_id,
            results[image.name].platforms,
            keep[image.name],
            seconds,
            references.get(image.name),
        )
        for image in images
    }


def still_there(built: Built, docker: Docker) -> bool:
    """Whether what was built in an earlier run can still be pushed; a builder's result always can be asked for."""
    if built.image_id is None:
        return True
    try:
        return docker.image_id(built.image_id) == built.image_id
    except EcrTasksError:
        return False


def build_key(definition: BuildDefinition, source: SourceState) -> str | None:
    """Names what a build is made of: equal keys, equal inputs. None when the source is under no control.

    Build arguments only go in hashed, so the key may be written down.
    """
    if source.fingerprint is None:
        return None
    inputs = replace(definition, cache_from=(), cache_to=())  # a cache changes how long it takes, no more
    document = {"definition": asdict(inputs), "source": source.fingerprint}
    text = json.dumps(document, sort_keys=True, default=dict)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _input(image: Image, keep: Keep, reference: str | None) -> BuildInput:
    names = tuple(f"{image.repository}:{tag.name}" for tag in image.tags)
    return BuildInput(image.name, image.definition, (*names, reference) if reference else names, keep)
