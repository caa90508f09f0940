"""Tests of `promote --to` with a real buildx: digests, platforms, signatures, refusals and second runs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.inventory import RELEASE
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.local_ecr.http_client import OCI_INDEX, HttpClient, descriptor, digest_of

SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    return project(
        tmp_path / "app",
        {**engine, **local_ecr.environment()},
        f"FROM {tiny_base}\nCOPY hello.txt /\nCMD cat /hello.txt\n",
    )


@pytest.fixture
def api(local_ecr: LocalEcr) -> Any:
    """Return a client of the API, after creating the source repository and an immutable target."""
    client = boto3.client(
        "ecr",
        endpoint_url=local_ecr.endpoint,
        region_name=local_ecr.region,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    client.create_repository(repositoryName="team/app")
    client.create_repository(repositoryName="prod/app", imageTagMutability="IMMUTABLE")
    return client


@pytest.fixture
def http(local_ecr: LocalEcr, api: Any) -> HttpClient:
    return HttpClient.logged_in(local_ecr)


@pytest.fixture
def to_option(local_ecr: LocalEcr) -> tuple[str, str]:
    return "--to", f"{local_ecr.account}/{local_ecr.region}/prod/app"


def tags_by_digest(api: Any, repository: str = "prod/app") -> dict[str, list[str]]:
    """Return the tags of each manifest but the records of promotions, by digest."""
    details = api.describe_images(repositoryName=repository)["imageDetails"]
    return {
        item["imageDigest"]: sorted(item.get("imageTags", []))
        for item in details
        if item.get("artifactMediaType") != RELEASE
    }


def test_a_promoted_image_can_be_pulled_and_run(app: Project, api: Any, to_option: tuple[str, str]) -> None:
    pushed = app.ok("build", "push").lines[0]
    digest = pushed.partition("@")[2]
    result = app.ok("promote", pushed, *to_option, "--tag", "1.2.3", "--tag", "latest")
    (promoted,) = result.lines
    assert promoted == pushed.replace("team/app", "prod/app")
    assert tags_by_digest(api) == {digest: ["1.2.3", "latest"]}
    assert docker(app.environ, "image", "inspect", promoted, check=False).returncode != 0, "nothing is pulled"
    app.ok("pull", "--image", digest, ECR_REPOSITORY="prod/app")
    assert docker(app.environ, "run", "--rm", promoted).stdout == "hello\n"


def test_every_platform_and_its_signatures_are_copied(
    app: Project, api: Any, http: HttpClient, to_option: tuple[str, str]
) -> None:
    platforms = [http.push_image("team/app", None, data * 1000) for data in (b"amd64", b"arm64")]
    index = http.push_index("team/app", "v1", platforms)
    subject = descriptor(index, OCI_INDEX)
    signature = http.push_image("team/app", None, b"signed", artifactType=SIGNATURE, subject=subject)
    signature_of_signature = http.push_image(
        "team/app", None, b"too", artifactType=SIGNATURE, subject=descriptor(signature, "x")
    )
    name = digest_of(index).replace(":", "-") + ".sig"
    cosign = http.push_image("team/app", name, b"by name")
    http.push_image("team/app", "other", b"another image")
    result = app.ok("promote", "v1", *to_option)
    assert result.lines[0].endswith(f"prod/app@{digest_of(index)}")
    untagged: dict[str, list[str]] = {digest_of(raw): [] for raw in (*platforms, signature, signature_of_signature)}
    assert tags_by_digest(api) == {**untagged, digest_of(index): ["v1"], digest_of(cosign): [name]}
    assert ": copied the image and 3 about it (signatures, SBOMs, records)\n" in result.stderr
    about = api.list_image_referrers(repositoryName="prod/app", subjectId={"imageDigest": digest_of(index)})
    assert sorted(item["artifactType"] for item in about["referrers"]) == [SIGNATURE, RELEASE]


def test_a_second_run_copies_nothing_and_needs_no_docker(
    app: Project, api: Any, http: HttpClient, to_option: tuple[str, str], local_ecr: LocalEcr
) -> None:
    http.push_image("team/app", "v1", b"layer")
    first = app.ok("promote", "v1", *to_option).lines
    before = local_ecr.requests()
    second = app.ok("promote", "v1", *to_option, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert second.lines == first
    assert ": nothing to copy\n" in second.stderr
    calls = {name: count - before.get(name, 0) for name, count in local_ecr.requests().items()}
    assert {name: count for name, count in calls.items() if count} == {
        "BatchGetImage": 1,  # of all tags that could link a signature to the image: there is none
        "DescribeImages": 4,  # one of them for records of the tag
        "DescribeRepositories": 1,
        "ListImageReferrers": 1,
    }


def test_a_locked_tag_in_the_target_is_refused_before_the_copy(
    app: Project, api: Any, http: HttpClient, to_option: tuple[str, str]
) -> None:
    new = digest_of(http.push_image("team/app", "v1", b"new"))
    old = digest_of(http.push_image("prod/app", "stable", b"old"))
    result = app.inv("promote", "v1", *to_option, "--tag", "rc", "--tag", "stable")
    assert (result.code, result.stdout) == (6, "")
    assert old in result.stderr
    assert new in result.stderr
    assert tags_by_digest(api) == {old: ["stable"]}


def test_a_signed_and_scanned_image_passes_the_gates_and_its_signature_is_copied(
    app: Project, api: Any, http: HttpClient, to_option: tuple[str, str], local_ecr: LocalEcr
) -> None:
    scanning = {"scanOnPush": True}
    api.put_image_scanning_configuration(repositoryName="team/app", imageScanningConfiguration=scanning)
    local_ecr.set_findings([{"severities": {"HIGH": 1}}])
    pushed = app.ok("build", "push").lines[0]
    digest = pushed.partition("@")[2]
    words = ("promote", pushed, *to_option, "--tag", "1.2.3", "--from-branch", "main", "--require-signature")
    app.environ |= {"COSIGN_PASSWORD": "of-a-test", "ECR_SIGN": "cosign,key=cosign.key"}
    app.environ["ECR_SIGNED_BY"] = "key=cosign.pub"
    subprocess.run(["cosign", "generate-key-pair"], cwd=app.folder, env=app.environ, check=True, capture_output=True)
    for level in ("high", "critical"):
        result = app.inv(*words, f"--require-scan={level}")
        assert (result.code, result.stdout) == (6, "")
        assert "has no signature" in result.stderr
        assert ("1 high" in result.stderr) is (level == "high")
    assert tags_by_digest(api) == {}
    app.ok("sign", pushed)
    (signature,) = api.list_image_referrers(repositoryName="team/app", subjectId={"imageDigest": digest})["referrers"]
    app.ok(*words, "--require-scan")
    assert tags_by_digest(api) == {digest: ["1.2.3"], signature["digest"]: []}


def test_missing_images_and_wrong_destinations_are_errors(
    app: Project, api: Any, http: HttpClient, local_ecr: LocalEcr
) -> None:
    http.push_image("team/app", "v1", b"layer")
    own_registry = f"{local_ecr.account}/{local_ecr.region}"
    for words, code in (
        (("nosuch", "--to", f"{own_registry}/prod/app"), 5),
        (("v1", "--to", f"{own_registry}/no/such"), 5),
        (("v1", "--to", f"222233334444/{local_ecr.region}/no/such"), 5),
        (("v1", "--to", f"999999999999/{local_ecr.region}/prod/app"), 5),
        (("v1", "--to", "prod"), 2),
        ((digest_of(b"x"), "--to", own_registry), 2),
    ):
        result = app.inv("promote", *words)
        assert (result.code, result.stdout) == (code, ""), result.stderr
        assert "Traceback" not in result.stderr
        if words[-1].endswith("/no/such"):
            account, region, _ = words[-1].split("/", 2)
            assert f"no/such does not exist in the registry of {account} in {region}" in result.stderr
    assert tags_by_digest(api) == {}


def test_a_dry_run_copies_nothing(app: Project, api: Any, http: HttpClient, to_option: tuple[str, str]) -> None:
    http.push_image("team/app", "v1", b"layer")
    result = app.ok("--dry", "promote", "v1", *to_option)
    assert result.stdout == ""
    assert ": would copy the image\n" in result.stderr
    assert tags_by_digest(api) == {}


def test_an_old_buildx_that_would_change_the_digest_is_an_error(
    app: Project, api: Any, http: HttpClient, to_option: tuple[str, str], tmp_path: Path
) -> None:
    http.push_image("team/app", "v1", b"layer")
    old = tmp_path / "docker" / "cli-plugins" / "docker-buildx"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 'unknown flag: --prefer-index' >&2\nexit 125\n", encoding="utf-8")
    old.chmod(0o755)
    result = app.inv("promote", "v1", *to_option, DOCKER_CONFIG=str(tmp_path / "docker"))
    assert (result.code, result.stdout) == (3, "")
    assert "Update" in result.stderr
    assert tags_by_digest(api) == {}
