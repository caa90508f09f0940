"""TODO."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.settings import Settings

# ecr.md, Tokens and hosts: the registry hosts of every partition; the region is the group.
_ECR_HOST = re.compile(
    r"(?<![\w.-])\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)(?=[/\s\"']|$)"
)


def ecr_hosts(definition: BuildDefinition, settings: Settings) -> dict[str, str | None]:
    """The ECR hosts that a build reads base images from, as host → region (None: the settings' own).

    Looked for in the Dockerfile, the build arguments and the named contexts; a host that none of them spells
    out can't be known before the build.
    """
    found: dict[str, str | None] = {}
    local = urlsplit(settings.aws_endpoint_url_ecr or "").netloc
    for text in _texts(definition):
        found.update({match.group(0): match.group(1) for match in _ECR_HOST.finditer(text)})
        if local and f"{local}/" in text:
            found[local] = None
    return found


def _texts(definition: BuildDefinition) -> Iterator[str]:
    yield from definition.args.values()
    yield from definition.contexts.values()
    dockerfile = Path(definition.context, definition.dockerfile or "Dockerfile")
    try:
        yield dockerfile.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
