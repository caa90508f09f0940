"""The task attest against the local ECR: a file is attached, listed and downloaded; the image stays what it was."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.local_ecr.http_client import OCI_INDEX, OCI_MANIFEST, HttpClient, descriptor, digest_of
from tests.local_ecr.shell import Shell

SPDX = b'{"spdxVersion": "SPDX-2.3",\r\n "name": "\xc3\xa4"}'
CYCLONEDX = b'{"bomFormat": "CycloneDX", "specVersion": "1.6"}'


@pytest.fixture
def sbom(shell: Shell) -> Path:
    path = shell.folder / "app.spdx.json"
    path.write_bytes(SPDX)
    return path


def push_platforms(http: HttpClient, repository: str, tag: str) -> tuple[bytes, bytes]:
    """Push an index of two platforms; return it and its image for arm64."""
    named = [(name, http.push_image(repository, None, name.encode())) for name in ("amd64", "arm64")]
    listed = [descriptor(raw, OCI_MANIFEST, platform={"os": "linux", "architecture": name}) for name, raw in named]
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()
    assert http.push_manifest(repository, tag, raw, OCI_INDEX).status == 201
    return raw, named[1][1]


def test_a_file_is_attached_once_listed_and_downloaded(
    shell: Shell, http: HttpClient, api: Any, repository: str, sbom: Path
) -> None:
    api.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    image = digest_of(http.push_image(repository, "v1", b"layer"))
    nothing = shell.inv("attest", "--source", "v1")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "nothing is attached" in nothing.stderr
    documents = []
    for _ in range(2):
        done = shell.inv("attest", str(sbom), "--source", "v1", "--json")
        assert done.returncode == 0, done.stderr
        documents.append(json.loads(done.stdout))
    assert documents[0] == documents[1]
    (listed,) = documents[0]["images"]
    assert listed["digest"] == image
    (attached,) = listed["attached"]
    assert (attached["kind"], attached["artifact_type"]) == ("sbom", "application/spdx+json")
    assert (attached["name"], attached["subject"]) == ("app.spdx.json", image)
    table = shell.inv("attest", "--source", image)
    assert "sbom" in table.stdout.lower()
    assert attached["digest"] in table.stdout
    for wanted in ("", "=sbom", "=spdx", "=application/spdx+json", f"={attached['digest']}"):
        got = shell.inv("attest", "--source", "v1", f"--get{wanted}", "--output", "out.json")
        assert got.returncode == 0, got.stderr
        assert got.stdout == ""
        assert (shell.folder / "out.json").read_bytes() == SPDX
    assert shell.inv("attest", "--source", "v1", "--get").stdout == SPDX.decode().replace("\r\n", "\n")
    (tagged,) = api.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert tagged["imageDigest"] == image
    shown = json.loads(shell.inv("images", "--json").stdout)["repositories"][0]["images"]
    assert [[item["kind"] for item in entry["referrers"]] for entry in shown] == [["sbom"]]


def test_a_platform_and_an_index_have_their_own(shell: Shell, http: HttpClient, repository: str, sbom: Path) -> None:
    index, arm64 = push_platforms(http, repository, "v1")
    other = shell.folder / "cyclone.json"
    other.write_bytes(CYCLONEDX)
    assert shell.inv("attest", str(sbom), "--source", "v1").returncode == 0
    assert shell.inv("attest", str(other), "--source", "v1", "--platform", "linux/arm64").returncode == 0
    (image,) = json.loads(shell.inv("attest", "--source", "v1", "--json").stdout)["images"]
    assert [(item["subject"], item["platform"]) for item in image["attached"]] == [
        (digest_of(index), None),
        (digest_of(arm64), "linux/arm64"),
    ]
    several = shell.inv("attest", "--source", "v1", "--get", "sbom")
    assert (several.returncode, several.stdout) == (5, "")
    assert "2 documents match" in several.stderr
    for choice in (["--get=cyclonedx"], ["--get", "sbom", "--platform", "linux/arm64"]):
        assert shell.inv("attest", "--source", "v1", *choice).stdout == CYCLONEDX.decode()
    absent = shell.inv("attest", str(sbom), "--source", "v1", "--platform", "linux/s390x")
    assert absent.returncode == 5
    assert "linux/amd64, linux/arm64" in absent.stderr


def test_the_page_shows_what_is_attached_and_for_which_platform(
    shell: Shell, http: HttpClient, repository: str
) -> None:
    index, _ = push_platforms(http, repository, "v1")
    notes = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1", "io.ecr-tasks.platform": "linux/arm64"}
    subject = descriptor(index, OCI_INDEX)
    kind = "application/vnd.in-toto+json"
    http.push_image(repository, None, b"{}", artifactType=kind, annotations=notes, subject=subject)
    (image,) = json.loads(shell.inv("attest", "--source", "v1", "--json").stdout)["images"]
    assert [(item["kind"], item["platform"]) for item in image["attached"]] == [("provenance", "linux/arm64")]
    registry = f"{shell.ecr.account}/{shell.ecr.region}"
    address = f"{shell.ecr.endpoint}/_local/images?registry={registry}&repository={repository}"
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - the local ECR
        (shown,) = json.load(answer)["images"]
    assert [(item["kind"], item["to"]) for item in shown["attached"]] == [("provenance", "linux/arm64")]


@pytest.mark.parametrize(
    ("words", "content", "code", "cause"),
    [
        (["missing.json"], None, 2, "can't be read"),
        (["."], None, 2, "can't be read"),
        (["a.json"], b"", 2, "is empty"),
        (["a.json"], b"{}", 2, "neither SPDX nor CycloneDX"),
        (["a.json", "--type", "cyclonedx"], SPDX, 2, "is no cyclonedx"),
        (["a.json", "--type", "application/vnd.oci.image.config.v1+json"], b"{}", 6, "an image"),
        (["a.json", "--get"], SPDX, 2, "--get downloads one"),
        (["--type", "spdx"], None, 2, "--type is for a file"),
        (["--output", "x"], None, 2, "--output is for --get"),
        (["--get", "--json"], None, 2, "--get prints"),
        (["--get"], None, 5, "No document is attached"),
        (["--get", "provenance"], None, 5, "No provenance is attached"),
        (["a.json", "--platform", "linux/arm64"], SPDX, 5, "has no platform"),
        (["a.json"], b'{"spdxVersion": "SPDX-2.3", "name": "the-shared-passphrase-1"}', 6, "has a secret"),
    ],
)
def test_what_cannot_be_attached_or_downloaded_is_refused(
    shell: Shell,
    http: HttpClient,
    api: Any,
    repository: str,
    words: list[str],
    content: bytes | None,
    code: int,
    cause: str,
) -> None:
    image = digest_of(http.push_image(repository, "v1", b"layer"))
    if content is not None:
        (shell.folder / "a.json").write_bytes(content)
    done = shell.inv("attest", *words, "--source", "v1", DEPLOY_TOKEN="the-shared-passphrase-1")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert cause in done.stderr
    assert "the-shared-passphrase-1" not in done.stderr
    assert api.list_image_referrers(repositoryName=repository, subjectId={"imageDigest": image})["referrers"] == []
