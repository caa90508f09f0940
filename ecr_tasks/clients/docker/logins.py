"""Docker's logins, as its files and variables have them: which docker takes, and how ours come first."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.model.ecr_host import DOCKER_HUB
from ecr_tasks.model.registry import RegistryToken

AUTH_CONFIG = "DOCKER_AUTH_CONFIG"
SCOPED_LOGINS = "config"
"""The folder in buildx' own with logins for single repositories and actions."""

_OBJECTS: Mapping[str, type] = {"auths": dict, "credHelpers": str}
"""What docker expects in the entries of these objects (docker/cli, cli/config/configfile)."""

_FIELDS = {name.lower(): name for name in ("auths", "credHelpers", "credsStore", "cliPluginsExtraDirs")}


def with_tokens(config: Mapping[str, Any], tokens: Sequence[RegistryToken]) -> dict[str, Any]:
    """Return a docker configuration with the tokens added.

    docker looks up a host in ``credHelpers``, then in ``credsStore``, and in ``auths`` only when neither is set. When
    the helper's name for the host is empty, docker uses ``auths`` (docker/cli, cli/config/configfile).
    """
    hosts = {_hostname(token.host) for token in tokens}
    auths, helpers = (_without(hosts, config.get(key) or {}) for key in ("auths", "credHelpers"))
    # docker reads no login of a file in which it can't read one.
    auths = {name: entry for name, entry in auths.items() if _is_login(entry)}
    auths |= {_key(token.host): {"auth": token.auth} for token in tokens}
    if config.get("credsStore") or len(helpers) < len(config.get("credHelpers") or {}):
        helpers |= {_key(token.host): "" for token in tokens}
    return {**config, "auths": auths, **({"credHelpers": helpers} if helpers else {})}


def _hostname(host: str) -> str:
    """Return the host of docker's entry for a registry: Docker Hub has another one there than in references."""
    return "index.docker.io" if host == DOCKER_HUB else host


def _key(host: str) -> str:
    """Return the name of docker's entry for a registry (moby/registry, IndexServer)."""
    return "https://index.docker.io/v1/" if host == DOCKER_HUB else host


def without_tokens(auth_config: str, hosts: Collection[str]) -> str:
    """Return DOCKER_AUTH_CONFIG without its entries for hosts: docker 28.3 takes it before any configuration file.

    Nothing is left of a text that can't be read: docker uses none of it, or has another idea of it than we have.
    """
    document = _auth_config(auth_config)
    auths = _without([*map(_hostname, hosts)], document["auths"]) if document else {}
    return json.dumps({**(document or {}), "auths": auths}) if auths else ""


def has_login(auth_config: str, host: str) -> bool:
    """Return whether DOCKER_AUTH_CONFIG has a login for a host."""
    document = _auth_config(auth_config)
    return document is not None and _without([_hostname(host)], document["auths"]) != document["auths"]


def auth_config_hosts(auth_config: str) -> list[str]:
    """Return the hosts that DOCKER_AUTH_CONFIG has logins for; none where it can't be read."""
    document = _auth_config(auth_config)
    return [re.sub(r"^https?://", "", name).partition("/")[0] for name in (document or {}).get("auths", ())]


def is_readable(auth_config: str) -> bool:
    """Return whether DOCKER_AUTH_CONFIG can be read, or is not set."""
    return not auth_config or _auth_config(auth_config) is not None


def _auth_config(text: str) -> dict[str, Any] | None:
    """Return the document in DOCKER_AUTH_CONFIG with its ``auths``; None when it can't be read."""
    try:
        document = _with_field_names(parse_json(text))
        return {**document, "auths": dict(document.get("auths") or {})}
    except (ValueError, TypeError, AttributeError):
        return None


def _with_field_names(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document whose fields have docker's spelling: it takes ``Auths`` for ``auths`` (Go, encoding/json)."""
    fields: dict[str, Any] = {}
    for key, value in document.items():
        name = _FIELDS.get(key.lower(), key)
        both = isinstance(value, dict) and isinstance(fields.get(name), dict)
        fields[name] = {**fields[name], **value} if both else value
    return fields


def _without(hosts: Collection[str], entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are not for hosts, in whatever way a host is written.

    An older entry may be outdated (docker-commons-plugin#60). docker cuts the scheme and the path off it
    (docker/cli, cli/config/credentials, ConvertToHostname).
    """
    return {
        name: entry
        for name, entry in entries.items()
        if re.sub(r"^https?://", "", name).partition("/")[0] not in hosts
    }


def _is_login(entry: Mapping[str, Any]) -> bool:
    """Return whether docker can read an entry of ``auths``: it has no ``auth``, or USER:PASSWORD in base64."""
    auth = re.sub(r"[\r\n]", "", str(entry.get("auth") or ""))
    try:
        user, colon, _ = base64.b64decode(auth, validate=True).partition(b":")
    except ValueError:
        return False
    return not auth or bool(user and colon)


def checked(document: Any) -> Mapping[str, Any]:
    """Return a docker configuration whose logins and plugins have docker's types. Raises ValueError."""
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    config = _with_field_names(document)
    for key, kind in _OBJECTS.items():
        entries = config.get(key) or {}
        if not isinstance(entries, dict) or not all(isinstance(entry, kind) for entry in entries.values()):
            raise ValueError(f"its {key} is not an object of {'objects' if kind is dict else 'strings'}")
    if not isinstance(config.get("credsStore") or "", str):
        raise ValueError("its credsStore is not a string")
    return config


def scoped_logins(folder: Path, hosts: Collection[str]) -> set[str]:
    """Return the names of a folder's entries that are logins for hosts, for the whole host or some actions."""
    with suppress(OSError):
        return {entry.name for entry in folder.iterdir() if entry.name.partition("@")[0] in hosts}
    return set()
