"""Variables for Terraform and OpenTofu, as a ``tfvars.json`` file."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.handoff.names import check_distinct, identifier
from ecr_tasks.model.publication import PublishedImage


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return one variable for each image: ``image`` for the only one of a project, ``image_api`` for a target."""
    variables = [(_variable(image), image) for image in images]
    check_distinct(((key, image.name) for key, image in variables), "variable")
    return Handoff(json.dumps({key: image.reference for key, image in variables}, indent=2))


def _variable(image: PublishedImage) -> str:
    return "image" if image.is_only else f"image_{identifier(image.name)}"
