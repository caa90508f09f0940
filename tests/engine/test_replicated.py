"""Where the registry replicates by itself: push waits for that and copies nothing, unless it fails or is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project
from tests.engine.test_destinations import ACCOUNT, api, asked, held

WHERE = f"{ACCOUNT}/eu-west-1"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr) -> Project:
    """A built project whose one destination the registry may replicate to."""
    environ = {**engine, **local_ecr.environment(), "ECR_DESTINATIONS": WHERE}
    made = project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")
    api(local_ecr, local_ecr.region).create_repository(repositoryName="team/app")
    made.ok("build")
    return made


def replicate(local_ecr: LocalEcr, **rule: Any) -> None:
    """Sets the registry's one replication rule."""
    rules: Any = [{"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}], **rule}]
    api(local_ecr, local_ecr.region).put_replication_configuration(replicationConfiguration={"rules": rules})


def test_it_is_waited_for_and_nothing_is_copied(app: Project, local_ecr: LocalEcr) -> None:
    replicate(local_ecr)
    local_ecr.set_replication(delay=1.5)
    before = local_ecr.requests()
    done = app.ok("push")
    digest = done.lines[0].partition("@")[2]
    assert done.lines[1].endswith(f"/team/app@{digest}")
    assert "replicated by ECR to" in done.err
    assert "waiting for ECR's own replication" in done.err
    made = asked(local_ecr, before)
    assert made["PUT manifest"] == 1, "one push, and no copy"
    assert made["DescribeImageReplicationStatus"] > 1
    tags = [f"sha-{app.git('rev-parse', 'HEAD')[:7]}", "main"]
    assert held(local_ecr, "eu-west-1", "team/app") == {digest: sorted(tags)}
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == ["push", "replication"]
    before = local_ecr.requests()
    assert app.ok("push").lines == done.lines
    assert set(asked(local_ecr, before)) == {"DescribeRepositories", "BatchGetImage"}


def test_one_that_fails_is_made_up_for_by_a_copy(app: Project, local_ecr: LocalEcr) -> None:
    replicate(local_ecr)
    local_ecr.set_replication(fail={"eu-west-1": "ServerException"})
    api(local_ecr, "eu-west-1").create_repository(registryId=ACCOUNT, repositoryName="team/app")
    done = app.ok("push")
    assert "failed, so the image is copied" in done.err
    assert list(held(local_ecr, "eu-west-1", "team/app")) == [done.lines[0].partition("@")[2]]
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == ["push", "copy"]


def test_what_was_pushed_before_the_rule_is_copied_at_once(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("push", ECR_DESTINATIONS="")
    replicate(local_ecr)
    api(local_ecr, "eu-west-1").create_repository(registryId=ACCOUNT, repositoryName="team/app")
    done = app.ok("push")
    assert "waiting" not in done.err
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == [None, "copy"]


def test_it_is_copied_into_a_repository_that_replication_never_created(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("push", ECR_DESTINATIONS="")
    replicate(local_ecr)
    done = app.inv("push")
    assert (done.code, len(done.lines)) == (5, 1)
    cause, remedy = done.err.strip().splitlines()[-2:]
    assert "The repository team/app does not exist" in cause
    assert "ECR_CREATE_REPOSITORY=true" in remedy
    done = app.ok("push", ECR_CREATE_REPOSITORY="true")
    assert list(held(local_ecr, "eu-west-1", "team/app")) == [done.lines[1].partition("@")[2]]
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == [None, "copy"]


def test_a_rule_for_other_repositories_is_none(app: Project, local_ecr: LocalEcr) -> None:
    replicate(local_ecr, repositoryFilters=[{"filter": "other/", "filterType": "PREFIX_MATCH"}])
    api(local_ecr, "eu-west-1").create_repository(registryId=ACCOUNT, repositoryName="team/app")
    app.ok("push")
    assert [item["by"] for item in app.receipt["images"][0]["published"]] == ["push", "copy"]
