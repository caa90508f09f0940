"""An image's configuration: a blob, which is read from an address that ECR returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.download import download
from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.clients.manifest_cache import ManifestCache
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import platform_name

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

MAX_BYTES = 4 * 1024 * 1024  # more than any configuration has


def read_config(
    client: ECRClient, name: str, registry_id: Mapping[str, str], digest: str, cache: ManifestCache
) -> Mapping[str, Any]:
    """Return a configuration: that of the cache, else ECR's (GetDownloadUrlForLayer); empty when it can't be read.

    ECR does not count it as a pull, which is of a manifest. Nothing is raised: what is read only completes a message.
    """
    text = cache.get(digest)
    try:
        if text is None:
            with translate_errors(f"read the configuration {digest} (ecr:GetDownloadUrlForLayer)"):
                response = client.get_download_url_for_layer(
                    **registry_id,
                    repositoryName=name,
                    layerDigest=digest,
                )
            text = download(response["downloadUrl"], MAX_BYTES).decode()
            cache.put(text)
        document = parse_json(text)
    except (EcrTasksError, OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def labels_of(document: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels in a configuration."""
    config = document.get("config")
    labels = config.get("Labels") if isinstance(config, dict) else None
    return {str(name): str(text) for name, text in labels.items()} if isinstance(labels, dict) else {}


def platform_of(document: Mapping[str, Any]) -> str:
    """Return the platform in a configuration, such as ``linux/arm64/v8``; empty if it has none."""
    return platform_name({key: value for key, value in document.items() if isinstance(value, str)})
