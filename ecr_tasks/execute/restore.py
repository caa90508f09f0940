"""Restore an image from ECR's archive, with what belongs to it, and wait until it can be pulled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES
from ecr_tasks.model.ports import Removal

POLL_SECONDS = 5.0


def restore(
    name: str,
    reference: str,
    removal: Removal,
    say: Callable[[str], None],
    *,
    minutes: float,
    pause: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> ImageDetail:
    """Restore an image by tag or digest and return it, as soon as it and all that belongs to it is active.

    An archived index can't be read, so what it lists is restored after it. Raises RegistryError when there is no such
    image, when ECR refuses, and when it takes more than so many ``minutes``.
    """
    details = {detail.digest: detail for detail in removal.details(name)}
    image = next((item for item in details.values() if reference in (item.digest, *item.tags)), None)
    if image is None:
        raise RegistryError(f"There is no image {reference} in {name}, archived or not.", "`inv images` lists them.")
    deadline = clock() + 60 * minutes
    due = [image, *_referrers(details, {image.digest})]
    if all(item.status == "ACTIVE" for item in due) and image.media_type not in INDEX_MEDIA_TYPES:
        say(f"{name}: {reference} is active already")
        return image
    _activate(name, due, removal, say, deadline, pause, clock)
    if image.media_type in INDEX_MEDIA_TYPES:
        document = removal.manifests(name, [image])[image.digest]
        children = {str(item.get("digest")) for item in document.get("manifests", ())}
        listed = [details[digest] for digest in children if digest in details]
        _activate(name, [*listed, *_referrers(details, children)], removal, say, deadline, pause, clock)
    return image


def _referrers(details: Mapping[str, ImageDetail], subjects: set[str]) -> list[ImageDetail]:
    """Return what refers to these images, and what refers to that."""
    found: dict[str, ImageDetail] = {}
    known = set(subjects)
    while more := [item for item in details.values() if item.belongs_to in known and item.digest not in known]:
        found |= {item.digest: item for item in more}
        known |= {item.digest for item in more}
    return [*found.values()]


def _activate(
    name: str,
    images: Sequence[ImageDetail],
    removal: Removal,
    say: Callable[[str], None],
    deadline: float,
    pause: Callable[[float], None],
    clock: Callable[[], float],
) -> None:
    """Restore those of the images that are archived, and wait for all of them."""
    archived = [item.digest for item in images if item.status == "ARCHIVED"]
    if archived:
        say(f"{name}: {len(archived)} to restore, which may take ECR 20 minutes")
        for digest, reason in removal.set_storage_class(name, archived, "STANDARD").items():
            raise Refused(f"ECR does not restore {digest} of {name}: {reason}.", "The reason says what to change.")
    waited = {item.digest for item in images if item.status != "ACTIVE"}
    while waited:
        states = {item.digest: item.status for item in removal.details(name) if item.digest in waited}
        if missing := waited - states.keys():
            raise RegistryError(
                f"{min(missing)} of {name} was deleted meanwhile.", "`inv images` lists what is left."
            )
        waited = {digest for digest, status in states.items() if status != "ACTIVE"}
        if not waited:
            return
        if clock() > deadline:
            raise RegistryError(
                f"{len(waited)} of the manifests in {name} are not restored yet.",
                "Run it again, which goes on waiting; --minutes gives it more time.",
            )
        pause(POLL_SECONDS)
