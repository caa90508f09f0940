"""An image's configuration: a blob, which ECR gives an address for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_tasks.clients.ecr.errors import translated
from ecr_tasks.errors import EcrTasksError

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

    from ecr_tasks.model.registry import Repository

MOST_BYTES = 4 * 1024 * 1024
"""No configuration that is one has more."""

SECONDS = 10.0


def read(client: ECRClient, repository: Repository, digest: str) -> Mapping[str, str]:
    """Its labels (GetDownloadUrlForLayer); none where we may not read it or the address gives none.

    What they are read for is a sentence in an error, whose place no other error may take.
    """
    try:
        with translated(f"read the configuration {digest} (ecr:GetDownloadUrlForLayer)"):
            answer = client.get_download_url_for_layer(
                registryId=repository.account, repositoryName=repository.name, layerDigest=digest
            )
        document = json.loads(_fetched(answer["downloadUrl"]))
    except (EcrTasksError, OSError, ValueError):
        return {}
    config = document.get("config") if isinstance(document, dict) else None
    labels = config.get("Labels") if isinstance(config, dict) else None
    return {str(name): str(text) for name, text in labels.items()} if isinstance(labels, dict) else {}


def _fetched(url: str) -> bytes:
    """What is at an address that ECR gave. Raises OSError."""
    from http.client import HTTPException
    from urllib.request import urlopen

    if not url.startswith(("https://", "http://")):
        raise OSError
    try:
        with urlopen(url, timeout=SECONDS) as response:  # noqa: S310 - http(s), checked
            found: bytes = response.read(MOST_BYTES)
            return found
    except HTTPException as error:
        raise OSError from error
