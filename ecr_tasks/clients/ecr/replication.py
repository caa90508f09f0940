"""ECR's own replication to other registries: the registry's rules, and the status of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ReplicationRuleOutputTypeDef

Place = tuple[str, str]
"""An account and a region."""


def rules(client: ECRClient) -> list[ReplicationRuleOutputTypeDef]:
    """Return the registry's replication rules (DescribeRegistry). Raises botocore's errors."""
    return client.describe_registry()["replicationConfiguration"].get("rules", [])


def places(rules: list[ReplicationRuleOutputTypeDef], name: str) -> frozenset[Place]:
    """Return where a repository is replicated to.

    A rule without filters holds for every repository; a filter is what a name begins with (API model,
    RepositoryFilter).
    """
    return frozenset(
        (destination["registryId"], destination["region"])
        for rule in rules
        if not (filters := rule.get("repositoryFilters")) or any(name.startswith(item["filter"]) for item in filters)
        for destination in rule["destinations"]
    )


def statuses(client: ECRClient, repository: Repository, digest: str) -> dict[Place, str]:
    """Return the replication status of an image by place (DescribeImageReplicationStatus).

    Empty for an image that was pushed when there was no rule for it.
    """
    answer = client.describe_image_replication_status(
        registryId=repository.account, repositoryName=repository.name, imageId={"imageDigest": digest}
    )
    return {
        (item["registryId"], item["region"]): item["status"]
        for item in answer["replicationStatuses"]
        if "registryId" in item and "region" in item and "status" in item
    }
