"""Tests of ECR Public as a destination: publishing, second runs, tags and promote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.engine.test_destinations import requests_since
from tests.support.inv import AT_ONCE

DESTINATION = "public.ecr.aws/local/tools/app"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    environ = {**engine, **local_ecr.environment(), "ECR_DESTINATIONS": DESTINATION, "ECR_CREATE_REPOSITORY": "true"}
    app = project(tmp_path / "app", environ, f"FROM {tiny_base}\nCOPY hello.txt /\nCMD cat /hello.txt\n")
    app.git("tag", "v1.2.3")
    return app


def client_of(local_ecr: LocalEcr) -> Any:
    """Return a client of ECR Public's API."""
    return boto3.client(
        "ecr-public",
        endpoint_url=local_ecr.endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def tags(local_ecr: LocalEcr) -> dict[str, str]:
    """Return the digest of each tag in the public repository."""
    details = client_of(local_ecr).describe_image_tags(repositoryName="tools/app")["imageTagDetails"]
    return {item["imageTag"]: item["imageDetail"]["imageDigest"] for item in details}


def test_the_image_can_be_run_without_a_login_and_a_second_run_makes_only_read_calls(
    app: Project, local_ecr: LocalEcr
) -> None:
    lines = app.ok("build", "push").lines
    first, public = lines
    digest = first.partition("@")[2]
    assert public.partition("/")[2] == f"local/tools/app@{digest}"
    commit = f"sha-{app.git('rev-parse', 'HEAD')[:7]}"
    assert tags(local_ecr) == dict.fromkeys((commit, "1.2.3", "main", "latest"), digest)
    assert docker(app.environ, "run", "--rm", "--pull", "always", public).stdout == "hello\n"
    published = app.receipt["images"][0]["published"][1]
    assert (published["repository"], published["state"], published["by"]) == ("local/tools/app", "pushed", "copy")
    (command,) = [
        line for line in app.ok("commands", ECR_TAGS="type=raw,value=by-hand").lines if "imagetools" in line
    ]
    assert f"--tag {lines[1].partition('@')[0]}:by-hand " in command
    before = local_ecr.requests()
    assert app.ok("build", "push", DOCKER_HOST="unix:///nowhere/docker.sock", **AT_ONCE).lines == lines
    requests = requests_since(local_ecr, before)
    assert set(requests) <= {"DescribeRepositories", "DescribeImages", "DescribeImageTags"}
    assert requests["DescribeImageTags"] == 1


def test_latest_does_not_move_back_in_ecr_public(app: Project, local_ecr: LocalEcr) -> None:
    newer_digest = app.ok("build", "push").lines[0].partition("@")[2]
    app.patch_an_older_release()
    older_digest = app.ok("build", "push").lines[0].partition("@")[2]
    tags_now = tags(local_ecr)
    assert (tags_now["latest"], tags_now["1.1.9"]) == (newer_digest, older_digest)


def test_a_branch_does_not_move_back_in_ecr_public(app: Project, local_ecr: LocalEcr) -> None:
    app.git("tag", "-d", "v1.2.3")
    app.write("hello.txt", "second\n")
    first, _ = app.git("rev-parse", "HEAD"), app.commit()
    newer_digest = app.ok("build", "push").lines[0].partition("@")[2]
    app.git("reset", "--quiet", "--hard", first)
    app.ok("build", "push")
    assert tags(local_ecr)["main"] == newer_digest
    assert [list(published["stays"]) for published in app.receipt["images"][0]["published"]] == [["main"], ["main"]]


def test_a_fixed_tag_does_not_move_although_ecr_public_allows_it(app: Project, local_ecr: LocalEcr) -> None:
    first = app.ok("build", "push").lines[0].partition("@")[2]
    app.write("hello.txt", "other\n")
    app.commit()
    app.git("tag", "--force", "v1.2.3")
    app.name = "team/other"
    result = app.inv("build", "push")
    assert (result.code, len(result.lines)) == (6, 1)
    assert first in result.stderr
    assert tags(local_ecr)["1.2.3"] == first


def test_a_missing_repository_is_named(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("repo.ensure")
    result = app.inv("build", "push", ECR_CREATE_REPOSITORY="false")
    assert (result.code, len(result.lines)) == (5, 1)
    cause, _ = result.stderr.strip().splitlines()[-2:]
    assert "The repository tools/app does not exist in the public registry" in cause


def test_promote_copies_to_ecr_public(app: Project, local_ecr: LocalEcr) -> None:
    first = app.ok("build", "push", ECR_DESTINATIONS="").lines[0]
    client_of(local_ecr).create_repository(repositoryName="tools/app")
    result = app.ok("promote", first, "--to", DESTINATION, "--tag", "1.2.3", "--tag", "stable")
    assert "not recorded" not in result.stderr
    (promoted,) = result.lines
    assert promoted.partition("/")[2] == f"local/tools/app@{first.partition('@')[2]}"
    assert tags(local_ecr) == dict.fromkeys(("1.2.3", "stable"), first.partition("@")[2])
    before = local_ecr.requests()
    assert app.ok("promote", first, "--to", DESTINATION, "--tag", "1.2.3").lines == [promoted]
    assert not [name for name in requests_since(local_ecr, before) if name.startswith(("PUT", "POST", "PutImage"))]
