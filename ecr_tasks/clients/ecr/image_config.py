"""An image's configuration: a blob, which is read from an address that ECR returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

MAX_BYTES = 4 * 1024 * 1024  # more than any configuration has
TIMEOUT = 10.0  # seconds


def read_labels(client: ECRClient, repository: Repository, digest: str) -> Mapping[str, str]:
    """Return the labels of a configuration (GetDownloadUrlForLayer), or none when it can't be read.

    No error is raised: the labels only complete the message of another one.
    """
    try:
        with translate_errors(f"read the configuration {digest} (ecr:GetDownloadUrlForLayer)"):
            response = client.get_download_url_for_layer(
                registryId=repository.account, repositoryName=repository.name, layerDigest=digest
            )
        document = parse_json(_download(response["downloadUrl"]))
    except (EcrTasksError, OSError, ValueError):
        return {}
    config = document.get("config") if isinstance(document, dict) else None
    labels = config.get("Labels") if isinstance(config, dict) else None
    return {str(name): str(text) for name, text in labels.items()} if isinstance(labels, dict) else {}


def _download(url: str) -> bytes:
    """Return the first MAX_BYTES at an address. Raises OSError when the download fails."""
    from http.client import HTTPException
    from urllib.request import urlopen

    if not url.startswith(("https://", "http://")):
        raise OSError
    try:
        with urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310 - http(s), checked
            body: bytes = response.read(MAX_BYTES)
            return body
    except HTTPException as error:
        raise OSError from error
