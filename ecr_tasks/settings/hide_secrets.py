"""Hide the secrets in a setting's text before it is shown."""

from __future__ import annotations

import re

from ecr_tasks.settings.parse.build_options import build_args
from ecr_tasks.settings.schema import setting_of

HIDDEN = "…hidden"

_URL_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# The setting of a cache in an object store can contain the store's keys (BuildKit: s3, azblob, gha).
_CACHE_KEYS = re.compile(r"(?i)\b((?:secret_|session_|access_)?(?:access_key|token|key_id|key|password)=)[^,\n]+")


def hide_secrets(name: str, text: str) -> str | None:
    """Return the text of the setting ``name`` with its secrets hidden; None for an empty one."""
    if not text:
        return None
    display = setting_of(name).display
    if display == "hidden":
        return HIDDEN
    if display == "last-four":
        return HIDDEN + (text[-4:] if len(text) >= 16 else "")
    if display == "names-only":
        # The text must be parsed, because only the parser knows where a value ends.
        entries = (entry.partition("=") for entry in build_args(text))
        return ", ".join(f"{name}={HIDDEN}" if equals else name for name, equals, _ in entries)
    if name == "ECR_CACHE":
        text = _CACHE_KEYS.sub(rf"\1{HIDDEN}", text)
    return _URL_CREDENTIALS.sub(HIDDEN, text).strip()
