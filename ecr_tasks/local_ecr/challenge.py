"""WWW-Authenticate: how a registry tells a client to log in (RFC 9110, section 11.6.1)."""

from __future__ import annotations

TOKEN_PATH = "/token/"  # noqa: S105  (a path)
"""Where a client gets the public registry's bearer tokens."""


def basic_challenge(endpoint: str) -> str:
    """Return a private registry's challenge: user and password with every request, as at Amazon ECR."""
    return f'Basic realm="{endpoint}/",service="ecr.amazonaws.com"'


def bearer_challenge(endpoint: str) -> str:
    """Return the public registry's challenge: a bearer token from ``TOKEN_PATH``, as at public.ecr.aws."""
    return f'Bearer realm="{endpoint}{TOKEN_PATH}",service="public.ecr.aws",scope="aws"'
