"""The task promote inside one repository, against the local ECR: calls, refusals, bytes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_ecr.http_client import OCI_MANIFEST, HttpClient, digest_of
from tests.local_ecr.shell import RECORDED, Shell


def held(api: Any, repository: str, tag: str) -> tuple[str, str, str]:
    """Digest, media type and bytes of what a tag points at."""
    (image,) = api.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
    return image["imageId"]["imageDigest"], image["imageManifestMediaType"], image["imageManifest"]


@pytest.mark.parametrize("before", [None, b"old"])
def test_one_tag_takes_two_looks_a_read_and_a_put(
    shell: Shell, api: Any, http: HttpClient, repository: str, before: bytes | None
) -> None:
    raw = http.push_image(repository, "v1", b"layer" * 1000)
    if before is not None:
        http.push_image(repository, "prod", before)
    done, calls = shell.calls("promote", "v1", "--tag", "prod")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{shell.ecr.registry}/{repository}@{digest_of(raw)}\n"
    assert calls == {"DescribeImages": 2, "BatchGetImage": 1, **RECORDED}
    assert held(api, repository, "prod") == (digest_of(raw), OCI_MANIFEST, raw.decode())


def test_only_the_promoted_image_is_pulled(shell: Shell, api: Any, http: HttpClient, repository: str) -> None:
    """The tags that it takes, and a promotion that has nothing to do, leave pull times alone."""
    for tag in ("new", "prod", "other"):
        http.push_image(repository, tag, tag.encode())

    def pulled() -> list[str]:
        details = api.describe_images(repositoryName=repository)["imageDetails"]
        return sorted(tag for item in details if "lastRecordedPullTime" in item for tag in item["imageTags"])

    assert shell.inv("promote", "new", "--tag", "new").returncode == 0
    assert pulled() == []
    done = shell.inv("promote", "new", "--tag", "prod", "--tag", "other")
    assert (done.returncode, pulled()) == (0, ["new", "other", "prod"])
    listed = api.describe_images(repositoryName=repository)["imageDetails"]
    left = [item for item in listed if "imageTags" not in item and "subjectManifestDigest" not in item]
    assert len(left) == 2
    assert not any("lastRecordedPullTime" in item for item in left)


def test_an_index_keeps_its_bytes_and_a_manifest_its_missing_media_type(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    child = http.push_image(repository, None, b"layer", mediaType=None)
    http.push_index(repository, "v1", [child])
    before = held(api, repository, "v1")
    assert shell.inv("promote", before[0], "--tag", "prod", "--tag", "latest").returncode == 0
    assert held(api, repository, "prod") == held(api, repository, "latest") == before
    done, calls = shell.calls("promote", "v1", "--tag", "prod", "--tag", "latest")
    assert (done.returncode, calls) == (0, {"DescribeImages": 3 + 1})  # for the tags' records


def test_a_locked_tag_is_refused_with_both_digests(shell: Shell, api: Any, http: HttpClient) -> None:
    api.create_repository(repositoryName="team/locked", imageTagMutability="IMMUTABLE")
    new, old = (digest_of(http.push_image("team/locked", tag, tag.encode())) for tag in ("new", "old"))
    for words in (("--tag", "old"), ("--tag", "rc", "--tag", "old")):
        done, calls = shell.calls("promote", "new", *words, ECR_REPOSITORY="team/locked")
        assert (done.returncode, done.stdout) == (6, "")
        assert new in done.stderr
        assert old in done.stderr
    assert "PutImage" not in calls
    assert shell.inv("promote", "old", "--tag", "old", ECR_REPOSITORY="team/locked").returncode == 0


def test_what_is_not_there(shell: Shell, http: HttpClient, repository: str) -> None:
    for words, name in (
        (("promote", "none", "--tag", "prod"), repository),
        (("promote", "v1", "--tag", "a"), "no/repo"),
    ):
        done = shell.inv(*words, ECR_REPOSITORY=name)
        assert (done.returncode, done.stdout) == (5, "")
        assert "Traceback" not in done.stderr
