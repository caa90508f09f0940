"""The digest of a content as OCI writes it."""

from __future__ import annotations

import hashlib


def sha256_digest(content: str | bytes) -> str:
    """Return the SHA-256 digest of a content, such as ``sha256:0a1b…``; a text counts as UTF-8."""
    return f"sha256:{hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()}"
