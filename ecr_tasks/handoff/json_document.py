"""One JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.model.publication import PublishedImage


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return every part of each image's name; ``media_type`` is null and ``platforms`` empty where not known."""
    document = {
        "images": [
            {
                "name": image.name,
                "reference": image.reference,
                "registry": image.registry,
                "repository": image.repository,
                "digest": image.digest,
                "tags": list(image.tags),
                "platforms": list(image.platforms),
                "media_type": image.media_type or None,
            }
            for image in images
        ]
    }
    return Handoff(json.dumps(document, indent=2))
