"""Quotas of images, tags and repositories: the first one too many is refused, and nothing of it stays."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_tasks.local_ecr import quotas
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient, manifest_of


def test_the_quotas_are_ecrs() -> None:
    assert (quotas.IMAGES, quotas.TAGS, quotas.REPOSITORIES) == (100_000, 1_000, 100_000)


def test_an_image_has_so_many_tags(
    api: Any, http: HttpClient, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "TAGS", 3)
    manifest = http.push_image(repository, "v1", b"layer").decode()
    for tag in ("v2", "v3"):
        api.put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag)
    name, text = refused(api.put_image, repositoryName=repository, imageManifest=manifest, imageTag="v4")
    assert (name, "maximum allowed number of tags which is '3'" in text) == ("LimitExceededException", True)
    http.push_image(repository, "other", b"other")
    name, _ = refused(api.put_image, repositoryName=repository, imageManifest=manifest, imageTag="other")
    assert name == "LimitExceededException"
    assert http.send("GET", f"/v2/{repository}/tags/list").json()["tags"] == ["other", "v1", "v2", "v3"]
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])
    api.put_image(repositoryName=repository, imageManifest=manifest, imageTag="v4")


def test_a_repository_has_so_many_images(
    api: Any, http: HttpClient, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "IMAGES", 2)
    first = http.push_image(repository, "v1", b"1").decode()
    http.push_image(repository, "v2", b"2")
    http.push_blob(repository, b"3")
    third = manifest_of(b"{}", (b"3",))
    put = {"repositoryName": repository, "imageManifest": third.decode(), "imageTag": "v1"}
    name, text = refused(api.put_image, **put)
    sentence = "already has the maximum allowed number of images which is '2'"
    assert (name, text.startswith(f"The repository with name '{repository}'")) == ("LimitExceededException", True)
    assert sentence in text
    assert http.push_manifest(repository, "v3", third).error == (403, "DENIED", text)
    details = api.describe_images(repositoryName=repository)["imageDetails"]
    assert [image["imageTags"] for image in details] == [["v1"], ["v2"]]
    api.put_image(repositoryName=repository, imageManifest=first, imageTag="again")
    api.create_repository(repositoryName="other")
    http.push_image("other", "v1", b"1")
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "v2"}])
    api.put_image(**put)


def test_a_registry_has_so_many_repositories(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "REPOSITORIES", 2)
    for name in ("one", "two"):
        api.create_repository(repositoryName=name)
    error, text = refused(api.create_repository, repositoryName="three")
    assert (error, "repositories which is '2'" in text) == ("LimitExceededException", True)
    assert [item["repositoryName"] for item in api.describe_repositories()["repositories"]] == ["one", "two"]
    api.delete_repository(repositoryName="one")
    api.create_repository(repositoryName="three")
