"""Pushing: digests, layers and children that must exist, tags that move, tags that are locked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.local_ecr.manifests import MAX_BYTES
from ecr_tasks.local_ecr.mutability import is_locked
from ecr_tasks.local_ecr.wildcard import matches
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    HttpClient,
    descriptor,
    digest_of,
    index_of,
    manifest_of,
)


def test_what_is_pushed_is_kept_byte_for_byte(api: Any, http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "v1", b"layer")
    odd = json.dumps(json.loads(raw), indent=7).encode() + b"\n\n"
    http.push_manifest(repository, "odd", odd)
    for reference in ("odd", digest_of(odd)):
        answer = http.send("GET", f"/v2/{repository}/manifests/{reference}")
        assert answer.body == odd
        assert answer.headers["Content-Type"] == OCI_MANIFEST
        assert answer.headers["Docker-Content-Digest"] == digest_of(odd)
        head = http.send("HEAD", f"/v2/{repository}/manifests/{reference}")
        assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(odd)), b"")
    (image,) = api.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "odd"}])["images"]
    assert image["imageManifest"].encode() == odd
    assert image["imageManifestMediaType"] == OCI_MANIFEST
    assert image["imageId"] == {"imageDigest": digest_of(odd), "imageTag": "odd"}


def test_an_image_through_the_api_alone(api: Any, repository: str) -> None:
    for data in (b"{}", b"layer"):
        upload = api.initiate_layer_upload(repositoryName=repository)["uploadId"]
        where = {"repositoryName": repository, "uploadId": upload}
        api.upload_layer_part(**where, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
        api.complete_layer_upload(**where, layerDigests=[digest_of(data)])
    raw = manifest_of(b"{}", [b"layer"])
    put = {"repositoryName": repository, "imageManifest": raw.decode(), "imageManifestMediaType": OCI_MANIFEST}
    image = api.put_image(**put, imageTag="v1", imageDigest=digest_of(raw))["image"]
    assert image["imageId"] == {"imageDigest": digest_of(raw), "imageTag": "v1"}
    assert image["imageManifest"].encode() == raw
    name, text = refused(api.put_image, **put, imageTag="v1")
    assert name == "ImageAlreadyExistsException"
    assert digest_of(raw) in text
    assert refused(api.put_image, **put)[0] == "ImageAlreadyExistsException"
    api.put_image(**put, imageTag="v2")
    (detail,) = api.describe_images(repositoryName=repository)["imageDetails"]
    assert detail["imageTags"] == ["v1", "v2"]


def test_a_wrong_digest_is_refused(api: Any, http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "v1")
    name, _ = refused(
        api.put_image,
        repositoryName=repository,
        imageManifest=raw.decode(),
        imageManifestMediaType=OCI_MANIFEST,
        imageDigest=digest_of(b"other"),
    )
    assert name == "ImageDigestDoesNotMatchException"
    assert http.push_manifest(repository, digest_of(b"other"), raw).error[:2] == (400, "DIGEST_INVALID")


def test_layers_must_exist(api: Any, http: HttpClient, repository: str) -> None:
    http.push_blob(repository, b"{}")
    raw = manifest_of(b"{}", [b"missing"])
    sentence = (
        f"Layers with digests '[{digest_of(b'missing')}]' required for pushing image into repository with name "
        "'team/app' in the registry with id '123456789012' do not exist"
    )
    put = {"repositoryName": repository, "imageManifest": raw.decode(), "imageTag": "v1"}
    assert refused(api.put_image, **put) == ("LayersNotFoundException", sentence)
    assert http.push_manifest(repository, "v1", raw).error == (404, "MANIFEST_BLOB_UNKNOWN", sentence)
    assert api.list_images(repositoryName=repository)["imageIds"] == []


def test_layers_that_are_fetched_from_elsewhere_need_not_exist(http: HttpClient, repository: str) -> None:
    http.push_blob(repository, b"{}")
    kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    raw = manifest_of(b"{}", layers=[descriptor(b"windows", kind)])
    assert http.push_manifest(repository, "v1", raw).status == 201


def test_children_must_exist(api: Any, http: HttpClient, repository: str) -> None:
    raw = index_of([b"nothing"])
    put = {"repositoryName": repository, "imageManifest": raw.decode(), "imageManifestMediaType": OCI_INDEX}
    name, text = refused(api.put_image, **put)
    assert name == "ReferencedImagesNotFoundException"
    assert text.startswith(f"Images with digests '[{digest_of(b'nothing')}]' required for pushing image")
    assert http.push_manifest(repository, "v1", raw, OCI_INDEX).error[:2] == (404, "MANIFEST_BLOB_UNKNOWN")


def test_a_tag_that_moves_leaves_the_old_image(api: Any, http: HttpClient, repository: str) -> None:
    old = digest_of(http.push_image(repository, "latest", b"old"))
    new = digest_of(http.push_image(repository, "latest", b"new"))
    found = api.list_images(repositoryName=repository)["imageIds"]
    assert found == [{"imageDigest": old}, {"imageDigest": new, "imageTag": "latest"}]


def test_pushing_the_same_again_by_docker_is_no_error(http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "v1", b"layer")
    assert http.push_manifest(repository, "v1", raw).status == 201


def test_a_locked_tag(api: Any, http: HttpClient, repository: str) -> None:
    first = http.push_image(repository, "v1", b"first")
    api.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    second = http.push_image(repository, "v2", b"second")
    sentence = (
        "The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because the "
        "repository is immutable."
    )
    put = {"repositoryName": repository, "imageManifestMediaType": OCI_MANIFEST, "imageTag": "v1"}
    for raw in (first, second):  # containers-roadmap#2179: also for the same digest
        assert http.push_manifest(repository, "v1", raw).error == (400, "TAG_INVALID", sentence)
        assert refused(api.put_image, **put, imageManifest=raw.decode()) == (
            "ImageTagAlreadyExistsException",
            sentence,
        )
    (image,) = api.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["images"]
    assert image["imageManifest"].encode() == first


@pytest.mark.parametrize(
    ("mutability", "moves", "stays"),
    [("IMMUTABLE_WITH_EXCLUSION", "dev-1", "v1.0"), ("MUTABLE_WITH_EXCLUSION", "v1.0", "dev-1")],
)
def test_exclusions(api: Any, http: HttpClient, repository: str, mutability: str, moves: str, stays: str) -> None:
    api.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability=mutability,
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
    )
    http.push_image(repository, moves, b"1")
    http.push_image(repository, moves, b"2")
    http.push_image(repository, stays, b"1")
    other = http.push_image(repository, None, b"3")
    status, code, text = http.push_manifest(repository, stays, other).error
    assert (status, code) == (400, "TAG_INVALID")
    assert text.endswith("because the tag is immutable.")


TAGS = st.text("ab.-*+1", max_size=8)


@given(pattern=TAGS, text=TAGS)
def test_a_wildcard_is_whole_and_only_a_star_is_special(pattern: str, text: str) -> None:
    def slow(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(slow(pattern[1:], text[start:]) for start in range(len(text) + 1))
        return text[:1] == pattern[0] and slow(pattern[1:], text[1:])

    assert matches(pattern, text) == slow(pattern, text)


@given(
    pieces=st.lists(st.text("abc", max_size=3), min_size=1, max_size=3), fills=st.lists(st.text("xyz", max_size=3))
)
def test_whatever_fills_the_stars_matches(pieces: list[str], fills: list[str]) -> None:
    fills += [""] * len(pieces)
    text = "".join(piece + fill for piece, fill in zip(pieces, [*fills[: len(pieces) - 1], ""], strict=False))
    assert matches("*".join(pieces), text)
    assert is_locked("IMMUTABLE_WITH_EXCLUSION", ["*".join(pieces)], text) is False
    assert is_locked("MUTABLE_WITH_EXCLUSION", ["*".join(pieces)], text) is True


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no json",
        b"[]",
        b'{"schemaVersion":1}',
        b'{"schemaVersion":2}',
        b'{"schemaVersion":2,"layers":[]}',
        b'{"schemaVersion":2,"config":{"digest":"sha256:x"},"layers":[]}',
        b"[" * 100_000,
        manifest_of(b"{}", mediaType=DOCKER_MANIFEST),
        manifest_of(b"{}", subject={"digest": "no"}),
        manifest_of(b"{}", layers=["x"]),
        manifest_of(b"{}", layers=[{"digest": digest_of(b"{}"), "size": -1}]),
        manifest_of(b"{}", manifests=[]),
    ],
)
def test_what_is_no_manifest_is_refused(api: Any, http: HttpClient, repository: str, raw: bytes) -> None:
    http.push_blob(repository, b"{}")
    status, code, _ = http.push_manifest(repository, "v1", raw).error
    assert (status, code) == (400, "MANIFEST_INVALID")
    put = {"repositoryName": repository, "imageManifest": raw.decode(), "imageManifestMediaType": OCI_MANIFEST}
    assert refused(api.put_image, **put)[0] == "InvalidParameterException"


def test_an_oci_manifest_must_say_what_it_is(api: Any, http: HttpClient, repository: str) -> None:
    document = json.loads(http.push_image(repository, "v1"))
    del document["mediaType"]
    put = {"repositoryName": repository, "imageManifest": json.dumps(document)}
    name, text = refused(api.put_image, **put)
    assert (name, "Invalid JSON syntax" in text) == ("InvalidParameterException", True)
    api.put_image(**put, imageManifestMediaType=OCI_MANIFEST)


def test_unknown_media_types_are_refused(http: HttpClient, repository: str) -> None:
    old = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    assert http.push_manifest(repository, "v1", b'{"schemaVersion":2}', old).error[1] == "MANIFEST_INVALID"


def test_a_manifest_has_a_greatest_size(http: HttpClient, repository: str) -> None:
    http.push_blob(repository, b"{}")
    padding = MAX_BYTES - len(manifest_of(b"{}", annotations={"a": ""}))
    right = manifest_of(b"{}", annotations={"a": "x" * padding})
    assert len(right) == MAX_BYTES
    assert http.push_manifest(repository, "v1", right).status == 201
    assert http.push_manifest(repository, "v1", right + b" ").error[:2] == (413, "MANIFEST_INVALID")


@pytest.mark.parametrize("reference", ["-x", "a:b", "sha256:abc", "x" * 301])
def test_references_that_are_none(http: HttpClient, repository: str, reference: str) -> None:
    assert http.send("GET", f"/v2/{repository}/manifests/{reference}").error[0] == 400


def test_sha512_and_tags_as_parameters(api: Any, http: HttpClient, repository: str) -> None:
    http.push_blob(repository, b"{}")
    raw = manifest_of(b"{}")
    digest = digest_of(raw, "sha512")
    answer = http.push_manifest(repository, f"{digest}?tag=a&tag=b", raw)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, digest)
    assert http.send("GET", f"/v2/{repository}/manifests/b").headers["Docker-Content-Digest"] == digest
    assert http.push_manifest(repository, f"{digest}?tag=-", raw).error[1] == "TAG_INVALID"
    (detail,) = api.describe_images(repositoryName=repository)["imageDetails"]
    assert detail["imageTags"] == ["a", "b"]
