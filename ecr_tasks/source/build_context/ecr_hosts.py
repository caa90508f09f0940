"""The ECR registries that a build reads base images from."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE
from ecr_tasks.settings.settings import Settings

_ECR_HOST = re.compile(
    r"(?<![\w.-])\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)(?=[/\s\"']|$)"
)
"""A registry's host in any of AWS's partitions, IPv4 and dual-stack; the group is the region."""


def ecr_hosts(definition: BuildDefinition, settings: Settings) -> dict[str, str | None]:
    """Return the ECR hosts that a build reads base images from, as host → region (None: the settings' region).

    The hosts are searched for in the text of the Dockerfile, the build arguments and the named contexts. A host that
    is written in none of them can't be known before the build.
    """
    texts = [*definition.args.values(), *definition.contexts.values()]
    with suppress(OSError):
        dockerfile = Path(definition.context, definition.dockerfile or DEFAULT_DOCKERFILE)
        texts.append(dockerfile.read_text(encoding="utf-8", errors="replace"))
    hosts: dict[str, str | None] = {}
    local = urlsplit(settings.aws_endpoint_url_ecr or "").netloc
    for text in texts:
        hosts.update({match.group(0): match.group(1) for match in _ECR_HOST.finditer(text)})
        if local and f"{local}/" in text:
            hosts[local] = None
    return hosts
