"""The input of `aws lambda update-function-code --cli-input-json`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.model.ecr_host import EcrHost, parse_ecr_host
from ecr_tasks.model.publication import PublishedImage

_ARCHITECTURES = {"linux/amd64": "x86_64", "linux/arm64": "arm64", "linux/arm64/v8": "arm64"}

_FUNCTION = re.compile(
    r"(?:arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<account>[0-9]{12}):)?(?:function:|(?!function:))"
    r"[A-Za-z0-9_-]{1,64}(?::(?:\$LATEST|[A-Za-z0-9_-]+))?"
)
"""A function's name, partial ARN or ARN (Lambda API model, FunctionName; a name has 64 characters at most)."""


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return the input for one function; without its name, `--function-name` adds it.

    Raises Refused for an image that Lambda can't run: an index, another operating system or processor, or one that
    isn't in a private registry of the function's region (AWS Lambda developer guide, "Create a Lambda function using
    a container image").
    """
    if len(images) != 1:
        names = ", ".join(image.name for image in images)
        raise SettingsError(
            f"A function runs one image, and there are {len(images)}: {names}.", "Choose with --image."
        )
    (image,) = images
    host = parse_ecr_host(image.registry)
    if host is None or host.is_public:
        raise Refused(
            f"Lambda runs images of private ECR registries only, and {image.name} is in {image.registry}.",
            "Publish it to a private registry in the function's region (ECR_DESTINATIONS, `inv promote --to`).",
        )
    if image.is_index:
        raise Refused(
            f"Lambda can't run {image.name}: it is an index (several platforms, or attestations).",
            "Publish it with ECR_PRESET=lambda: one platform, no attestations.",
        )
    document = {**_name(extras.function, image, host), "ImageUri": image.reference}
    if len(image.platforms) == 1:
        document["Architectures"] = [_architecture(image)]
    return Handoff(json.dumps(document, indent=2), (f"{image.name}: for a function in {host.region}",))


def _architecture(image: PublishedImage) -> str:
    (platform,) = image.platforms
    if platform not in _ARCHITECTURES:
        raise Refused(
            f"Lambda can't run {image.name}: it is for {platform}.",
            "Publish it for linux/amd64 or linux/arm64 (ECR_PLATFORMS).",
        )
    return _ARCHITECTURES[platform]


def _name(function: str | None, image: PublishedImage, host: EcrHost) -> dict[str, object]:
    """Return the function's name as a part of the input. Raises SettingsError and Refused."""
    if function is None:
        return {}
    match = _FUNCTION.fullmatch(function)
    if match is None or len(function) > 140:
        raise SettingsError(f"{function[:200]!r} is no function.", "Give its name or its ARN with --function.")
    if match["region"] not in (None, host.region):
        raise Refused(
            f"The function is in {match['region']}, and {image.name} is in {host.region}: Lambda runs only images of "
            "its own region.",
            "Choose the registry of that region with --registry, or publish there first (ECR_DESTINATIONS).",
        )
    return {"FunctionName": function}
