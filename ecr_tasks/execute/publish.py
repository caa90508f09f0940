"""Publish one image and bring it to its destinations; what came of it is its entry in the receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.execute.destinations import copy_to_destinations
from ecr_tasks.execute.push import publish
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.ports import Docker, Registry, Target
from ecr_tasks.model.receipt import FailedCopy, ImageReceipt, Published
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.plan import PlannedImage


def publish_image(
    item: PlannedImage,
    receipt: ImageReceipt,
    docker: Docker,
    registry: Registry,
    *,
    builder: str | None,
    warn: Callable[[str], None],
) -> ImageReceipt:
    """Publish what was built of an image and return its receipt with platforms and sizes."""
    published = publish(item, receipt.built, docker, registry, builder=builder, warn=warn)
    # An index's size is its images', which are only asked for when there is something new to report.
    sizes = _sizes(published, registry, warn) if receipt.built is not None else {}
    return replace(
        receipt,
        published=(published,),
        platforms=tuple(platform for platform, _ in published.image.children),
        sizes=sizes,
        size=sum(sizes.values()) if sizes else published.image.size,
    )


def copy_image(
    item: PlannedImage,
    receipt: ImageReceipt,
    registry: Registry,
    targets: Mapping[Destination, Target],
    docker: Docker,
    *,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    retrier: Retrier,
) -> ImageReceipt:
    """Bring a published image to its destinations and return its receipt with where it is now and where it isn't."""
    source = item.view.repository if item.view else None
    if source is None:
        return receipt
    results = copy_to_destinations(
        receipt.published[0], source, item.copies, registry, targets, docker, say=say, warn=warn, retrier=retrier
    )
    copies = tuple(result for result in results if isinstance(result, Published))
    failed = tuple(result for result in results if isinstance(result, FailedCopy))
    return replace(receipt, published=(*receipt.published, *copies), failed=failed)


def _sizes(published: Published, registry: Registry, warn: Callable[[str], None]) -> dict[str, int]:
    """Return the compressed bytes of an index's images by platform; empty for a single image, which has its own size.

    Everything is published by now, so an error of ECR's is only a warning.
    """
    if not published.image.is_index:
        return {}
    repository = Repository(published.repository, "", f"{published.registry}/{published.repository}")
    try:
        images = registry.images(repository, [digest for _, digest in published.image.children])
    except EcrTasksError as error:
        warn(f"{published.name} is published, but its size is not known: {error.cause}")
        return {}
    sizes = ((platform, images.get(digest)) for platform, digest in published.image.children)
    return {platform: image.size or 0 for platform, image in sizes if image is not None}
