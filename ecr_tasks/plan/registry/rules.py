"""What ECR would refuse of a registry's file besides its shape: rules across members, and policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecr_tasks.errors import nearest
from ecr_tasks.model.account import Caller
from ecr_tasks.model.registry_settings import POLICIES, Part
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.registry.difference import key_of
from ecr_tasks.plan.registry.file import file_error
from ecr_tasks.plan.repository.lifecycle_policy import lifecycle_problem
from ecr_tasks.plan.repository.repository_policy import policy_problem
from ecr_tasks.settings.settings import Settings

_MAX_DESTINATIONS = 25
"""Unique ones, across all rules of a replication configuration (ECR user guide, service quotas)."""

_MAX_WILDCARDS = 2
"""In one mutability exclusion filter (API model, ImageTagMutabilityExclusionFilter)."""

_MAX_EXCLUSIONS = 100
"""Principals whose pulls a registry doesn't record (API model, PullTimeUpdateExclusionList)."""

_FREQUENCIES = {"BASIC": ("SCAN_ON_PUSH", "MANUAL"), "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")}
"""By the scan type (API model, RegistryScanningRule)."""


def check_registry_rules(parts: Mapping[Part, Any], path: Path) -> None:
    """Raise SettingsError for the first thing in a file, whose shape is right, that ECR would refuse."""
    for part, check in _CHECKS.items():
        if part in parts and (problem := check(parts[part])):
            raise file_error(path, f"has {problem} in {part}")


def destinations_of(parts: Mapping[Part, Any]) -> list[tuple[str, str]]:
    """Return account and region of each destination of a file's replication rules."""
    rules = parts.get("replicationConfiguration", {}).get("rules", [])
    return [(item["registryId"], item["region"]) for rule in rules for item in rule["destinations"]]


def check_destinations(
    parts: Mapping[Part, Any], path: Path, owner: Caller, region: str, regions: Sequence[str]
) -> None:
    """Raise SettingsError for a replication to the registry itself, or to a region that isn't one of ``regions``.

    Those are the regions of the registry's partition, and its own (ECR user guide, considerations for private image
    replication: an account must be opted in to a destination's region, and none is in another partition).
    """
    for account, place in destinations_of(parts):
        if (account, place) == (owner.account, region):
            problem = f"the registry itself ({owner.account}, {region}) as a destination in replicationConfiguration"
            raise file_error(path, f"has {problem}")
        if place not in (region, *regions):
            problem = f"the region {place} in replicationConfiguration, which this boto3 doesn't know beside {region}"
            raise file_error(path, f"has {problem}; did you mean {nearest(place, regions)}?")


def check_own_exclusions(parts: Mapping[Part, Any], path: Path, settings: Settings) -> None:
    """Raise SettingsError where the file would take away what ECR_PULL_TIME_EXCLUSIONS adds."""
    if "pullTimeUpdateExclusions" not in parts:
        return
    for principal in settings.pull_time_exclusions:
        if principal != "caller" and principal not in parts["pullTimeUpdateExclusions"]:
            problem = f"doesn't have {principal} in pullTimeUpdateExclusions, which ECR_PULL_TIME_EXCLUSIONS names"
            raise file_error(path, problem)


def notes_on(parts: Mapping[Part, Any]) -> list[str]:
    """Return what a user should know of a file that ECR takes, as sentences."""
    notes = []
    for item in parts.get("repositoryCreationTemplates", []):
        encrypts = item.get("encryptionConfiguration", {}).get("encryptionType", "AES256") != "AES256"
        if (encrypts or item.get("resourceTags")) and not item.get("customRoleArn"):
            notes.append(
                f"the creation template {item['prefix']} has a KMS key or tags and no customRoleArn, the role with "
                "which ECR may set them: without it, ECR creates no repository by it"
            )
    for rule in parts.get("replicationConfiguration", {}).get("rules", []):
        if rule.get("deleteReplication", {}).get("enabled"):
            places = join_words([f"{item['registryId']}/{item['region']}" for item in rule["destinations"]])
            notes.append(f"with deleteReplication, what is deleted here is deleted in {places}, too")
    return notes


def _scanning(value: Any) -> str:
    kind = value.get("scanType", "")
    for rule in value.get("rules", []):
        if kind and rule["scanFrequency"] not in _FREQUENCIES[kind]:
            return f"the scanFrequency {rule['scanFrequency']}, which the scanType {kind} does not have,"
    return _twice([rule["scanFrequency"] for rule in value.get("rules", [])], "the scanFrequency")


def _replication(value: Any) -> str:
    """Return the problem; ECR takes a destination twice in a rule, where it does nothing more and hides a mistake."""
    by_rule = [[f"{item['registryId']}/{item['region']}" for item in rule["destinations"]] for rule in value["rules"]]
    places = {place for rule in by_rule for place in rule}
    if len(places) > _MAX_DESTINATIONS:
        return f"{len(places)} destinations, of which ECR takes {_MAX_DESTINATIONS},"
    return next(filter(None, (_twice(rule, "in one rule the destination") for rule in by_rule)), "")


def _templates(value: Any) -> str:
    filters = "imageTagMutabilityExclusionFilters"
    for item in value:
        name = f"prefix {item['prefix']}"
        patterns = [each["filter"] for each in item.get(filters, [])]
        if bool(patterns) != item.get("imageTagMutability", "MUTABLE").endswith("_WITH_EXCLUSION"):
            return f"{filters} without an imageTagMutability …_WITH_EXCLUSION, or the reverse, ({name})"
        if any(pattern.count("*") > _MAX_WILDCARDS for pattern in patterns):
            return f"a filter with more than the {_MAX_WILDCARDS} wildcards that ECR takes ({name})"
        encryption = item.get("encryptionConfiguration", {})
        if encryption.get("encryptionType") == "AES256" and encryption.get("kmsKey"):
            return f"a kmsKey with the encryptionType AES256 ({name})"
        for key, check in zip(POLICIES, (policy_problem, lifecycle_problem), strict=True):
            if item.get(key) and (problem := check(item[key])):
                return f"a {key} ({name}) that {problem}:"
    return _twice([key_of("repositoryCreationTemplates", item) for item in value], "the prefix")


def _cache_rules(value: Any) -> str:
    for item in value:
        if "@" in item["upstreamRegistryUrl"]:
            return (
                f"a user or a password in the upstreamRegistryUrl of {item['ecrRepositoryPrefix']}, not in a secret,"
            )
    return _twice([key_of("pullThroughCacheRules", item) for item in value], "the ecrRepositoryPrefix")


def _exclusions(value: Any) -> str:
    if len(value) > _MAX_EXCLUSIONS:
        return f"{len(value)} principals, of which ECR takes {_MAX_EXCLUSIONS},"
    return _twice(value, "the principal")


def _policy(value: Any) -> str:
    problem = policy_problem(value, of_registry=True) if value else ""
    return f"a policy that {problem}:" if problem else ""


def _twice(names: Sequence[str], what: str) -> str:
    repeated = next((name for name in names if names.count(name) > 1), None)
    return f"{what} {repeated} twice" if repeated is not None else ""


_CHECKS: Mapping[Part, Callable[[Any], str]] = {
    "registryPolicy": _policy,
    "repositoryCreationTemplates": _templates,
    "pullThroughCacheRules": _cache_rules,
    "scanningConfiguration": _scanning,
    "replicationConfiguration": _replication,
    "pullTimeUpdateExclusions": _exclusions,
}
