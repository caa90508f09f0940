"""Read the repository creation templates of the credentials' own registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.model.account import CreationTemplate

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient


def read_templates(client: ECRClient) -> list[CreationTemplate]:
    """Return the templates of a client's account and region (DescribeRepositoryCreationTemplates)."""
    action = "read the creation templates (ecr:DescribeRepositoryCreationTemplates)"
    with translate_errors(action):
        pages = client.get_paginator("describe_repository_creation_templates").paginate()
        found = [item for page in pages for item in page.get("repositoryCreationTemplates", [])]
    return [
        CreationTemplate(
            item.get("prefix", ""),
            tuple(item.get("appliedFor", ())),
            item.get("imageTagMutability", "MUTABLE"),
            tuple(part["filter"] for part in item.get("imageTagMutabilityExclusionFilters", [])),
        )
        for item in found
    ]
