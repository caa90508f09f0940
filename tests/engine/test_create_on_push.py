"""A push to a repository that a creation template creates: planned, pushed from every store, refused without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

TEMPLATE: dict[str, Any] = {
    "prefix": "team",
    "appliedFor": ["CREATE_ON_PUSH"],
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": name} for name in ("main", "latest")],
}


@pytest.fixture
def api(local_ecr: LocalEcr) -> Any:
    return boto3.client("ecr")


@pytest.fixture(params=["engine", "classic_engine"])
def app(request: pytest.FixtureRequest, tmp_path: Path, local_ecr: LocalEcr) -> Project:
    engine: dict[str, str] = request.getfixturevalue(request.param)
    base = request.getfixturevalue("classic_tiny_base" if request.param == "classic_engine" else "tiny_base")
    return project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {base}\nCOPY hello.txt /\n")


def test_the_first_push_creates_the_repository_as_the_template_says(
    app: Project, api: Any, local_ecr: LocalEcr
) -> None:
    refused = app.inv("build", "push")
    assert (refused.code, "does not exist" in refused.stderr) == (5, True)
    api.create_repository_creation_template(**TEMPLATE)
    plan = app.ok("plan")
    assert "a repository that ECR creates with the push, by the template team" in plan.stdout
    (image,) = json.loads(app.ok("plan", "--json").stdout)["images"]
    assert (image["creation_template"], image["creates_repository"]) == ("team", False)
    assert api.describe_repositories()["repositories"] == []
    (pushed,) = app.ok("build", "push").lines
    assert "CreateRepository" not in local_ecr.requests()
    [repository] = api.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == TEMPLATE["imageTagMutability"]
    images = api.list_images(repositoryName="team/app")["imageIds"]
    assert {"main"} < {image["imageTag"] for image in images if "imageTag" in image}
    before = local_ecr.requests()
    assert app.ok("build", "push").lines == [pushed]
    asked = [requests["DescribeRepositoryCreationTemplates"] for requests in (before, local_ecr.requests())]
    assert asked[0] == asked[1], "an existing repository's template is nobody's concern"


def test_a_template_that_locks_a_moving_tag_is_told_by_doctor(app: Project, api: Any) -> None:
    filters = TEMPLATE["imageTagMutabilityExclusionFilters"][1:]
    api.create_repository_creation_template(**{**TEMPLATE, "imageTagMutabilityExclusionFilters": filters})
    found = " ".join(app.inv("doctor").stdout.split())
    locking = "makes team/app IMMUTABLE_WITH_EXCLUSION if a push creates it, which locks main"
    assert f"The template team {locking}" in found


def test_templates_that_may_not_be_read_are_none_and_it_is_said(app: Project, api: Any, local_ecr: LocalEcr) -> None:
    api.create_repository_creation_template(**TEMPLATE)
    local_ecr.misbehave("DescribeRepositoryCreationTemplates", "deny")
    refused = app.inv("plan")
    assert refused.code == 6
    assert "whether a creation template would create team/app is not known" in refused.stderr


def test_a_destinations_template_creates_its_repository(
    tmp_path: Path, engine: dict[str, str], tiny_base: str, local_ecr: LocalEcr
) -> None:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    boto3.client("ecr").create_repository(repositoryName="team/app")
    place = f"{local_ecr.account}/eu-west-3"
    missing = app.inv("build", "push", ECR_DESTINATIONS=place)
    assert (missing.code, "team/app does not exist in the registry" in missing.stderr) == (5, True), missing.stderr
    there = boto3.client("ecr", region_name="eu-west-3")
    there.create_repository_creation_template(**{**TEMPLATE, "prefix": "ROOT"})
    pushed = app.ok("build", "push", ECR_DESTINATIONS=place).lines[0]
    app.ok("promote", pushed, "--to", f"{place}/prod/app", "--tag", "1.2.3")
    names = {
        item["repositoryName"]: item["imageTagMutability"] for item in there.describe_repositories()["repositories"]
    }
    assert names == dict.fromkeys(("team/app", "prod/app"), TEMPLATE["imageTagMutability"])
    assert "1.2.3" in {image.get("imageTag") for image in there.list_images(repositoryName="prod/app")["imageIds"]}
    assert local_ecr.requests()["CreateRepository"] == 1
