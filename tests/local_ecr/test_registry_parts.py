"""Pull-through cache rules and the signing configuration of a registry."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_ecr.conftest import refused

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/hub-abc123"
HUB = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET}
PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"
SIGNING = {"rules": [{"signingProfileArn": PROFILE}]}


def test_a_cache_rule_is_created_updated_and_deleted(api: Any) -> None:
    created = api.create_pull_through_cache_rule(**HUB)
    assert created.items() >= {**HUB, "upstreamRegistry": "docker-hub", "upstreamRepositoryPrefix": "ROOT"}.items()
    assert refused(api.create_pull_through_cache_rule, **HUB)[0] == "PullThroughCacheRuleAlreadyExistsException"
    api.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=f"{SECRET}4")
    [rule] = api.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert (rule["credentialArn"], rule["upstreamRegistryUrl"]) == (f"{SECRET}4", "registry-1.docker.io")
    assert api.validate_pull_through_cache_rule(ecrRepositoryPrefix="hub")["isValid"]
    name, _ = refused(api.describe_pull_through_cache_rules, ecrRepositoryPrefixes=["quay"])
    assert name == "PullThroughCacheRuleNotFoundException"
    api.delete_pull_through_cache_rule(ecrRepositoryPrefix="hub")
    assert api.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    name, _ = refused(api.delete_pull_through_cache_rule, ecrRepositoryPrefix="hub")
    assert name == "PullThroughCacheRuleNotFoundException"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"upstreamRegistryUrl": "registry.example.com"}, "UnsupportedUpstreamRegistryException"),
        ({"upstreamRegistry": "quay"}, "UnsupportedUpstreamRegistryException"),
        ({"credentialArn": None}, "InvalidParameterException"),
        ({"credentialArn": SECRET.replace("ecr-pullthroughcache/", "")}, "InvalidParameterException"),
        ({"ecrRepositoryPrefix": "x" * 31}, "InvalidParameterException"),
    ],
)
def test_a_cache_rule_that_ecr_refuses_is_refused(api: Any, changes: dict[str, Any], name: str) -> None:
    rule = {key: value for key, value in {**HUB, **changes}.items() if value is not None}
    assert refused(api.create_pull_through_cache_rule, **rule)[0] == name


def test_a_registry_has_fifty_cache_rules(api: Any) -> None:
    for number in range(50):
        api.create_pull_through_cache_rule(ecrRepositoryPrefix=f"quay{number}", upstreamRegistryUrl="quay.io")
    name, _ = refused(api.create_pull_through_cache_rule, **HUB)
    assert name == "LimitExceededException"
    page = api.describe_pull_through_cache_rules(maxResults=30)
    rest = api.describe_pull_through_cache_rules(maxResults=30, nextToken=page["nextToken"])
    assert [len(one["pullThroughCacheRules"]) for one in (page, rest)] == [30, 20]


def test_a_signing_configuration_is_put_and_deleted(api: Any) -> None:
    assert refused(api.get_signing_configuration)[0] == "SigningConfigurationNotFoundException"
    assert api.put_signing_configuration(signingConfiguration=SIGNING)["signingConfiguration"] == SIGNING
    assert api.get_signing_configuration()["signingConfiguration"] == SIGNING
    assert api.delete_signing_configuration()["signingConfiguration"] == SIGNING
    assert refused(api.delete_signing_configuration)[0] == "SigningConfigurationNotFoundException"


@pytest.mark.parametrize(
    "rules",
    [
        SIGNING["rules"] * 11,
        [{"signingProfileArn": "release"}],
        [{}],
        [{"signingProfileArn": PROFILE, "repositoryFilters": []}],
        [{"signingProfileArn": PROFILE, "repositoryFilters": [{"filter": "a/*", "filterType": "WILDCARD"}]}],
    ],
)
def test_a_signing_configuration_that_ecr_refuses_is_refused(api: Any, rules: list[dict[str, Any]]) -> None:
    configuration = {"rules": rules}
    assert (
        refused(api.put_signing_configuration, signingConfiguration=configuration)[0] == "InvalidParameterException"
    )
