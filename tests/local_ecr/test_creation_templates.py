"""Repository creation templates, and the time that every answer has."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.settings.load import load
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient

TAG = {"Key": "team", "Value": "web"}
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1},
    "action": {"type": "expire"},
}

LOCKED = {
    "prefix": "team",
    "appliedFor": ["CREATE_ON_PUSH"],
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
}


def test_a_template_is_created_described_and_deleted(api: Any) -> None:
    assert api.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    created = api.create_repository_creation_template(**LOCKED)["repositoryCreationTemplate"]
    assert created.items() >= LOCKED.items()
    api.create_repository_creation_template(prefix="ROOT", appliedFor=["REPLICATION"])
    found = api.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert [item["prefix"] for item in found] == ["ROOT", "team"]
    found = api.describe_repository_creation_templates(prefixes=["team"])["repositoryCreationTemplates"]
    assert [item["prefix"] for item in found] == ["team"]
    api.delete_repository_creation_template(prefix="team")
    found = api.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert [item["prefix"] for item in found] == ["ROOT"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"prefix": "Team"}, "InvalidParameterException"),
        ({"appliedFor": ["NOTHING"]}, "InvalidParameterException"),
        ({"imageTagMutability": "MUTABLE"}, "InvalidParameterException"),
    ],
)
def test_a_template_that_ecr_refuses_is_refused(api: Any, changes: dict[str, Any], name: str) -> None:
    assert refused(api.create_repository_creation_template, **{**LOCKED, **changes})[0] == name


def test_a_template_exists_once(api: Any) -> None:
    assert refused(api.delete_repository_creation_template, prefix="team")[0] == "TemplateNotFoundException"
    api.create_repository_creation_template(**LOCKED)
    assert refused(api.create_repository_creation_template, **LOCKED)[0] == "TemplateAlreadyExistsException"


def test_an_update_changes_what_it_names(api: Any) -> None:
    assert refused(api.update_repository_creation_template, prefix="team")[0] == "TemplateNotFoundException"
    api.create_repository_creation_template(**LOCKED, description="ours", resourceTags=[TAG])
    answer = api.update_repository_creation_template(prefix="team", imageTagMutability="IMMUTABLE", description="")
    template = answer["repositoryCreationTemplate"]
    assert (template["imageTagMutability"], template["description"]) == ("IMMUTABLE", "")
    assert (template["resourceTags"], template["appliedFor"]) == ([TAG], ["CREATE_ON_PUSH"])
    assert "imageTagMutabilityExclusionFilters" not in template


@pytest.mark.parametrize("policy", [{"repositoryPolicy": "{}"}, {"lifecyclePolicy": '{"rules": []}'}])
def test_a_policy_that_no_repository_takes_is_refused(api: Any, policy: dict[str, str]) -> None:
    assert refused(api.create_repository_creation_template, **LOCKED, **policy)[0] == "InvalidParameterException"


def test_a_push_creates_the_repository_that_a_template_is_for(ecr: LocalEcr, api: Any) -> None:
    http = HttpClient.logged_in(ecr)
    lifecycle = json.dumps({"rules": [RULE]}, indent=4)
    api.create_repository_creation_template(**LOCKED, lifecyclePolicy=lifecycle)
    api.create_repository_creation_template(prefix="team/pulled", appliedFor=["PULL_THROUGH_CACHE"])
    http.push_image("team/web", "v1", b"v1")
    [repository] = api.describe_repositories()["repositories"]
    assert (repository["repositoryName"], repository["imageTagMutability"]) == (
        "team/web",
        "IMMUTABLE_WITH_EXCLUSION",
    )
    assert api.get_lifecycle_policy(repositoryName="team/web")["lifecyclePolicyText"] == lifecycle
    for name in ("other/web", "teams/web", "team", "team/pulled/web"):  # its template is for pulls alone
        assert http.send("POST", f"/v2/{name}/blobs/uploads/").status == 404
    assert http.send("GET", "/v2/team/other/manifests/v1").status == 404
    api.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    assert http.send("POST", "/v2/other/web/blobs/uploads/").status == 202
    names = {repository["repositoryName"] for repository in api.describe_repositories()["repositories"]}
    assert names == {"team/web", "other/web"}


@pytest.mark.parametrize("denied", [False, True])
def test_a_repository_that_a_push_creates_has_no_images_until_then(
    ecr: LocalEcr, api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, denied: bool
) -> None:
    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    registry = EcrRegistry(load(tmp_path, environ={**ecr.environment(), "ECR_REPOSITORY": "team/web"}))
    assert registry.created_on_push("team/web").repository is None
    api.create_repository_creation_template(**LOCKED)
    view = registry.created_on_push("team/web")
    assert view.repository is not None
    assert (view.template, view.repository.uri) == ("team", f"{ecr.registry}/team/web")
    assert (view.repository.locks("v1"), view.repository.locks("latest")) == (True, False)
    if denied:
        ecr.misbehave("DescribeImages", "deny")
    assert registry.tag_digests(view.repository, ["v1", "latest"]) == {}
    assert registry.image(view.repository, "v1") is None
    assert registry.created_on_push("other/web").repository is None


def test_every_answer_has_the_time(api: Any) -> None:
    headers = api.describe_repositories()["ResponseMetadata"]["HTTPHeaders"]
    assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 60
