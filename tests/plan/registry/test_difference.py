"""What must change in a registry: what a file names, in any order, and what would go by it."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_tasks.model.registry_settings import Part
from ecr_tasks.plan.registry.difference import registry_changes

TEMPLATE = {"prefix": "team", "appliedFor": ["REPLICATION", "CREATE_ON_PUSH"], "imageTagMutability": "MUTABLE"}
SWAPPED = {"prefix": "team/", "appliedFor": ["CREATE_ON_PUSH", "REPLICATION"]}
BOTH = {"BLOB_MOUNTING": "ENABLED", "REGISTRY_POLICY_SCOPE": "V2"}
DESTINATIONS = [{"region": "eu-west-1", "registryId": "123456789012"}]
STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:ReplicateImage"], "Resource": "*"}


@pytest.mark.parametrize(
    ("part", "now", "wanted"),
    [
        (
            "repositoryCreationTemplates",
            [TEMPLATE],
            [SWAPPED],
        ),
        (
            "replicationConfiguration",
            {"rules": [{"destinations": DESTINATIONS, "deleteReplication": {"enabled": False}}]},
            {"rules": [{"destinations": DESTINATIONS}]},
        ),
        ("scanningConfiguration", {"scanType": "ENHANCED", "rules": []}, {"rules": []}),
        ("pullTimeUpdateExclusions", ["b", "a"], ["a", "b"]),
        (
            "accountSettings",
            {"BLOB_MOUNTING": "ENABLED", "REGISTRY_POLICY_SCOPE": "V2"},
            {"BLOB_MOUNTING": "ENABLED"},
        ),
        (
            "registryPolicy",
            {"Version": "2012-10-17", "Statement": [STATEMENT]},
            {"Statement": [{**STATEMENT, "Action": "ecr:ReplicateImage"}], "Version": "2012-10-17"},
        ),
        ("registryPolicy", None, None),
    ],
)
def test_what_means_the_same_is_no_difference(part: Part, now: Any, wanted: Any) -> None:
    assert registry_changes({part: now}, {part: wanted}) == ()


@pytest.mark.parametrize(
    ("part", "now", "wanted", "removes"),
    [
        ("accountSettings", {"BLOB_MOUNTING": "DISABLED"}, {"BLOB_MOUNTING": "ENABLED"}, ()),
        (
            "accountSettings",
            {"BLOB_MOUNTING": "ENABLED"},
            {"BLOB_MOUNTING": "DISABLED"},
            ("BLOB_MOUNTING: ENABLED",),
        ),
        ("scanningConfiguration", {"scanType": "BASIC", "rules": []}, {"scanType": "ENHANCED"}, ()),
        ("pullTimeUpdateExclusions", ["a"], ["a", "b"], ()),
        ("pullTimeUpdateExclusions", ["a", "b"], ["b"], ("- a",)),
        ("repositoryCreationTemplates", [], [TEMPLATE], ()),
        (
            "repositoryCreationTemplates",
            [TEMPLATE],
            [{"prefix": "team", "imageTagMutability": "IMMUTABLE"}],
            ("imageTagMutability: MUTABLE",),
        ),
        ("registryPolicy", {"Statement": [STATEMENT]}, {"Statement": [STATEMENT, {**STATEMENT, "Sid": "b"}]}, ()),
    ],
)
def test_what_would_go_is_told_apart_from_what_is_added(
    part: Part, now: Any, wanted: Any, removes: tuple[str, ...]
) -> None:
    (change,) = registry_changes({part: now}, {part: wanted})
    assert change.removes == removes


def test_a_cache_rule_of_another_upstream_keeps_no_secret_of_the_first_one() -> None:
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": "arn"}
    now = {**rule, "upstreamRegistry": "docker-hub"}
    other = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "quay.io"}
    (change,) = registry_changes({"pullThroughCacheRules": [now]}, {"pullThroughCacheRules": [other]})
    assert change.wanted == other
    assert "credentialArn: arn" in change.removes
    assert registry_changes({"pullThroughCacheRules": [now]}, {"pullThroughCacheRules": [{**rule}]}) == ()


def test_an_item_that_a_file_leaves_out_goes_and_keeps_nothing() -> None:
    other = {**TEMPLATE, "prefix": "other"}
    changes = registry_changes(
        {"repositoryCreationTemplates": [TEMPLATE, other]}, {"repositoryCreationTemplates": [other]}
    )
    assert [(change.difference.aspect, change.wanted) for change in changes] == [
        ("repositoryCreationTemplates: team", None)
    ]
    assert "prefix: team" in changes[0].removes
