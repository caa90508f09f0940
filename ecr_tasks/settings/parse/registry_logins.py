"""Parser of logins for other registries than ECR."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from ecr_tasks.model.ecr_host import parse_ecr_host
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.lists import split_plain

_DOCKER_HUB = ("index.docker.io", "registry-1.docker.io", "hub.docker.com")
_KEPT_LOGIN = r"(?a)arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+|[\w/+=.@-]{1,512}"
_REGISTRY_HOST = r"(?:[a-z0-9-]+\.)+[a-z0-9-]+(?::\d+)?|localhost(?::\d+)?|\[[0-9a-f:]+\](?::\d+)?"


def registry_logins(text: str) -> Mapping[str, str]:
    """Parse ``HOST=secretsmanager:SECRET`` entries; return the secrets (ARNs or names) by registry.

    Docker Hub is ``docker.io``, however it is written.
    """
    logins: dict[str, str] = {}
    messages = []
    for entry in split_plain(text):
        written, _, value = (part.strip() for part in entry.partition("="))
        host = re.sub(r"^https?://", "", written.lower()).rstrip("/")
        host = "docker.io" if host in _DOCKER_HUB or host.startswith("index.docker.io/") else host
        kind, _, secret = value.partition(":")
        if not re.fullmatch(_REGISTRY_HOST, host):
            messages.append(f"has {written[:80]!r} where a registry's host belongs, like ghcr.io")
        elif parse_ecr_host(host):
            messages.append(f"has {host}, which is ECR's own and gets a token by itself")
        elif kind != "secretsmanager" or not re.fullmatch(_KEPT_LOGIN, secret):
            # What stands there may be a password.
            messages.append(
                f"must have secretsmanager: and a secret's ARN or name after {host}=, and never a password itself"
            )
        elif logins.setdefault(host, secret) != secret:
            messages.append(f"has two secrets for {host}: leave one out")
    if messages:
        raise Malformed(*messages)
    return MappingProxyType(logins)
