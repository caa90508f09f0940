"""Refuses what an application's .env says to the application's own AWS clients, before images follow it unseen."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ecr_tasks.settings.env_files import OWN
from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.setting import SettingValue

_GENERAL = "AWS_ENDPOINT_URL"
_OURS = "AWS_ENDPOINT_URL_ECR"
_KEY = "AWS_ACCESS_KEY_ID"

_SHORTEST_KEY_ID = 16
"""The length of the shortest id of an access key (IAM API Reference, AccessKey)."""

_LOCAL_NAME = r"localhost|.*\.localhost|.*\.localstack\.cloud"
"""Names that lead to this machine (RFC 6761), and LocalStack's own, which does, too."""

_INNER_NAME = r"[a-z0-9_-]+|.*\.(local|internal|test)"
"""The name of a container beside the application's, and others that no public server has."""

_OWN_FILE = f"If it is the application's, put the settings of ecr-tasks into {OWN} beside it: then .env is not read"


def refuse_applications_values(effective: Mapping[str, SettingValue], problems: Problems) -> None:
    """Add to ``problems`` an emulator's endpoint and keys that are none, where they come from a file ``.env``.

    An endpoint for ECR alone is no application's: with it, everything is as somebody wants it.
    """
    if _OURS in effective:
        return
    endpoint, key = effective.get(_GENERAL), effective.get(_KEY)
    ignored = effective.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
    is_ignored = ignored is not None and ignored.text.strip().lower() == "true"
    is_no_key = key is not None and key.origin.kind == "file" and not is_key_id(key.text)
    if endpoint and endpoint.origin.kind == "file" and not is_ignored and is_emulator(endpoint.text):
        keys = f", with the keys of {key.origin}" if key and is_no_key else ""
        problems.add_at(
            endpoint.origin,
            _GENERAL,
            f"would take images to {_host(endpoint.text)} instead of Amazon ECR{keys}.",
            f"{_OWN_FILE}. If images are to go there, set {_OURS} to it, too.",
        )
    elif key and is_no_key:
        problems.add_at(
            key.origin,
            _KEY,
            f"is no access key of AWS, whose ids have {_SHORTEST_KEY_ID} characters or more: it pushes nothing.",
            f"{_OWN_FILE}. If it opens another registry, set {_OURS} to that one's address.",
        )


def _host(address: str) -> str:
    return urlsplit(address.strip()).netloc.rpartition("@")[2]


def is_applications(path: Path) -> bool:
    """Return whether a dotenv file would be refused by :func:`refuse_applications_values`, were it ours."""
    from ecr_tasks.settings.dotenv import read_file
    from ecr_tasks.settings.precedence import file_layer

    problems = Problems()
    layer = file_layer(read_file(path, {}, {}, Problems()))
    refuse_applications_values({name: value for name, value in layer.items() if value.text}, problems)
    return bool(problems)


def is_emulator(address: str) -> bool:
    """Return whether an endpoint is on this machine or in its own network, as LocalStack and the like are."""
    try:
        parts = urlsplit(address.strip())
        host = (parts.hostname or "").rstrip(".")
    except ValueError:  # the setting's own parser says what is wrong
        return False
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return bool(re.fullmatch(_LOCAL_NAME, host) or (parts.scheme == "http" and re.fullmatch(_INNER_NAME, host)))


def is_key_id(text: str) -> bool:
    """Return whether a text has the length that the id of an access key has in AWS."""
    return len(text.strip()) >= _SHORTEST_KEY_ID
