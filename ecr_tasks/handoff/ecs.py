"""A task definition of Amazon ECS with the containers' images updated, for `aws ecs register-task-definition`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import SettingsError
from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.handoff.matches import matches
from ecr_tasks.model.ecr_host import parse_ecr_host
from ecr_tasks.model.publication import PublishedImage

READ_ONLY = (
    *("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt"),
    *("registeredBy", "deregisteredAt", "deleteRequestedAt"),
)
"""What DescribeTaskDefinition gives and RegisterTaskDefinition refuses (ECS API model)."""

_HOW = "Give it with --from, such as `aws ecs describe-task-definition --task-definition NAME | … --from -`."


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return the given task definition with the images of its containers, and without what can't be registered.

    It takes the task definition itself, and also what `describe-task-definition` prints, with its tags.
    """
    if extras.text is None:
        raise SettingsError("The format ecs updates a task definition, and none is given.", _HOW)
    definition = _definition(extras.text)
    containers = definition["containerDefinitions"]
    users = {container["name"]: container.get("image", "") for container in containers}
    found, notes = matches(images, users, "container")
    elsewhere = {image.registry for image in found.values() if parse_ecr_host(image.registry) is None}
    notes = (*notes, *(f"ECS may have no way to pull from {host}, which is none of ECR's" for host in elsewhere))
    for container in containers:
        image = found.get(container["name"])
        if image is not None:
            container["image"] = image.reference
    return Handoff(json.dumps(definition, indent=2, ensure_ascii=False), notes)


def _definition(text: str) -> dict[str, Any]:
    """Return the task definition in a document. Raises SettingsError when there is none."""
    try:
        document = parse_json(text, unique=True)
    except ValueError as error:
        raise SettingsError(f"The task definition can't be read: {error}.", _HOW) from error
    described = document.get("taskDefinition") if isinstance(document, dict) else None
    definition = described if isinstance(described, dict) else document
    containers = definition.get("containerDefinitions") if isinstance(definition, dict) else None
    if (
        not isinstance(definition, dict)
        or not isinstance(containers, list)
        or not all(map(_is_container, containers))
    ):
        raise SettingsError("The task definition has no containerDefinitions with names.", _HOW)
    tags = document.get("tags") if described is definition else None
    return {
        **{key: value for key, value in definition.items() if key not in READ_ONLY},
        **({"tags": tags} if tags else {}),
    }


def _is_container(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("image", ""), str)
