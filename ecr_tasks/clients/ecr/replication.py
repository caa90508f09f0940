"""ECR's own replication to other registries: the registry's rules, and the status of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    """Return the accounts and regions that a repository is replicated to.

    A rule without filters applies to every repository; a filter is the beginning of a repository's name (API model,
    RepositoryFilter).
    """
    return frozenset(
        (destination["registryId"], destination["region"])
        for rule in rules
        if not (filters := rule.get("repositoryFilters")) or any(name.startswith(each["filter"]) for each in filters)
        for destination in rule["destinations"]
    )


def replicates_deletions(rule: Any) -> bool:
    """Return whether a rule has deletions replicated, too (API model, DeleteReplication)."""
    return bool(rule.get("deleteReplication", {}).get("enabled"))


def statuses(client: ECRClient, repository: Repository, digest: str) -> dict[Place, str]:
    """Return the replication status of an image by account and region (DescribeImageReplicationStatus).

    Empty for an image that was pushed before there was a rule for its repository.
    """
    response = client.describe_image_replication_status(
        registryId=repository.account, repositoryName=repository.name, imageId={"imageDigest": digest}
    )
    return {
        (status["registryId"], status["region"]): status["status"]
        for status in response["replicationStatuses"]
        if "registryId" in status and "region" in status and "status" in status
    }
