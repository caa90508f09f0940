"""promote into another repository, by a real buildx: digests, platforms, signatures, refusals, second runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
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
    """ECR's API, with the source's repository and an immutable one."""
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
def to(local_ecr: LocalEcr) -> tuple[str, str]:
    return "--to", f"{local_ecr.account}/{local_ecr.region}/prod/app"


def held(api: Any, repository: str = "prod/app") -> dict[str, list[str]]:
    """Each manifest's tags, by digest."""
    found = api.describe_images(repositoryName=repository)["imageDetails"]
    return {item["imageDigest"]: sorted(item.get("imageTags", [])) for item in found}


def test_a_built_image_runs_where_it_was_promoted_to(app: Project, api: Any, to: tuple[str, str]) -> None:
    pushed = app.ok("build", "push").lines[0]
    digest = pushed.partition("@")[2]
    done = app.ok("promote", pushed, *to, "--tag", "1.2.3", "--tag", "latest")
    (promoted,) = done.lines
    assert promoted == pushed.replace("team/app", "prod/app")
    assert held(api) == {digest: ["1.2.3", "latest"]}
    assert docker(app.environ, "image", "inspect", promoted, check=False).returncode != 0, "nothing is pulled"
    app.ok("pull", "--image", digest, ECR_REPOSITORY="prod/app")
    assert docker(app.environ, "run", "--rm", promoted).stdout == "hello\n"


def test_every_platform_and_everything_about_it_come_along(
    app: Project, api: Any, http: HttpClient, to: tuple[str, str]
) -> None:
    platforms = [http.push_image("team/app", None, data * 1000) for data in (b"amd64", b"arm64")]
    index = http.push_index("team/app", "v1", platforms)
    subject = descriptor(index, OCI_INDEX)
    signature = http.push_image("team/app", None, b"signed", artifactType=SIGNATURE, subject=subject)
    about = http.push_image("team/app", None, b"too", artifactType=SIGNATURE, subject=descriptor(signature, "x"))
    name = digest_of(index).replace(":", "-") + ".sig"
    cosign = http.push_image("team/app", name, b"by name")
    http.push_image("team/app", "other", b"another image")
    done = app.ok("promote", "v1", *to)
    assert done.lines[0].endswith(f"prod/app@{digest_of(index)}")
    untagged: dict[str, list[str]] = {digest_of(raw): [] for raw in (*platforms, signature, about)}
    assert held(api) == {**untagged, digest_of(index): ["v1"], digest_of(cosign): [name]}
    assert ": copied the image and 3 about it (signatures, SBOMs)\n" in done.err


def test_a_second_run_copies_nothing_and_needs_no_docker(
    app: Project, api: Any, http: HttpClient, to: tuple[str, str], local_ecr: LocalEcr
) -> None:
    http.push_image("team/app", "v1", b"layer")
    first = app.ok("promote", "v1", *to).lines
    before = local_ecr.requests()
    again = app.ok("promote", "v1", *to, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert again.lines == first
    assert ": nothing to copy\n" in again.err
    changed = {name for name, count in local_ecr.requests().items() if count != before.get(name, 0)}
    assert changed == {"BatchGetImage", "DescribeRepositories", "ListImageReferrers"}


def test_a_locked_tag_there_is_refused_before_anything_is_copied(
    app: Project, api: Any, http: HttpClient, to: tuple[str, str]
) -> None:
    new = digest_of(http.push_image("team/app", "v1", b"new"))
    old = digest_of(http.push_image("prod/app", "stable", b"old"))
    done = app.inv("promote", "v1", *to, "--tag", "rc", "--tag", "stable")
    assert (done.code, done.out) == (6, "")
    assert old in done.err
    assert new in done.err
    assert held(api) == {old: ["stable"]}


def test_a_signed_and_scanned_image_passes_the_gates_and_its_signature_comes_along(
    app: Project, api: Any, http: HttpClient, to: tuple[str, str], local_ecr: LocalEcr
) -> None:
    scanning = {"scanOnPush": True}
    api.put_image_scanning_configuration(repositoryName="team/app", imageScanningConfiguration=scanning)
    local_ecr.set_findings([{"severities": {"HIGH": 1}}])
    pushed = app.ok("build", "push").lines[0]
    digest = pushed.partition("@")[2]
    words = ("promote", pushed, *to, "--tag", "1.2.3", "--from-branch", "main", "--require-signature")
    for level in ("high", "critical"):
        done = app.inv(*words, f"--require-scan={level}")
        assert (done.code, done.out) == (6, "")
        assert "has no signature" in done.err
        assert ("1 high" in done.err) is (level == "high")
    assert held(api) == {}
    (raw,) = api.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])["images"]
    subject = descriptor(raw["imageManifest"].encode(), raw["imageManifestMediaType"])
    signature = http.push_image("team/app", None, b"signed", artifactType=SIGNATURE, subject=subject)
    app.ok(*words, "--require-scan")
    assert held(api) == {digest: ["1.2.3"], digest_of(signature): []}


def test_what_is_not_there_and_what_is_no_destination(
    app: Project, api: Any, http: HttpClient, local_ecr: LocalEcr
) -> None:
    http.push_image("team/app", "v1", b"layer")
    here = f"{local_ecr.account}/{local_ecr.region}"
    for words, code in (
        (("nosuch", "--to", f"{here}/prod/app"), 5),
        (("v1", "--to", f"{here}/no/such"), 5),
        (("v1", "--to", f"222233334444/{local_ecr.region}/no/such"), 5),
        (("v1", "--to", f"999999999999/{local_ecr.region}/prod/app"), 5),
        (("v1", "--to", "prod"), 2),
        ((digest_of(b"x"), "--to", here), 2),
    ):
        done = app.inv("promote", *words)
        assert (done.code, done.out) == (code, ""), done.err
        assert "Traceback" not in done.err
        if words[-1].endswith("/no/such"):
            account, region, _ = words[-1].split("/", 2)
            assert f"no/such does not exist in the registry of {account} in {region}" in done.err
    assert held(api) == {}


def test_a_dry_run_copies_nothing(app: Project, api: Any, http: HttpClient, to: tuple[str, str]) -> None:
    http.push_image("team/app", "v1", b"layer")
    done = app.ok("--dry", "promote", "v1", *to)
    assert done.out == ""
    assert ": would copy the image\n" in done.err
    assert held(api) == {}


def test_a_buildx_that_would_change_the_digest_is_named(
    app: Project, api: Any, http: HttpClient, to: tuple[str, str], tmp_path: Path
) -> None:
    http.push_image("team/app", "v1", b"layer")
    old = tmp_path / "docker" / "cli-plugins" / "docker-buildx"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 'unknown flag: --prefer-index' >&2\nexit 125\n", encoding="utf-8")
    old.chmod(0o755)
    done = app.inv("promote", "v1", *to, DOCKER_CONFIG=str(tmp_path / "docker"))
    assert (done.code, done.out) == (3, "")
    assert "Update" in done.err
    assert held(api) == {}
