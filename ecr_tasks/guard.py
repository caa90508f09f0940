"""What is checked before a build: no keys in git or in the context, and a login where a base image is in ECR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ecr_tasks.definition import BuildDefinition
from ecr_tasks.settings.keys import holds_keys
from ecr_tasks.settings.model import Settings
from ecr_tasks.source.repository import is_tracked
from ecr_tasks.source.state import SourceState

# ecr.md, Tokens and hosts: the registry hosts of every partition; the region is the group.
_ECR_HOST = re.compile(
    r"(?<![\w.-])\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)(?=[/\s\"']|$)"
)


def check_leaks(settings: Settings, source: SourceState, definitions: Iterable[BuildDefinition]) -> None:
    """Raises Refused when access keys in a dotenv file are in git, or would go into an image's context."""
    from ecr_tasks.context.leaks import find_leaks, refuse

    for context, dockerfile in _folders(definitions):
        leaks = find_leaks(
            context=context,
            dockerfile=dockerfile,
            files=settings.files,
            tracked=lambda path: is_tracked(source.root, path),
            holds_keys=holds_keys,
        )
        if leaks:
            raise refuse(leaks)


def own_folder_in_context(definitions: Iterable[BuildDefinition]) -> bool:
    """Whether the receipt would go into an image: it would make every build another one."""
    from ecr_tasks.context.leaks import carries

    return any(
        (context / ".ecr-tasks").is_dir() and carries(context, dockerfile, ".ecr-tasks/receipt.json")
        for context, dockerfile in _folders(definitions)
    )


def _folders(definitions: Iterable[BuildDefinition]) -> Iterator[tuple[Path, Path]]:
    """The local contexts, each with its Dockerfile; docker fetches remote ones itself."""
    for definition in definitions:
        context = Path(definition.context)
        if context.is_dir():
            yield context, context / (definition.dockerfile or "Dockerfile")


def ecr_hosts(definition: BuildDefinition, settings: Settings) -> dict[str, str | None]:
    """The ECR hosts that a build reads base images from, as host → region (None: the settings' own).

    Looked for in the Dockerfile, the build arguments and the named contexts; a host that none of them spells
    out can't be known before the build.
    """
    found: dict[str, str | None] = {}
    endpoint = settings.values.get("AWS_ENDPOINT_URL_ECR")
    local = urlsplit(endpoint.text or "").netloc if endpoint else ""
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
