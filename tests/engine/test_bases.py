"""Tests of base images that move, with a real engine: locked, looked at, and built on anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME
from tests.engine.project import Project, project


@pytest.fixture
def base(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    """A project whose published image others are built on, under the tag main."""
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    base = project(tmp_path / "base", environ, f"FROM {tiny_base}\nCOPY hello.txt /base.txt\n")
    base.name = "team/base"
    return base


@pytest.fixture
def app(tmp_path: Path, base: Project, local_ecr: LocalEcr) -> Project:
    """A project that is built on it."""
    base.ok("build", "push")
    dockerfile = f"FROM {local_ecr.registry}/team/base:main\nCOPY hello.txt /hello.txt\n"
    return project(tmp_path / "app", base.environ, dockerfile)


def move(base: Project) -> str:
    """Publish another base image under the same moving tag, and return its digest."""
    base.write("hello.txt", "moved\n")
    base.commit("moved", time="2024-05-07T07:08:09+00:00")
    return base.ok("build", "push").lines[0].partition("@")[2]


def annotations_of(local_ecr: LocalEcr, reference: str) -> dict[str, str]:
    """Return the annotations of a published image."""
    session: Any = boto3.Session("AKIALOCAL", "none")
    client = session.client("ecr", region_name=local_ecr.region, endpoint_url=local_ecr.endpoint)
    repository, _, digest = reference.partition("/")[2].partition("@")
    answer = client.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    found: dict[str, str] = json.loads(answer["images"][0]["imageManifest"])["annotations"]
    return found


def test_a_locked_base_is_built_on_and_recorded_until_it_is_updated(
    app: Project, base: Project, local_ecr: LocalEcr
) -> None:
    (locked,) = json.loads(app.ok("bases", "--update", "--json").stdout)["bases"]
    app.commit("lock")
    moved = move(base)
    (reference,) = app.ok("build", "push").lines
    recorded = annotations_of(local_ecr, reference)
    assert (recorded[BASE_NAME], recorded[BASE_DIGEST]) == (locked["name"], locked["now"])
    assert locked["now"] != moved
    result = app.inv("bases", "--check")
    assert (result.code, "has moved" in result.stdout) == (6, True)


def test_pull_publishes_a_revision_on_the_base_that_has_moved(
    app: Project, base: Project, local_ecr: LocalEcr
) -> None:
    (first,) = app.ok("build", "push", "--pull").lines
    moved = move(base)
    assert app.inv("outdated", "--check").code == 6
    (second,) = app.ok("push", "--outdated").lines
    assert app.ok("push", "--outdated").lines == [second]
    assert annotations_of(local_ecr, first)[BASE_DIGEST] != moved
    assert annotations_of(local_ecr, second)[BASE_DIGEST] == moved
    found = json.loads(app.ok("outdated", "--json").stdout)["images"]
    assert {image["state"]: image["digest"] for image in found} == {
        "replaced": first.partition("@")[2],
        "current": second.partition("@")[2],
    }
    (tags,) = (image["tags"] for image in found if image["state"] == "current")
    assert [tag for tag in tags if tag.endswith("-r2")]
    assert "main" in tags


def test_a_mirror_and_a_pull_through_cache_stand_in_for_another_registry(
    app: Project, base: Project, local_ecr: LocalEcr
) -> None:
    app.write("Dockerfile", "FROM quay.io/team/base:main\nCOPY hello.txt /hello.txt\n")
    app.commit("quay")
    mirror = {"ECR_MIRRORS": f"quay.io={local_ecr.registry}"}
    app.ok("bases", "--update", **mirror)
    app.commit("lock")
    result = app.ok("build", "push", **mirror)
    assert annotations_of(local_ecr, result.lines[0])[BASE_NAME] == "quay.io/team/base:main"
    assert f"quay.io/team/base:main is read from {local_ecr.registry}/team/base:main" in result.stderr
    session: Any = boto3.Session("AKIALOCAL", "none")
    client = session.client("ecr", region_name=local_ecr.region, endpoint_url=local_ecr.endpoint)
    client.create_pull_through_cache_rule(
        ecrRepositoryPrefix="team", upstreamRegistryUrl="quay.io", upstreamRepositoryPrefix="team"
    )
    app.commit("again")
    result = app.ok("build", "push", "--no-cache", ECR_PULL_THROUGH="true")
    assert f"quay.io/team/base:main is read from {local_ecr.registry}/team/base:main" in result.stderr


def test_each_name_of_a_base_is_read_at_its_own_digest(app: Project, base: Project, local_ecr: LocalEcr) -> None:
    reference = f"{local_ecr.registry}/team/base:main"
    app.ok("bases", "--update")
    locked = json.loads((app.folder / "ecr-bases.lock").read_text())["bases"][reference]
    moved = move(base)
    app.write("Dockerfile", f"FROM {reference}\nCOPY --from={reference}@{locked} /base.txt /old.txt\n")
    app.commit("both")
    (first,) = app.ok("build", "push", "--pull").lines
    assert annotations_of(local_ecr, first)[BASE_DIGEST] == moved
    app.write("Dockerfile", f"FROM {reference}\nCOPY --from=tools /base.txt /old.txt\n")
    app.commit("named")
    (second,) = app.ok("build", "push", ECR_BUILD_CONTEXTS=f"tools=docker-image://{reference}").lines
    assert annotations_of(local_ecr, second)[BASE_DIGEST] == locked


def test_an_image_is_outdated_if_one_of_its_platforms_is(app: Project, base: Project, local_ecr: LocalEcr) -> None:
    reference = f"{local_ecr.registry}/team/base:main"
    app.ok("bases", "--update")
    old = json.loads((app.folder / "ecr-bases.lock").read_text())["bases"][reference]
    stages = f"FROM {reference}@{move(base)} AS on-amd64\nFROM {reference}@{old} AS on-arm64\nFROM on-$TARGETARCH\n"
    app.write("Dockerfile", f"{stages}COPY hello.txt /hello.txt\n")
    app.commit("platforms")
    app.ok("build", "push", ECR_PLATFORMS="linux/amd64,linux/arm64")
    (found,) = json.loads(app.ok("outdated", "--json").stdout)["images"]
    assert (found["state"], found["base"]["digest"]) == ("moved", old)


def test_runners_that_build_anew_make_an_image_that_says_what_it_stands_on(
    app: Project, base: Project, local_ecr: LocalEcr
) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    for each in (base, app):
        each.environ["ECR_PLATFORMS"] = ",".join(platforms)
    base.write("Dockerfile", "FROM scratch\nCOPY hello.txt /base.txt\n")
    base.commit("both platforms")
    first = base.ok("build", "push").lines[0].partition("@")[2]
    for platform in platforms:
        result = app.ok("build", "push", "--pull", "--only", platform)
    assert annotations_of(local_ecr, result.lines[0])[BASE_DIGEST] == first
    assert app.ok("outdated", "--check").code == 0
    moved = move(base)
    for platform in platforms:
        result = app.ok("push", "--outdated", "--only", platform)
        assert "runners of other settings" not in result.stderr
    assert annotations_of(local_ecr, result.lines[0])[BASE_DIGEST] == moved
    assert app.ok("push", "--outdated").lines == result.lines
