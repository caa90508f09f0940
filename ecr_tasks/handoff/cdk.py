"""Context for an AWS CDK app, as ``cdk.context.json`` has it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import SettingsError
from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.model.publication import PublishedImage

KEY = "ecr-tasks:images"
"""The key of the context, of which ``tryGetContext`` returns an object by the images' names."""


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return the images by name, alone or as a part of the given context, of which every other key stays.

    A stack finds its images by repository and digest (``ContainerImage.fromEcrRepository``,
    ``DockerImageCode.fromEcr``), because only then does CDK give the right to pull them.
    """
    context = _context(extras.text)
    former = context.get(KEY)
    context[KEY] = {
        **(former if isinstance(former, dict) else {}),
        **{
            image.name: {
                "repository": image.repository,
                "digest": image.digest,
                "registry": image.registry,
                "reference": image.reference,
            }
            for image in images
        },
    }
    return Handoff(json.dumps(context, indent=2, ensure_ascii=False))


def _context(text: str | None) -> dict[str, object]:
    try:
        context = parse_json(text, unique=True) if text is not None else {}
    except ValueError as error:
        raise SettingsError(f"The context can't be read: {error}.", "Check what --from names.") from error
    if not isinstance(context, dict):
        raise SettingsError("The context is no JSON object.", "Give cdk.context.json with --from.")
    return context
