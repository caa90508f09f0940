"""Read what an image that was just built shows, of every platform, before it is pushed."""

from __future__ import annotations

from collections.abc import Callable

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image_config import ImageConfig
from ecr_tasks.model.ports import Docker
from ecr_tasks.model.receipt import Built

_WORKERS = 4


def built_configs(built: Built, docker: Docker, retrier: Retrier, warn: Callable[[str], None]) -> list[ImageConfig]:
    """Return the configurations of a build's platforms: the store's, or those that the builder keeps.

    ``warn`` is told of a platform whose configuration can't be read.
    """

    def read(platform: str) -> ImageConfig | None:
        try:
            if built.image_id is not None:
                return docker.image_config(built.image_id, platform if len(built.platforms) > 1 else None)
            if built.loaded is not None and built.loaded[0] == platform:
                return docker.image_config(built.loaded[1], None)
            return docker.builder_config(built.manifests[platform], built.records.get(platform, ""))
        except EcrTasksError:
            return None

    platforms = list(built.platforms) or [""]
    configs = map_parallel(read, platforms, _WORKERS, retrier)
    unread = [platform for platform, config in zip(platforms, configs, strict=True) if config is None]
    if unread:
        of = f" of {', '.join(unread)}" if any(unread) else ""
        warn(f"{built.name}: the configuration{of} was not looked at for secrets: docker doesn't give it.")
    return [config for config in configs if config is not None]


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
