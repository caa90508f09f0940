"""A compose override file: the services that are our images, by digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.handoff.matches import matches
from ecr_tasks.handoff.names import check_distinct
from ecr_tasks.model.publication import PublishedImage


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return the override of the services of the images' names, or of those that the given compose file has.

    A service's ``build`` is reset, so that compose pulls the image and never builds one in its place. That needs
    Compose 2.18 (docker/compose#10469).
    """
    if extras.text is None:
        services = {image.short_name: image for image in images}
        check_distinct(((image.short_name, image.name) for image in images), "service")
        notes: tuple[str, ...] = ()
    else:
        services, notes = matches(images, _references(extras.text), "service")
    lines = ["services:"]
    for name, image in services.items():
        lines += [f"  {json.dumps(name)}:", f"    image: {json.dumps(image.reference)}", "    build: !reset null"]
    return Handoff("\n".join(lines), notes)


def _references(text: str) -> dict[str, str]:
    """Return the image of each service of a compose file; empty for one that is only built."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads compose's own tags, such as !reset, as nothing."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    try:
        document = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SettingsError("The compose file can't be read: it is no YAML.", "Check what --from names.") from error
    services: Any = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping):
        raise SettingsError("The compose file has no services.", "Check what --from names.")
    entries = ((str(name), service) for name, service in services.items())
    images = ((name, service.get("image") if isinstance(service, Mapping) else None) for name, service in entries)
    return {name: image if isinstance(image, str) else "" for name, image in images}
