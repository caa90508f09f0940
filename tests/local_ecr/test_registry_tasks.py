"""`inv registry.…` against the local ECR: shown, checked, set, refused, asked before something is removed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

ROLE = "arn:aws:iam::123456789012:role/ci"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/hub-abc123"
PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"
FAR = {"region": "eu-central-1", "registryId": "123456789012"}
FILTER = {"filter": "prod/*", "filterType": "WILDCARD"}
STATEMENT = {
    "Sid": "replicate",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
    "Action": ["ecr:ReplicateImage"],
    "Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/*",
}
EVERYTHING = f"""
accountSettings: {{BLOB_MOUNTING: ENABLED}}
registryPolicy:
  Version: 2012-10-17
  Statement: [{json.dumps(STATEMENT)}]
repositoryCreationTemplates:
  - prefix: team
    appliedFor: [CREATE_ON_PUSH]
    imageTagMutability: IMMUTABLE_WITH_EXCLUSION
    imageTagMutabilityExclusionFilters: [{{filterType: WILDCARD, filter: latest}}]
    lifecyclePolicy:
      rules:
        - rulePriority: 1
          description: untagged
          selection: {{tagStatus: untagged, countType: sinceImagePushed, countUnit: days, countNumber: 14}}
          action: {{type: expire}}
pullThroughCacheRules:
  - {{ecrRepositoryPrefix: hub, upstreamRegistryUrl: registry-1.docker.io, credentialArn: "{SECRET}"}}
scanningConfiguration:
  rules: [{{scanFrequency: SCAN_ON_PUSH, repositoryFilters: [{json.dumps(FILTER)}]}}]
signingConfiguration:
  rules: [{{signingProfileArn: "{PROFILE}"}}]
replicationConfiguration:
  rules: [{{destinations: [{{region: eu-central-1, registryId: "123456789012"}}]}}]
pullTimeUpdateExclusions: ["{ROLE}"]
"""


@pytest.fixture
def app(ecr: LocalEcr, tmp_path: Path) -> Project:
    """A project whose settings lead to the local ECR."""
    ours = ("AWS_", "ECR_", "DOCKER_", "GIT_")
    environ = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    environ |= {**ecr.environment(), "HOME": str(tmp_path)}
    return project(tmp_path / "app", environ, "FROM scratch\n")


def replication(*destinations: dict[str, str], rules: int = 1) -> str:
    """A file with replication rules, each to these destinations."""
    rule = {"destinations": list(destinations)}
    return json.dumps({"replicationConfiguration": {"rules": [rule] * rules}})


def write(app: Project, text: str, name: str = "registry.yaml") -> str:
    (app.folder / name).write_text(text, encoding="utf-8")
    return name


def shown(app: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(app.ok("registry.show", "--json").stdout)
    return found


def test_a_new_registry_is_shown_as_nobody_has_set_it_up(app: Project) -> None:
    found = shown(app)
    assert (found["account"], found["region"], found["not_known"]) == ("123456789012", "eu-west-1", {})
    assert found["replicationBackfills"] == []
    assert found["settings"]["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}
    assert found["settings"]["accountSettings"]["BLOB_MOUNTING"] == "DISABLED"
    assert [name for name, value in found["settings"].items() if value == []] == [
        "repositoryCreationTemplates",
        "pullThroughCacheRules",
        "pullTimeUpdateExclusions",
    ]
    text = app.ok("registry.show").stdout
    assert "BLOB_MOUNTING: DISABLED" in text
    assert "123456789012, eu-west-1" in text


def test_every_part_is_set_once_and_what_show_prints_is_a_file(app: Project, api: Any) -> None:
    file = write(app, EVERYTHING)
    checked = app.inv("registry.ensure", file, "--check")
    assert checked.code == 6
    assert "+ BLOB_MOUNTING: ENABLED" in checked.stderr
    assert api.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    assert "would" not in app.ok("registry.ensure", file).stderr  # nothing goes, so nobody is asked
    assert api.get_account_setting(name="BLOB_MOUNTING")["value"] == "ENABLED"
    assert api.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [ROLE]
    [template] = api.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert json.loads(template["lifecyclePolicy"])["rules"][0]["rulePriority"] == 1
    assert app.ok("registry.ensure", file, "--check").stderr.count("as registry.yaml wants it") == 1
    same = write(app, json.dumps(shown(app)["settings"]), "same.json")
    assert app.inv("registry.ensure", same, "--check").code == 0


def test_what_a_file_does_not_name_stays(app: Project, api: Any) -> None:
    app.ok("registry.ensure", write(app, EVERYTHING))
    before = shown(app)["settings"]
    app.ok("registry.ensure", write(app, "scanningConfiguration: {scanType: ENHANCED}"), "--yes")
    after = shown(app)["settings"]
    assert after["scanningConfiguration"] == {**before["scanningConfiguration"], "scanType": "ENHANCED"}
    assert {**after, "scanningConfiguration": None} == {**before, "scanningConfiguration": None}


def test_nothing_is_removed_without_a_yes(app: Project, api: Any) -> None:
    app.ok("registry.ensure", write(app, EVERYTHING))
    before = shown(app)
    nothing = """
registryPolicy:
repositoryCreationTemplates: []
pullThroughCacheRules: []
scanningConfiguration: {rules: []}
signingConfiguration: {rules: []}
replicationConfiguration: {rules: []}
pullTimeUpdateExclusions: []
accountSettings: {BLOB_MOUNTING: DISABLED}
"""
    file = write(app, nothing)
    refused = app.inv("registry.ensure", file)
    assert (refused.code, shown(app)) == (6, before)
    assert "Nothing was changed" in refused.stderr
    assert "- prefix: team" in refused.stderr
    assert "signingConfiguration" in refused.stderr
    app.ok("--dry", "registry.ensure", file)
    assert shown(app) == before
    app.ok("registry.ensure", file, "--yes")
    found = shown(app)["settings"]
    assert [found[name] for name in ("registryPolicy", "repositoryCreationTemplates")] == [None, []]
    assert [found[name] for name in ("pullThroughCacheRules", "pullTimeUpdateExclusions")] == [[], []]
    assert [found[f"{name}Configuration"]["rules"] for name in ("scanning", "signing", "replication")] == [[]] * 3
    assert found["accountSettings"]["BLOB_MOUNTING"] == "DISABLED"


def test_a_rule_that_only_its_credentials_change_of_is_updated(app: Project, api: Any) -> None:
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET}
    app.ok("registry.ensure", write(app, json.dumps({"pullThroughCacheRules": [rule]})))
    [before] = api.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    other = {**rule, "credentialArn": f"{SECRET}4"}
    app.ok("registry.ensure", write(app, json.dumps({"pullThroughCacheRules": [other]})), "--yes")
    [after] = api.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert (after["credentialArn"], after["createdAt"]) == (f"{SECRET}4", before["createdAt"])


@pytest.mark.parametrize(("times", "left"), [(1, True), (9, False)])
def test_a_rule_whose_successor_is_refused_is_put_back_or_told_to_be_gone(
    app: Project, ecr: LocalEcr, api: Any, times: int, left: bool
) -> None:
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET}
    app.ok("registry.ensure", write(app, json.dumps({"pullThroughCacheRules": [rule]})))
    other = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "quay.io"}
    ecr.misbehave("CreatePullThroughCacheRule", "deny", times=times)
    done = app.inv("registry.ensure", write(app, json.dumps({"pullThroughCacheRules": [other]})), "--yes")
    assert done.code == 4
    assert ("is gone" in done.stderr) is not left
    rules = shown(app)["settings"]["pullThroughCacheRules"]
    assert [item["credentialArn"] for item in rules] == [SECRET] * left


def test_an_error_in_the_middle_says_what_is_set_and_what_is_left(app: Project, ecr: LocalEcr) -> None:
    ecr.misbehave("PutRegistryScanningConfiguration", "deny")
    done = app.inv("registry.ensure", write(app, EVERYTHING))
    assert done.code == 4
    error = done.stderr.rpartition("pullThroughCacheRules: hub set")[2]
    assert "set already: accountSettings, registryPolicy, repositoryCreationTemplates: team, pullThrough" in error
    assert "not set, or not whole: scanningConfiguration\n" in error
    assert "not set yet: signingConfiguration, replicationConfiguration, pullTimeUpdateExclusions" in error
    found = shown(app)["settings"]
    assert (found["accountSettings"]["BLOB_MOUNTING"], found["signingConfiguration"]["rules"]) == ("ENABLED", [])
    ecr.behave()
    app.ok("registry.ensure", "registry.yaml")


def test_a_destination_of_two_rules_is_one_of_both(app: Project, api: Any) -> None:
    prefixes = [[{"filter": name, "filterType": "PREFIX_MATCH"}] for name in ("prod", "team")]
    rules = [{"destinations": [FAR], "repositoryFilters": one} for one in prefixes]
    app.ok("registry.ensure", write(app, json.dumps({"replicationConfiguration": {"rules": rules}})))
    assert api.describe_registry()["replicationConfiguration"]["rules"] == rules


def test_deletions_that_will_be_replicated_are_told(app: Project) -> None:
    rule = {"destinations": [{"region": "eu-central-1", "registryId": "123456789012"}]}
    for more, told in ({}, False), ({"deleteReplication": {"enabled": True}}, True):
        text = json.dumps({"replicationConfiguration": {"rules": [{**rule, **more}]}})
        done = app.inv("registry.ensure", write(app, text), "--check")
        assert ("what is deleted here is deleted in 123456789012/eu-central-1, too" in done.stderr) is told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{account: "123456789012", settings: {}}', ["what is below settings, alone"]),
        ("scaningConfiguration: {}", ["scaningConfiguration", "did you mean scanningConfiguration?"]),
        ("scanningConfiguration: {scanTipe: BASIC}", ["scanTipe", "did you mean scanType?"]),
        ("scanningConfiguration: {scanType: FULL}", ["FULL", "BASIC, ENHANCED"]),
        (
            "scanningConfiguration: {scanType: BASIC, rules: [{scanFrequency: CONTINUOUS_SCAN, "
            "repositoryFilters: []}]}",
            ["CONTINUOUS_SCAN", "BASIC"],
        ),
        (
            "replicationConfiguration: {rules: [{destinations: [{region: eu-west-1, registryId: 123456789012}]}]}",
            ["destinations[0].registryId", "write it in quotes"],
        ),
        (
            'replicationConfiguration: {rules: [{destinations: [{region: eu-west-1, registryId: "123456789012"}]}]}',
            ["the registry itself"],
        ),
        (
            replication({**FAR, "region": "eu-nowhere-9"}),
            ["the region eu-nowhere-9", "did you mean eu-north-1?"],
        ),
        (
            replication({**FAR, "region": "cn-north-1"}),
            ["the region cn-north-1", "beside eu-west-1"],
        ),
        (
            replication(FAR, FAR),
            ["in one rule the destination 123456789012/eu-central-1 twice"],
        ),
        (
            replication(FAR, rules=26),
            ["replicationConfiguration.rules", "25"],
        ),
        ("accountSettings: {BLOB_MOUNT: ENABLED}", ["BLOB_MOUNT", "did you mean BLOB_MOUNTING?"]),
        ("accountSettings: {BLOB_MOUNTING: true}", ["ENABLED or DISABLED"]),
        ("pullTimeUpdateExclusions: [me]", ["pullTimeUpdateExclusions[0]"]),
        ("repositoryCreationTemplates: [{prefix: team}]", ["no appliedFor"]),
        (
            "repositoryCreationTemplates: [{prefix: a, appliedFor: [REPLICATION]}, {prefix: a/, "
            "appliedFor: [REPLICATION]}]",
            ["the prefix a twice"],
        ),
        (
            "repositoryCreationTemplates: [{prefix: team, appliedFor: [CREATE_ON_PUSH], repositoryPolicy: "
            "{Statement: [{Effect: Allow, Principal: '*', Action: 'ecr:*', Resource: '*'}]}}]",
            ["repositoryPolicy", "Resource"],
        ),
        (
            "repositoryCreationTemplates: [{prefix: team, appliedFor: [CREATE_ON_PUSH], lifecyclePolicy: "
            "{rules: [{rulePriority: 1}]}}]",
            ["lifecyclePolicy", "tagStatus"],
        ),
        ("registryPolicy: {Statement: [{Effect: Allow, Principal: '*', Action: 'ecr:*'}]}", ["Resource"]),
        (
            "pullThroughCacheRules: [{ecrRepositoryPrefix: hub, upstreamRegistryUrl: 'https://me:pw@quay.io'}]",
            ["a password in the upstreamRegistryUrl of hub"],
        ),
        ("signingConfiguration: {rules: [{signingProfileArn: release}]}", ["signingProfileArn", "release"]),
        ("- a", ["names nothing"]),
        ("a: [", ["can't be read"]),
        ("accountSettings: {}\naccountSettings: {}", ["line 2"]),
    ],
)
def test_what_ecr_would_refuse_is_named_before(app: Project, ecr: LocalEcr, text: str, words: list[str]) -> None:
    done = app.inv("registry.ensure", write(app, text))
    assert done.code == 2, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not any(name.startswith(("Put", "Create", "Delete", "Register")) for name in ecr.requests())


def test_a_json_file_has_each_key_once(app: Project) -> None:
    done = app.inv("registry.ensure", write(app, '{"accountSettings": {}, "accountSettings": {}}', "registry.json"))
    assert (done.code, 'the key "accountSettings" twice' in done.stderr) == (2, True), done.stderr


def test_a_file_is_to_be_named(app: Project) -> None:
    done = app.inv("registry.ensure")
    assert (done.code, "ECR_REGISTRY_FILE" in done.stderr) == (2, True)
    write(app, "accountSettings: {BLOB_MOUNTING: ENABLED}", "own.yaml")
    assert app.inv("registry.ensure", "--check", ECR_REGISTRY_FILE="own.yaml").code == 6
    missing = app.inv("registry.ensure", "nowhere.yaml")
    assert (missing.code, "nowhere.yaml" in missing.stderr) == (2, True)


def test_what_the_settings_add_may_not_be_taken_away(app: Project) -> None:
    file = write(app, "pullTimeUpdateExclusions: []")
    done = app.inv("registry.ensure", file, ECR_PULL_TIME_EXCLUSIONS=ROLE)
    assert (done.code, ROLE in done.stderr) == (2, True)


def test_a_registry_of_another_account_is_its_owners(app: Project) -> None:
    done = app.inv("registry.show", AWS_ACCOUNT_ID="210987654321")
    assert (done.code, "210987654321" in done.stderr) == (2, True)


def test_a_part_that_may_not_be_asked_says_so(app: Project, ecr: LocalEcr) -> None:
    ecr.misbehave("GetSigningConfiguration", "deny")
    ecr.misbehave("ListReplicationBackfills", "deny")
    found = shown(app)
    assert set(found["not_known"]) == {"signingConfiguration", "replicationBackfills"}
    assert (found["replicationBackfills"], "signingConfiguration" in found["settings"]) == (None, False)
    text = app.ok("registry.show").stdout
    assert "not known: AWS does not allow these credentials" in text
    assert "BLOB_MOUNTING: DISABLED" in text
    wanted = app.inv("registry.ensure", write(app, "signingConfiguration: {rules: []}"))
    assert (wanted.code, "ecr:GetSigningConfiguration" in wanted.stderr) == (4, True)
    ecr.misbehave("*", "deny")
    assert app.inv("registry.show").code == 4
