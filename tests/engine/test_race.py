"""Tests of two pipelines that publish two releases at the same time: the moving tags end at the higher release."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

ROUNDS = 3
RULES = "type=sha\ntype=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}"


@pytest.fixture
def pipelines(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr) -> list[Project]:
    """Return two built checkouts, each with the git tag of its own release."""
    apps = []
    for version in ("v1.2.3", "v1.2.4"):
        environ = {**engine, **local_ecr.environment(), "ECR_TAGS": RULES}
        app = project(tmp_path / version, environ, "FROM scratch\nCOPY hello.txt /\n")
        app.write("hello.txt", version)
        app.commit(version)
        app.git("tag", version)
        app.ok("build")
        apps.append(app)
    return apps


def test_the_moving_tags_end_at_the_higher_release(pipelines: list[Project], local_ecr: LocalEcr) -> None:
    keys = local_ecr.environment()
    api = boto3.client(
        "ecr",
        endpoint_url=local_ecr.endpoint,
        region_name=local_ecr.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    for number in range(ROUNDS):
        name = f"team/app-{number}"
        api.create_repository(repositoryName=name)
        for process in [app.start("push", ECR_REPOSITORY=name) for app in pipelines]:
            _, stderr = process.communicate()
            assert process.returncode == 0, stderr
        image_ids = api.list_images(repositoryName=name, filter={"tagStatus": "TAGGED"})["imageIds"]
        tags = {image["imageTag"]: image["imageDigest"] for image in image_ids}
        assert tags["latest"] == tags["1.2"] == tags["1.2.4"] != tags["1.2.3"]
