"""The task images against the local ECR: what it shows and how few calls it makes."""

from __future__ import annotations

import json
from typing import Any

from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.tasks.images import SCANS
from tests.local_ecr.http_client import (
    OCI_INDEX,
    OCI_MANIFEST,
    HttpClient,
    descriptor,
    digest_of,
    index_of,
    manifest_of,
)
from tests.local_ecr.shell import Shell

SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
CACHE = "application/vnd.buildkit.cacheconfig.v0"


def push_platforms(http: HttpClient, repository: str, tag: str, amd64: bytes, arm64: bytes) -> bytes:
    """Uploads the index of two platforms; its manifest."""
    named = [("amd64", amd64), ("arm64", arm64)]
    listed = [descriptor(raw, OCI_MANIFEST, platform={"os": "linux", "architecture": name}) for name, raw in named]
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()
    assert http.push_manifest(repository, tag, raw, OCI_INDEX).status == 201
    return raw


def test_an_empty_repository_and_one_that_is_not_there(shell: Shell, repository: str) -> None:
    done, calls = shell.calls("images")
    assert (done.returncode, done.stdout) == (0, "")
    assert "empty" in done.stderr
    assert calls == {"DescribeImages": 1}
    missing = shell.inv("images", ECR_REPOSITORY="team/none")
    assert (missing.returncode, missing.stdout) == (5, "")
    assert "repo.ensure" in missing.stderr


def test_everything_is_folded(shell: Shell, http: HttpClient, repository: str) -> None:
    amd64, arm64 = (http.push_image(repository, None, data) for data in (b"amd64" * 9, b"arm64" * 9))
    both = push_platforms(http, repository, "1.2.3", amd64, arm64)
    http.push_manifest(repository, "latest", both, OCI_INDEX)
    http.push_image(repository, None, b"s", artifactType=SIGNATURE, subject=descriptor(both, OCI_INDEX))
    http.push_image(repository, "buildcache", b"c", artifactType=CACHE)
    parts, calls = shell.calls("images", "--json")
    assert calls == {"DescribeImages": 1}
    kinds = [image["kind"] for image in json.loads(parts.stdout)["repositories"][0]["images"]]
    assert sorted(kinds) == ["cache", "image", "part", "part"]  # the platforms, as far as a look tells
    done, calls = shell.calls("images", "--json", "--platforms")
    assert done.returncode == 0, done.stderr
    assert calls == {"DescribeImages": 1, "BatchGetImage": 1, "DescribeImageScanFindings": 2}
    again, calls = shell.calls("images", "--json")
    assert calls == {"DescribeImages": 1, "DescribeImageScanFindings": 2}  # and from then on it is known
    (found,) = json.loads(again.stdout)["repositories"]
    assert [image["digest"] for image in found["images"]] == [
        image["digest"] for image in json.loads(done.stdout)["repositories"][0]["images"]
    ]
    assert found["repository"] == repository
    images = {image["digest"]: image for image in found["images"]}
    assert len(images) == 2
    image = images[digest_of(both)]
    assert image["tags"] == ["1.2.3", "latest"]
    assert [(part["platform"], part["digest"]) for part in image["platforms"]] == [
        ("linux/amd64", digest_of(amd64)),
        ("linux/arm64", digest_of(arm64)),
    ]
    assert image["size"] == sum(part["size"] for part in image["platforms"]) > 90
    assert [referrer["kind"] for referrer in image["referrers"]] == ["signature"]
    assert image["pushed"] is not None
    assert {image["kind"] for image in images.values()} == {"image", "cache"}


def test_the_table_is_for_people(shell: Shell, ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    ecr.set_findings([{"repository": repository, "severities": {"HIGH": 2}}])
    amd64, arm64 = (http.push_image(repository, None, data) for data in (b"amd64", b"arm64"))
    for raw in (amd64, arm64):
        api.start_image_scan(repositoryName=repository, imageId={"imageDigest": digest_of(raw)})
        api.describe_image_scan_findings(repositoryName=repository, imageId={"imageDigest": digest_of(raw)})
    both = push_platforms(http, repository, "1.2.3", amd64, arm64)
    unread = shell.inv("images")
    assert "team/app: 1 image\n" in unread.stderr
    assert unread.stdout.splitlines()[1].split()[:4] == ["-", "1.2.3", digest_of(both), "?"]
    assert "`inv images --platforms` reads them, which ECR counts as a pull" in unread.stderr
    done = shell.inv("images", "--platforms")
    assert done.stderr.splitlines()[-1] == "team/app: 1 image"
    columns, row = done.stdout.splitlines()
    assert columns.split()[:4] == ["*", "tags", "digest", "platforms"]
    assert row.split()[:4] == ["-", "1.2.3", digest_of(both), "linux/amd64,linux/arm64"]
    assert "2 high" in row
    ecr.misbehave("DescribeImageScanFindings", "deny")
    denied = shell.inv("images")
    assert (denied.returncode, "2 high" in denied.stdout) == (0, False)
    assert f"Not all scans of {repository} are shown, as these credentials lack ecr:" in denied.stderr


def test_what_is_shown_can_be_limited_and_filtered(shell: Shell, http: HttpClient, repository: str) -> None:
    for number in range(3):
        http.push_image(repository, f"1.{number}", f"{number}".encode())
    http.push_image(repository, "main", b"main")
    done = shell.inv("images", "--filter", "1.*", "--limit", "2")
    assert {line.split()[1] for line in done.stdout.splitlines()[1:]} < {"1.0", "1.1", "1.2"}
    assert len(done.stdout.splitlines()) == 3
    assert "4 images (2 shown)" in done.stderr
    assert len(json.loads(shell.inv("images", "--limit=1", "--json").stdout)["repositories"][0]["images"]) == 1
    assert shell.inv("images", "--filter", "3.*").stdout == ""
    refused = shell.inv("images", "--limit", "none")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--limit none is no number" in refused.stderr


def test_a_large_repository_takes_a_call_for_a_thousand(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    config, indexes = b"{}", 150
    http.push_blob(repository, config)
    for number in range(indexes):
        raw = manifest_of(config, annotations={"number": str(number)})
        api.put_image(repositoryName=repository, imageManifest=raw.decode())
        api.put_image(repositoryName=repository, imageManifest=index_of([raw]).decode(), imageTag=f"v{number}")
    for number in range(800):
        raw = manifest_of(config, annotations={"single": str(number)})
        api.put_image(repositoryName=repository, imageManifest=raw.decode(), imageTag=f"s{number}")
    done, calls = shell.calls("images", "--json")
    assert len(json.loads(done.stdout)["repositories"][0]["images"]) == 1100
    assert (calls["DescribeImages"], calls["DescribeImageScanFindings"]) == (2, SCANS)
    assert f"asked for {SCANS} scans, not for " in done.stderr
    done, calls = shell.calls("images", "--json", "--platforms")
    assert len(json.loads(done.stdout)["repositories"][0]["images"]) == 950
    assert (calls["DescribeImages"], calls["BatchGetImage"]) == (2, 2 + 8)


def test_the_page_of_the_local_ecr_is_opened_at_the_repository(shell: Shell, repository: str) -> None:
    for words in (("images", "--open"), ("repo.show", "--open")):
        done, calls = shell.calls(*words)
        assert done.stdout == f"{shell.ecr.endpoint}/#/123456789012/eu-west-1/team/app\n", done.stderr
        assert calls == {"DescribeRepositories": 1}


def test_a_single_image_has_its_platform(shell: Shell, http: HttpClient, repository: str) -> None:
    config = json.dumps({"os": "linux", "architecture": "arm64", "variant": "v8"}).encode()
    http.push_image(repository, "1.2.3", b"layer", config=config)
    assert "linux/arm64/v8" not in shell.inv("images").stdout
    assert "linux/arm64/v8" in shell.inv("images", "--platforms").stdout
    assert "linux/arm64/v8" in shell.inv("images").stdout
