"""What ECR copies to other registries by itself: the registry's replication rules, and how far one image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ReplicationRuleOutputTypeDef

    from ecr_tasks.model.registry import Repository

Place = tuple[str, str]
"""An account and a region."""


def rules(client: ECRClient) -> list[ReplicationRuleOutputTypeDef]:
    """DescribeRegistry's rules. botocore's errors come through."""
    return client.describe_registry()["replicationConfiguration"].get("rules", [])


def places(rules: list[ReplicationRuleOutputTypeDef], name: str) -> frozenset[Place]:
    """Where a repository is replicated to: a rule without filters is for all (API model, RepositoryFilter)."""
    return frozenset(
        (where["registryId"], where["region"])
        for rule in rules
        if not (filters := rule.get("repositoryFilters")) or any(name.startswith(item["filter"]) for item in filters)
        for where in rule["destinations"]
    )


def statuses(client: ECRClient, repository: Repository, digest: str) -> dict[Place, str]:
    """DescribeImageReplicationStatus by place; empty for an image that no rule was there for when it was pushed."""
    answer = client.describe_image_replication_status(
        registryId=repository.account, repositoryName=repository.name, imageId={"imageDigest": digest}
    )
    return {
        (item["registryId"], item["region"]): item["status"]
        for item in answer["replicationStatuses"]
        if "registryId" in item and "region" in item and "status" in item
    }
