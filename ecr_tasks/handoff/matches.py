"""Find the services and containers of a file that run a published image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.ecr_host import parse_ecr_host
from ecr_tasks.model.publication import PublishedImage

_VARIABLE = re.compile(r"\$(?:\{[^{}]*\}|\w+)")
_REFERENCE = re.compile(r"(?P<name>[^@]*?)(?P<version>:[^/]*|@.*)?", re.DOTALL)


def matches(
    images: Sequence[PublishedImage], users: Mapping[str, str], kind: str
) -> tuple[dict[str, PublishedImage], tuple[str, ...]]:
    """Return the published image of each user (a service, a container), and lines about what is and isn't changed.

    ``users`` has the present image's reference of each by its name; ``kind`` is what they are called. A user runs an
    image when its reference has the image's repository, on the same host, in another ECR registry or on a host that a
    variable names, or when it is the bare repository. An image for which there is none of these is given to the user
    of its own name. Raises SettingsError when no image is used at all.
    """
    found: dict[str, PublishedImage] = {}
    unused = []
    for image in images:
        names = [name for name, reference in users.items() if _is_of(reference, image)]
        names = names or [name for name in users if name in (image.name, image.short_name) and name not in found]
        found.update(dict.fromkeys(names, image))
        if not names:
            unused.append(image)
    if not found:
        wanted = ", ".join(image.repository for image in images)
        shown = ", ".join(f"{name} ({reference or 'no image'})"[:200] for name, reference in users.items())
        raise SettingsError(
            f"No {kind} of that file runs an image of {wanted}: it has {shown or 'none'}.",
            f"Write {images[0].repository} as the image of the {kind} that runs it, or call the {kind} "
            f"{images[0].short_name}.",
        )
    changed = [f"{name}: {users[name] or 'no image'} -> {image.reference}" for name, image in found.items()]
    kept = [
        f"{name}: stays at {reference}, which is on another host"
        for name, reference in users.items()
        if name not in found and any(_repository(reference) == image.repository for image in images)
    ]
    return found, (*changed, *kept, *(f"{image.name}: no {kind} of that file runs it" for image in unused))


def _is_of(reference: str, image: PublishedImage) -> bool:
    name, version = _parts(reference)
    if name == image.repository:
        # A name without a host is Docker Hub's, too; a version says that somebody means one of there.
        return version is None or "/" in name
    host, _, repository = name.partition("/")
    return repository == image.repository and (
        host in (image.registry, "$") or "$" in host or parse_ecr_host(host) is not None
    )


def _repository(reference: str) -> str:
    """Return the repository of a reference without its host."""
    return _parts(reference)[0].partition("/")[2]


def _parts(reference: str) -> tuple[str, str | None]:
    """Return a reference's name, with ``$`` for each variable, and its tag or digest."""
    plain = _VARIABLE.sub("$", reference)
    match = _REFERENCE.fullmatch(plain)
    return (match["name"], match["version"]) if match else (plain, None)
