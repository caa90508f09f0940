"""Bytes at an address that ECR returns for a layer or a configuration (GetDownloadUrlForLayer)."""

from __future__ import annotations

from ecr_tasks.clients.threads import awaiting_answer

TIMEOUT = 10.0  # seconds without a byte


def download(url: str, limit: int) -> bytes:
    """Return the first ``limit`` bytes at an address. Raises OSError when the download fails."""
    from http.client import HTTPException
    from urllib.request import urlopen

    if not url.startswith(("https://", "http://")):
        raise OSError("the address is not one of HTTP")
    try:
        with awaiting_answer(), urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310 - http(s), checked
            body: bytes = response.read(limit)
            return body
    except HTTPException as error:
        raise OSError(str(error)) from error
