"""Archiving and restoring images (UpdateImageStorageClass), as the user guide describes them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ecr_tasks.local_ecr import archive
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient, digest_of


def change(api: Any, digest: str, storage_class: str) -> str:
    answer = api.update_image_storage_class(
        repositoryName="team/app", imageId={"imageDigest": digest}, targetStorageClass=storage_class
    )
    return str(answer["imageStatus"])


def statuses(api: Any, **filters: str) -> list[str]:
    details = api.describe_images(repositoryName="team/app", filter=filters)["imageDetails"]
    return [detail["imageStatus"] for detail in details]


def test_an_archived_image_is_listed_on_request_and_can_not_be_pulled(
    api: Any, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = digest_of(http.push_image("team/app", "1", b"layer"))
    path = f"/v2/team/app/manifests/{digest}"
    assert change(api, digest, "ARCHIVE") == "ARCHIVED"
    assert (http.send("GET", path).status, http.send("HEAD", path).status) == (404, 404)
    failures = api.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "1"}])["failures"]
    assert [failure["failureCode"] for failure in failures] == ["ImageInaccessible"]
    assert statuses(api) == []
    assert statuses(api, imageStatus="ANY") == ["ARCHIVED"]
    assert api.list_images(repositoryName="team/app")["imageIds"] == []
    code, _ = refused(change, api=api, digest=digest, storage_class="ARCHIVE")
    assert code == "ImageStorageClassUpdateNotSupportedException"
    monkeypatch.setattr(archive, "RESTORE_SECONDS", 60.0)
    assert change(api, digest, "STANDARD") == "ACTIVATING"
    assert statuses(api, imageStatus="ACTIVATING") == ["ACTIVATING"]
    assert http.send("GET", path).status == 404


def test_a_restored_image_can_be_pulled_and_says_when(
    api: Any, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "RESTORE_SECONDS", 0.0)
    digest = digest_of(http.push_image("team/app", "1", b"layer"))
    change(api, digest, "ARCHIVE")
    change(api, digest, "STANDARD")
    time.sleep(0.01)
    (detail,) = api.describe_images(repositoryName="team/app")["imageDetails"]
    assert detail["lastArchivedAt"] <= detail["lastActivatedAt"]
    assert http.send("GET", "/v2/team/app/manifests/1").status == 200
    assert change(api, digest, "ARCHIVE") == "ARCHIVED"


def test_a_push_restores_an_image_at_once(api: Any, http: HttpClient) -> None:
    digest = digest_of(http.push_image("team/app", "1", b"layer"))
    change(api, digest, "ARCHIVE")
    http.push_image("team/app", "1", b"layer")
    assert statuses(api) == ["ACTIVE"]


def test_an_index_is_archived_before_what_it_lists(api: Any, http: HttpClient) -> None:
    child = http.push_image("team/app", None, b"layer")
    index = http.push_index("team/app", "1", [child])
    code, message = refused(change, api=api, digest=digest_of(child), storage_class="ARCHIVE")
    assert code == "ImageStorageClassUpdateNotSupportedException"
    assert digest_of(index) in message
    assert change(api, digest_of(index), "ARCHIVE") == "ARCHIVED"
    assert change(api, digest_of(child), "ARCHIVE") == "ARCHIVED"


def test_an_archived_image_can_be_deleted(api: Any, http: HttpClient) -> None:
    digest = digest_of(http.push_image("team/app", "1", b"layer"))
    change(api, digest, "ARCHIVE")
    answer = api.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])
    assert answer["failures"] == []
    assert statuses(api, imageStatus="ANY") == []
