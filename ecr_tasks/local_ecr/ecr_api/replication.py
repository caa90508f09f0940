"""API operations on replication: the registry's rules, and the status of an image."""

from __future__ import annotations

import re

from .. import replication_rules
from ..errors import invalid
from ..regions import is_region, partition
from .images import get, image_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

# API model: RepositoryFilterValue.
_FILTER = r"(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*"
# API model: ReplicationRuleList; ECR user guide, "Private image replication examples". It was 10 for a long time.
_MAX_RULES = 25
# ECR user guide, service quotas, "Unique destinations across all rules in a replication configuration": one that is
# named twice, in a rule or in two, counts once, and nothing forbids it.
_MAX_DESTINATIONS = 25
# ECR user guide, service quotas, "Filters per rule in a replication configuration".
_MAX_FILTERS = 100


def describe_registry(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeRegistry."""
    return {"registryId": registry.account, "replicationConfiguration": replication_rules.configuration(registry)}


def put_replication_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutReplicationConfiguration, for images that are pushed from now on."""
    document = params.structure("replicationConfiguration", required=True)
    rules = [_rule(registry, rule) for rule in document.structures("rules", 0, _MAX_RULES, required=True)]
    destinations = {(item["registryId"], item["region"]) for rule in rules for item in rule["destinations"]}
    if len(destinations) > _MAX_DESTINATIONS:
        raise invalid("replicationConfiguration", f"must have at most {_MAX_DESTINATIONS} destinations")
    for account, region in destinations:
        registry.registries.check_reachable(account, region)
    configuration = {"rules": rules}
    replication_rules.configure(registry, configuration)
    return {"replicationConfiguration": configuration}


def _rule(registry: Registry, rule: Params) -> dict[str, Any]:
    document: dict[str, Any] = {"destinations": []}
    if rule.has("deleteReplication"):
        document["deleteReplication"] = {
            "enabled": rule.structure("deleteReplication").flag("enabled", required=True)
        }
    for item in rule.structures("destinations", 0, 100, required=True):
        region = item.text("region", pattern="[0-9a-z-]{2,25}")
        account = item.text("registryId", pattern="[0-9]{12}")
        if (account, region) == (registry.account, registry.region):
            raise invalid(
                "replicationConfiguration", "Replication destination cannot be the same as the source registry"
            )
        if region != registry.region and not is_region(region):
            raise invalid("replicationConfiguration", f"{region} is not a region of AWS")
        if partition(region) != partition(registry.region):
            raise invalid("replicationConfiguration", f"{region} is in another partition than {registry.region}")
        document["destinations"].append({"region": region, "registryId": account})
    filters = []
    for item in rule.structures("repositoryFilters", 1, _MAX_FILTERS):
        text = item.text("filter", minimum=2, maximum=256)
        if re.fullmatch(_FILTER, text) is None:
            raise invalid("repositoryFilters.filter", f"must satisfy regular expression '{_FILTER}'")
        filters.append({"filter": text, "filterType": item.text("filterType", choices=("PREFIX_MATCH",))})
    if filters:
        document["repositoryFilters"] = filters
    return document


def describe_image_replication_status(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImageReplicationStatus."""
    repository = params.repository(registry)
    image, tag = get(registry, repository, params.structure("imageId"))
    return {
        "repositoryName": repository.name,
        "imageId": image_id(image.digest, tag),
        "replicationStatuses": replication_rules.statuses(registry, image),
    }
