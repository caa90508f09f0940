"""Parser of mirrors of registries."""

from __future__ import annotations

import re

from ecr_tasks.model.mirror import Mirror
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.image_reference import PORT
from ecr_tasks.settings.parse.lists import split_plain

_NAME = r"(?:[a-z0-9-]+\.)+[a-z0-9-]+|localhost|\[[0-9a-f:]+\]"
_HOST = rf"(?:(?:{_NAME})(?::{PORT})?|[a-z0-9-]+:{PORT})"
_PATH = r"(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
_DOCKER_HUB = r"^(?:index|registry-1)\.docker\.io(?=/|$)"


def mirrors(text: str) -> tuple[Mirror, ...]:
    """Parse ``REGISTRY=MIRROR`` entries, each a host with a path perhaps; Docker Hub is ``docker.io``."""
    found: list[Mirror] = []
    messages = []
    for entry in split_plain(text):
        source, _, place = (part.strip().rstrip("/") for part in entry.partition("="))
        source = re.sub(_DOCKER_HUB, "docker.io", source)
        if not re.fullmatch(_HOST + _PATH, source) or not re.fullmatch(_HOST + _PATH, place):
            shown = entry.strip().rpartition("@")[2]  # without what may be a user's name and a password
            messages.append(
                f"has {shown[:80]!r} where REGISTRY=MIRROR belongs, like docker.io=mirror.example.com/hub"
            )
        elif f"{_one_form(place)}/".startswith(f"{_one_form(source)}/"):
            messages.append(f"has {place} as a mirror of {source}, which is the same registry")
        else:
            found.append(Mirror(source, place))
    if messages:
        raise Malformed(*messages)
    return tuple(dict.fromkeys(found))


def _one_form(name: str) -> str:
    """Return a registry's name, and path perhaps, in the form that equal ones have: 443 is HTTPS's port anyway."""
    host, slash, path = re.sub(_DOCKER_HUB, "docker.io", name).partition("/")
    return f"{host.removesuffix(':443')}{slash}{path}"
