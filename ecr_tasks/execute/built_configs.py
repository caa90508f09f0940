"""Read what images that were just built show, of every platform, before they are pushed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Backoff, Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image_config import ImageConfig
from ecr_tasks.model.receipt import Built

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Docker

_WORKERS = 4

_LOOK = Backoff(attempts=3, first_wait=0.5)
"""A busy builder may fail once (seen in one of thousands of looks, 2026-11)."""


def built_configs(
    builds: Sequence[Built], docker: Docker, retrier: Retrier, warn: Callable[[str], None]
) -> dict[str, list[ImageConfig]]:
    """Return the configurations of builds' platforms by name: the store's, or those that the builder keeps.

    The store is asked for all images at once. ``warn`` is told of a platform whose configuration can't be read.
    """
    images = [(built, platform) for built in builds for platform in built.platforms or ("",)]
    ids: dict[str | None, list[str]] = {}
    for image in images:
        if place := _in_store(*image):
            ids.setdefault(place[1], []).append(place[0])
    stored = {platform: docker.image_configs(some, platform) for platform, some in ids.items()}
    causes: dict[tuple[str, str], str] = {}

    def read(image: tuple[Built, str]) -> ImageConfig | None:
        if place := _in_store(*image):
            return stored[place[1]].get(place[0])
        built, platform = image
        record = built.records.get(platform)
        if not record:
            return None
        for attempt in count(1):
            try:
                return docker.builder_config(built.manifests[platform], record)
            except EcrTasksError as error:
                reason = f"the builder doesn't show what it has built of {built.name}"
                # One that has never shown any of them won't show the next one.
                if causes or not retrier.wait(_LOOK, attempt, reason):
                    causes[built.name, platform] = error.cause
                    return None
        raise AssertionError("unreachable")

    read_configs = map_parallel(read, images, _WORKERS, retrier)
    configs: dict[str, list[ImageConfig]] = {built.name: [] for built in builds}
    unread: dict[str, list[str]] = {}
    for (built, platform), config in zip(images, read_configs, strict=True):
        if config is None:
            unread.setdefault(built.name, []).append(platform)
        else:
            configs[built.name].append(config)
    for name, platforms in unread.items():
        of = f" of {', '.join(platforms)}" if any(platforms) else ""
        cause = next((causes[name, one] for one in platforms if (name, one) in causes), "Docker doesn't give it.")
        warn(f"{name}: the configuration{of} was not looked at for secrets. {cause}")
    return configs


def _in_store(built: Built, platform: str) -> tuple[str, str | None] | None:
    """Return the id of a platform's image in the store, and the platform if it must be named; None without one."""
    if built.image_id is not None:
        return built.image_id, platform if len(built.platforms) > 1 else None
    if built.loaded is not None and built.loaded[0] == platform:
        return built.loaded[1], None
    return None


def built_provenance(built: Built, docker: Docker, retrier: Retrier, warn: Callable[[str], None]) -> list[str]:
    """Return the documents of a build's provenance. ``warn`` is told of a platform whose document can't be read."""

    def read(platform: str) -> str | None:
        record = built.records.get(platform) or built.record or ""
        return docker.provenance(record, platform if len(built.platforms) > 1 and not built.records else None)

    platforms = list(built.platforms) or [""]
    documents = map_parallel(read, platforms, _WORKERS, retrier)
    if None in documents:
        warn(f"{built.name}: its provenance was not looked at for secrets: the builder doesn't give it.")
    return [document for document in documents if document is not None]
