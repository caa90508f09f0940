"""`KEY=value` lines, which shells, dotenv readers, `docker run --env-file` and systemd read alike.

These readers differ in what quotes mean, so no value has any: the characters of a reference need none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecr_tasks.errors import UnexpectedError
from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.handoff.names import check_distinct, identifier
from ecr_tasks.model.publication import PublishedImage

_PLAIN = re.compile(r"[A-Za-z0-9_./:@,+-]*")
"""A value that is the same to every reader, with and without quotes."""


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return each image's reference, digest, repository and tags, named as the CI's outputs are.

    The only image of a project is ``IMAGE``, ``IMAGE_DIGEST``, …; a target ``api`` is ``API_IMAGE``, ….
    """
    lines = [(key, value, image.name) for image in images for key, value in _variables(image)]
    check_distinct(((key, name) for key, _, name in lines), "variable")
    for key, value, _ in lines:
        if not _PLAIN.fullmatch(value):
            raise UnexpectedError(f"{key} would be {value[:200]!r}, which a shell reads otherwise.", "Report that.")
    return Handoff("\n".join(f"{key}={value}" for key, value, _ in lines))


def _variables(image: PublishedImage) -> list[tuple[str, str]]:
    prefix = "" if image.is_only else f"{identifier(image.name).upper()}_"
    if prefix[:1].isdigit():
        prefix = f"_{prefix}"
    return [
        (f"{prefix}IMAGE", image.reference),
        (f"{prefix}IMAGE_DIGEST", image.digest),
        (f"{prefix}IMAGE_REPOSITORY", image.address),
        (f"{prefix}IMAGE_TAGS", ",".join(image.tags)),
    ]
