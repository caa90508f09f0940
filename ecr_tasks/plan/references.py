"""What people type to name an image or a registry: tags, digests, references, destinations. Pure."""

from __future__ import annotations

import re

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.manifest import INPUTS_DIGITS, INPUTS_TAG
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.destination import destination as parse_destination

_COMMIT = re.compile(r"sha-[0-9a-f]{7,64}")
_INPUTS = re.compile(rf"{INPUTS_TAG}[0-9a-f]{{{INPUTS_DIGITS}}}")


def destination(given: str) -> Destination:
    """A destination as ``ECR_DESTINATIONS`` has them. Raises SettingsError."""
    try:
        return parse_destination(given)
    except Malformed as error:
        raise SettingsError(
            f"{given[:200]!r} is no destination: a part of it {error.messages[0]}.",
            "Write ACCOUNT/REGION or ACCOUNT/REGION/REPOSITORY, such as 123456789012/eu-central-1/team/app, "
            "or public.ecr.aws/ALIAS/REPOSITORY.",
        ) from error


def is_fixed(tag: str) -> bool:
    """Whether a tag's name says that it never moves: a whole version, a commit or inputs (docs/tags.md)."""
    from ecr_tasks.source.semver import Version  # with all that git and CI systems know

    return Version.parse(tag) is not None or any(one.fullmatch(tag) for one in (_COMMIT, _INPUTS))
