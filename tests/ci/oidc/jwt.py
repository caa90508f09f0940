"""A builder of tokens."""

from __future__ import annotations

import base64
import json


def jwt(**claims: object) -> str:
    """Return a token with these claims, whose signature is none."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{payload}.the-signature"
