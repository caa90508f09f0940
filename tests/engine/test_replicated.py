"""Tests of a destination that ECR replicates to: push waits, and copies only if the replication fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project
from tests.engine.test_destinations import ACCOUNT, api, requests_since, tags_by_digest

DESTINATION = f"{ACCOUNT}/eu-west-1"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr) -> Project:
    """Return a built project with one destination."""
    environ = {**engine, **local_ecr.environment(), "ECR_DESTINATIONS": DESTINATION}
    app = project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")
    api(local_ecr, local_ecr.region).create_repository(repositoryName="team/app")
    app.ok("build")
    return app


def replicate(local_ecr: LocalEcr, **rule: Any) -> None:
    """Set the only replication rule of the registry."""
    rules: Any = [{"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}], **rule}]
    api(local_ecr, local_ecr.region).put_replication_configuration(replicationConfiguration={"rules": rules})


def test_a_replicated_image_is_waited_for_and_not_copied(app: Project, local_ecr: LocalEcr) -> None:
    replicate(local_ecr)
    local_ecr.set_replication(delay=1.5)
    before = local_ecr.requests()
    result = app.ok("push")
    digest = result.lines[0].partition("@")[2]
    assert result.lines[1].endswith(f"/team/app@{digest}")
    assert "replicated by ECR to" in result.stderr
    assert "waiting for ECR's own replication" in result.stderr
    requests = requests_since(local_ecr, before)
    assert requests["PUT manifest"] == 1, "one push, and no copy"
    assert requests["DescribeImageReplicationStatus"] > 1
    tags = [f"sha-{app.git('rev-parse', 'HEAD')[:7]}", "main"]
    assert tags_by_digest(local_ecr, "eu-west-1", "team/app") == {digest: sorted(tags)}
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == ["push", "replication"]
    before = local_ecr.requests()
    assert app.ok("push").lines == result.lines
    assert set(requests_since(local_ecr, before)) == {"DescribeImages"}


def test_an_image_whose_replication_fails_is_copied(app: Project, local_ecr: LocalEcr) -> None:
    replicate(local_ecr)
    local_ecr.set_replication(fail={"eu-west-1": "ServerException"})
    api(local_ecr, "eu-west-1").create_repository(registryId=ACCOUNT, repositoryName="team/app")
    result = app.ok("push")
    assert "failed, so the image is copied" in result.stderr
    assert list(tags_by_digest(local_ecr, "eu-west-1", "team/app")) == [result.lines[0].partition("@")[2]]
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == ["push", "copy"]


def test_an_image_that_was_pushed_before_the_rule_is_copied_without_waiting(
    app: Project, local_ecr: LocalEcr
) -> None:
    app.ok("push", ECR_DESTINATIONS="")
    replicate(local_ecr)
    api(local_ecr, "eu-west-1").create_repository(registryId=ACCOUNT, repositoryName="team/app")
    result = app.ok("push")
    assert "waiting" not in result.stderr
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == [None, "copy"]


def test_an_image_is_copied_into_a_new_repository_if_it_was_not_replicated(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("push", ECR_DESTINATIONS="")
    replicate(local_ecr)
    result = app.inv("push")
    assert (result.code, len(result.lines)) == (5, 1)
    cause, remedy = result.stderr.strip().splitlines()[-2:]
    assert "The repository team/app does not exist" in cause
    assert "ECR_CREATE_REPOSITORY=true" in remedy
    result = app.ok("push", ECR_CREATE_REPOSITORY="true")
    assert list(tags_by_digest(local_ecr, "eu-west-1", "team/app")) == [result.lines[1].partition("@")[2]]
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == [None, "copy"]


def test_a_rule_for_other_repositories_has_no_effect(app: Project, local_ecr: LocalEcr) -> None:
    replicate(local_ecr, repositoryFilters=[{"filter": "other/", "filterType": "PREFIX_MATCH"}])
    api(local_ecr, "eu-west-1").create_repository(registryId=ACCOUNT, repositoryName="team/app")
    app.ok("push")
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == ["push", "copy"]
