"""Tests of runners that each build one platform of an image: two engines, of which whichever ends last joins them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

PLATFORMS = ("linux/amd64", "linux/arm64")
DOCKERFILE = "FROM scratch\nARG TARGETARCH\nCOPY hello.txt /$TARGETARCH/\n"
ROUNDS = 1


@pytest.fixture
def api(local_ecr: LocalEcr) -> Any:
    keys = local_ecr.environment()
    return boto3.client(
        "ecr",
        endpoint_url=local_ecr.endpoint,
        region_name=local_ecr.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def runners(
    tmp_path: Path, engine: dict[str, str], classic_engine: dict[str, str], local_ecr: LocalEcr
) -> dict[str, Project]:
    """Return two checkouts of one commit by platform: each runner has an engine, and one of them a classic store."""
    keys = {**local_ecr.environment(), "ECR_PLATFORMS": ",".join(PLATFORMS), "ECR_CREATE_REPOSITORY": "true"}
    first = project(tmp_path / "amd64", {**engine, **keys}, DOCKERFILE)
    shutil.copytree(first.folder, tmp_path / "arm64")
    return {
        "linux/amd64": first,
        "linux/arm64": Project(tmp_path / "arm64", {"ECR_KEEP_LOCAL": "all", **classic_engine, **keys}),
    }


def tags_of(api: Any, name: str) -> dict[str, str]:
    """Return the digests of a repository by tag."""
    ids = api.list_images(repositoryName=name, filter={"tagStatus": "TAGGED"})["imageIds"]
    return {image["imageTag"]: image["imageDigest"] for image in ids}


def index_of(api: Any, name: str, tag: str) -> dict[str, Any]:
    images = api.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"]
    document: dict[str, Any] = json.loads(images[0]["imageManifest"])
    return document


def test_the_runner_that_pushes_last_publishes_the_image(runners: dict[str, Project], api: Any) -> None:
    first, last = runners["linux/amd64"], runners["linux/arm64"]
    commit = first.git("rev-parse", "--short=7", "HEAD")

    pushed = first.ok("build", "push", "--only", "linux/amd64")
    assert pushed.stdout == ""  # there is no image yet that anybody could deploy
    assert "linux/arm64 is not there yet" in pushed.stderr
    assert [tag[:15] for tag in tags_of(api, "team/app")] == ["ecr-tasks-part-"]
    part = first.receipt["images"][0]["part"]
    assert (part["platform"], part["missing"]) == ("linux/amd64", ["linux/arm64"])

    verified = first.ok("push", "--only", "linux/amd64", "verify")
    assert (verified.stdout, "left to the runner that publishes it" in verified.stderr) == ("", True)
    missing = first.inv("merge")
    assert missing.code == 6
    assert "has no part for linux/arm64 of this commit" in missing.stderr
    other = first.inv("merge", "--timeout", "1s", ECR_BUILD_ARGS="A=1")
    assert "waiting for linux/amd64 and linux/arm64 of team/app" in other.stderr
    assert "is of this commit, built with other build arguments" in other.stderr
    assert "--only linux/amd64" not in other.stderr  # which is there, of other settings
    alone = first.inv("merge", "--timeout", "1s")
    assert "See what keeps its runner, which runs `inv build push --only linux/arm64`; --timeout" in alone.stderr
    unlike = last.ok("build", "push", "--only", "linux/arm64", ECR_BUILD_ARGS="A=1")
    assert (unlike.stdout, "linux/amd64 is not there yet" in unlike.stderr) == ("", True)
    assert "of this commit, built with other build arguments: runners of other settings make no" in unlike.stderr
    api.batch_delete_image(
        repositoryName="team/app", imageIds=[{"imageTag": last.receipt["images"][0]["part"]["tag"]}]
    )
    waiting = first.start("merge", "--wait")

    joined = last.ok("build", "push", "--only", "linux/arm64")
    tags = tags_of(api, "team/app")
    digest = tags[f"sha-{commit}"]
    assert joined.stdout.strip().endswith(f"/team/app@{digest}")
    assert tags["main"] == digest
    index = index_of(api, "team/app", f"sha-{commit}")
    platforms = [f"{item['platform']['os']}/{item['platform']['architecture']}" for item in index["manifests"]]
    assert platforms == [*PLATFORMS]
    assert index["manifests"][0]["digest"] == part["digest"]
    assert index["annotations"]["org.opencontainers.image.revision"] == first.git("rev-parse", "HEAD")

    assert (waiting.communicate()[0], waiting.returncode) == (joined.stdout, 0)
    # What was joined is joined again by hand, with the same digest, from the parts that are there still.
    api.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])
    assert first.ok("merge").stdout == joined.stdout
    assert first.ok("merge").stdout == joined.stdout  # it is there already
    assert tags_of(api, "team/app") == tags

    # Another run of either, or of both platforms in one run, has nothing to build.
    again = first.ok("build", "push", "--only", "linux/amd64")
    assert (again.stdout, "nothing to build" in again.stderr) == (joined.stdout, True)
    assert first.ok("build", "push").stdout == joined.stdout
    assert tags_of(api, "team/app") == tags


@pytest.mark.parametrize("mutability", ["IMMUTABLE_WITH_EXCLUSION", "MUTABLE"])
def test_a_race_ends_in_one_index(runners: dict[str, Project], api: Any, mutability: str) -> None:
    excluded = [{"filterType": "WILDCARD", "filter": "main"}] if "EXCLUSION" in mutability else []
    options: dict[str, Any] = {"imageTagMutabilityExclusionFilters": excluded} if excluded else {}
    for platform, app in runners.items():
        app.ok("build", "--only", platform)  # so that the pushes begin, and end, together
    for number in range(ROUNDS):
        name = f"team/app-{number}"
        api.create_repository(repositoryName=name, imageTagMutability=mutability, **options)
        # Two pipelines of the same commit, each with both runners, all four at once.
        running = [
            app.start("build", "push", "--only", platform, ECR_REPOSITORY=name)
            for platform, app in runners.items()
            for _ in range(2)
        ]
        ended = [process.communicate() for process in running]
        assert [process.returncode for process in running] == [0] * 4, ended
        tags = tags_of(api, name)
        image = {digest for tag, digest in tags.items() if not tag.startswith("ecr-tasks-")}
        assert (len(image), len(tags)) == (1, 4), tags
        printed = {stdout.strip() for stdout, _ in ended} - {""}
        assert {reference.rpartition("@")[2] for reference in printed} == image
        entries = index_of(api, name, "main")["manifests"]
        assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "arm64"]


def test_attestations_of_both_parts_belong_to_the_image(runners: dict[str, Project], api: Any) -> None:
    first = runners["linux/amd64"]
    first.environ |= {"ECR_ATTEST": "referrers", "ECR_SBOM_GENERATOR": "none"}
    waiting = first.ok("build", "push", ECR_NATIVE="true")
    assert waiting.stdout == ""
    joined = first.ok("build", "push", "--only", "linux/arm64")  # one engine can build both: nothing runs in them
    digest = joined.stdout.strip().rpartition("@")[2]
    attached = first.receipt["images"][0]["published"][0]["attached"]
    assert sorted(item["platform"] for item in attached) == [*PLATFORMS]
    assert {(item["kind"], item["subject"]) for item in attached} == {("provenance", digest)}
    # It is published with all that is asked for, so that nothing is missing for a run of both platforms.
    assert first.ok("push").stdout == joined.stdout
    # Attestations in the image itself, which BuildKit makes.
    chain = {"ECR_ATTEST": "preset", "ECR_PRESET": "supply-chain", "ECR_REPOSITORY": "team/chain"}
    first.ok("build", "push", "--only", "linux/amd64", **chain)
    first.ok("build", "push", "--only", "linux/arm64", **chain)
    entries = index_of(api, "team/chain", "main")["manifests"]
    assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "unknown", "arm64", "unknown"]
    about = [entry.get("annotations", {}).get("vnd.docker.reference.digest") for entry in entries]
    assert about == [None, entries[0]["digest"], None, entries[2]["digest"]]
