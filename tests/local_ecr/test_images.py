"""Reading and deleting images through the API: batches, failures, details, listings, pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, HttpClient, digest_of, manifest_of


def failures(answer: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    return [(item["failureCode"], item["imageId"]) for item in answer["failures"]]


def test_batch_get_image_fails_item_by_item(api: Any, http: HttpClient, repository: str) -> None:
    one = digest_of(http.push_image(repository, "one", b"1"))
    two = digest_of(http.push_image(repository, "two", b"2"))
    ids = [
        {"imageTag": "one"},
        {"imageDigest": two},
        {"imageTag": "one", "imageDigest": one},
        {"imageTag": "one", "imageDigest": two},
        {"imageTag": "one", "imageDigest": digest_of(b"x")},
        {"imageTag": "none"},
        {"imageTag": "none", "imageDigest": one},
        {"imageDigest": digest_of(b"x")},
        {"imageDigest": "sha256:abc"},
        {"imageDigest": "sha256:x"},
        {"imageTag": "-"},
        {},
    ]
    answer = api.batch_get_image(repositoryName=repository, imageIds=ids)
    assert [image["imageId"] for image in answer["images"]] == [
        {"imageDigest": one, "imageTag": "one"},
        {"imageDigest": two},
        {"imageDigest": one, "imageTag": "one"},
    ]
    assert failures(answer) == [
        ("ImageTagDoesNotMatchDigest", ids[3]),
        ("ImageTagDoesNotMatchDigest", ids[4]),
        ("ImageNotFound", ids[5]),
        ("ImageNotFound", ids[6]),
        ("ImageNotFound", ids[7]),
        ("ImageNotFound", ids[8]),
        ("InvalidImageDigest", ids[9]),
        ("InvalidImageTag", ids[10]),
        ("MissingDigestAndTag", ids[11]),
    ]
    reason = "image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
    assert answer["failures"][6]["failureReason"] == f"Invalid request parameters: {reason}"


def test_accepted_media_types(api: Any, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "v1")
    get = {"repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
    assert len(api.batch_get_image(**get, acceptedMediaTypes=[OCI_INDEX, OCI_MANIFEST])["images"]) == 1
    answer = api.batch_get_image(**get, acceptedMediaTypes=[DOCKER_MANIFEST])
    assert answer["images"] == []
    assert failures(answer) == [("ImageNotFound", {"imageTag": "v1"})]
    assert refused(api.batch_get_image, **get, acceptedMediaTypes=[])[0] == "InvalidParameterException"


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_1_to_100_images(api: Any, repository: str, count: int) -> None:
    ids = [{"imageTag": "x"}] * count
    for operation in (api.batch_get_image, api.batch_delete_image):
        assert refused(operation, repositoryName=repository, imageIds=ids)[0] == "InvalidParameterException"
        assert refused(operation, repositoryName=repository)[0] == "InvalidParameterException"


def test_delete_by_tag_removes_the_tag_and_with_the_last_tag_the_image(
    api: Any, http: HttpClient, repository: str
) -> None:
    raw = http.push_image(repository, "a")
    http.push_manifest(repository, "b", raw)
    digest = digest_of(raw)
    answer = api.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "a"}])
    assert answer["imageIds"] == [{"imageDigest": digest, "imageTag": "a"}]
    assert api.list_images(repositoryName=repository)["imageIds"] == [{"imageDigest": digest, "imageTag": "b"}]
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "b"}])
    assert api.list_images(repositoryName=repository)["imageIds"] == []


def test_delete_by_digest_removes_all(api: Any, http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "a")
    http.push_manifest(repository, "b", raw)
    ids = [{"imageDigest": digest_of(raw)}, {"imageDigest": digest_of(raw)}, {"imageTag": "none"}]
    answer = api.batch_delete_image(repositoryName=repository, imageIds=ids)
    assert [item["imageTag"] for item in answer["imageIds"]] == ["a", "b"]
    assert failures(answer) == [("ImageNotFound", ids[1]), ("ImageNotFound", ids[2])]
    assert http.send("GET", f"/v2/{repository}/manifests/a").status == 404


def test_a_child_of_an_index_cannot_be_deleted_before_it(api: Any, http: HttpClient, repository: str) -> None:
    child = http.push_image(repository, "child", b"1")
    index = http.push_index(repository, "index", [child])
    for image_id in ({"imageDigest": digest_of(child)}, {"imageTag": "child"}):
        answer = api.batch_delete_image(repositoryName=repository, imageIds=[image_id])
        assert failures(answer) == [("ImageReferencedByManifestList", image_id)]
        reason = answer["failures"][0]["failureReason"]
        assert reason == f"Requested image referenced by manifest list: [{digest_of(index)}]"
    assert http.send("DELETE", f"/v2/{repository}/manifests/{digest_of(child)}").error[0] == 405
    ids = [{"imageTag": "index"}, {"imageTag": "child"}]
    assert len(api.batch_delete_image(repositoryName=repository, imageIds=ids)["imageIds"]) == 2


def test_deleting_on_the_wire(http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "a", b"layer")
    http.push_manifest(repository, "b", raw)
    path = f"/v2/{repository}/manifests/"
    assert http.send("DELETE", path + "a").status == 202
    assert http.send("DELETE", path + "a").error[:2] == (404, "MANIFEST_UNKNOWN")
    assert http.send("DELETE", f"/v2/{repository}/blobs/{digest_of(b'layer')}").error[:2] == (405, "UNSUPPORTED")
    assert http.send("DELETE", path + digest_of(raw)).status == 202
    assert http.send("HEAD", path + "b").status == 404
    assert http.send("DELETE", f"/v2/{repository}/blobs/{digest_of(b'layer')}").status == 202
    assert http.send("DELETE", f"/v2/{repository}/blobs/{digest_of(b'layer')}").error[:2] == (404, "BLOB_UNKNOWN")


def test_what_describe_images_says(api: Any, http: HttpClient, repository: str) -> None:
    small = http.push_image(repository, None, b"1" * 1000)
    large = http.push_image(repository, None, b"2" * 5000, b"3" * 500)
    http.push_index(repository, "v1", [small, large])
    sbom = http.push_image(
        repository, None, b"sbom", artifactType="application/spdx+json", subject={"digest": digest_of(large)}
    )
    details = api.describe_images(repositoryName=repository)["imageDetails"]
    assert [detail["imageSizeInBytes"] for detail in details] == [1002, 5502, 5502, 6]
    assert [detail.get("imageTags") for detail in details] == [None, None, ["v1"], None]
    assert [detail["imageManifestMediaType"] for detail in details] == [
        OCI_MANIFEST,
        OCI_MANIFEST,
        OCI_INDEX,
        OCI_MANIFEST,
    ]
    assert details[0]["artifactMediaType"] == "application/vnd.oci.image.config.v1+json"
    assert "artifactMediaType" not in details[2]
    assert details[3]["artifactMediaType"] == "application/spdx+json"
    assert details[3]["subjectManifestDigest"] == digest_of(large)
    assert details[3]["imageDigest"] == digest_of(sbom)
    assert "subjectManifestDigest" not in details[0]
    assert all(detail["imageStatus"] == "ACTIVE" for detail in details)


@pytest.mark.parametrize("by_api", [False, True])
def test_a_pull_is_recorded_and_a_look_is_not(api: Any, http: HttpClient, repository: str, by_api: bool) -> None:
    http.push_image(repository, "v1")
    http.send("HEAD", f"/v2/{repository}/manifests/v1")
    api.list_images(repositoryName=repository)
    (detail,) = api.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert "lastRecordedPullTime" not in detail
    if by_api:
        api.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])
    else:
        http.send("GET", f"/v2/{repository}/manifests/v1")
    (detail,) = api.describe_images(repositoryName=repository)["imageDetails"]
    assert detail["lastRecordedPullTime"] >= detail["imagePushedAt"]


def test_a_new_tag_does_not_make_an_image_younger(api: Any, http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "v1")
    (before,) = api.describe_images(repositoryName=repository)["imageDetails"]
    http.push_manifest(repository, "v2", raw)
    (after,) = api.describe_images(repositoryName=repository)["imageDetails"]
    assert before["imagePushedAt"] == after["imagePushedAt"]


def test_describing_chosen_images(api: Any, http: HttpClient, repository: str) -> None:
    one = digest_of(http.push_image(repository, "one", b"1"))
    two = digest_of(http.push_image(repository, "two", b"2"))
    ids = [{"imageTag": "two"}, {"imageDigest": one}, {"imageDigest": two}]
    details = api.describe_images(repositoryName=repository, imageIds=ids)["imageDetails"]
    assert [detail["imageDigest"] for detail in details] == [two, one]
    name, text = refused(api.describe_images, repositoryName=repository, imageIds=[{"imageTag": "none"}])
    assert name == "ImageNotFoundException"
    assert text == (
        "The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within the repository with "
        "name 'team/app' in the registry with id '123456789012'"
    )
    name, _ = refused(api.describe_images, repositoryName=repository, imageIds=[{"imageDigest": "x"}])
    assert name == "InvalidParameterException"


def test_filters(api: Any, http: HttpClient, repository: str) -> None:
    untagged = digest_of(http.push_image(repository, None, b"1"))
    tagged = digest_of(http.push_image(repository, "v1", b"2"))

    def digests(**wanted: str) -> list[str]:
        listed = api.list_images(repositoryName=repository, filter=wanted)["imageIds"]
        described = api.describe_images(repositoryName=repository, filter=wanted)["imageDetails"]
        found = [item["imageDigest"] for item in listed]
        assert found == [item["imageDigest"] for item in described]
        return found

    assert digests(tagStatus="TAGGED") == [tagged]
    assert digests(tagStatus="UNTAGGED") == [untagged]
    assert digests(tagStatus="ANY") == digests() == digests(imageStatus="ANY") == [untagged, tagged]
    assert digests(imageStatus="ACTIVE", tagStatus="TAGGED") == [tagged]
    assert digests(imageStatus="ARCHIVED") == []
    wrong = {"tagStatus": "SOME"}
    assert refused(api.list_images, repositoryName=repository, filter=wrong)[0] == "InvalidParameterException"


def test_pages(api: Any, http: HttpClient, repository: str) -> None:
    for number in range(7):
        http.push_image(repository, f"v{number}", str(number).encode())
        api.create_repository(repositoryName=f"more/r{number}")

    def pages(operation: str, key: str, **parameters: Any) -> list[int]:
        sizes = []
        seen: list[str] = []
        token = None
        while True:
            more: dict[str, str] = {"nextToken": token} if token else {}
            answer = getattr(api, operation)(**parameters, **more, maxResults=3)
            sizes.append(len(answer[key]))
            seen += [json.dumps(item, default=str) for item in answer[key]]
            token = answer.get("nextToken")
            if token is None:
                assert len(set(seen)) == sum(sizes)
                return sizes

    assert pages("describe_images", "imageDetails", repositoryName=repository) == [3, 3, 1]
    assert pages("list_images", "imageIds", repositoryName=repository) == [3, 3, 1]
    assert pages("describe_repositories", "repositories") == [3, 3, 2]
    (token,) = [api.list_images(repositoryName=repository, maxResults=1)["nextToken"]]
    for wrong in ("x", "e30=", token[:-4]):
        name, _ = refused(api.describe_images, repositoryName=repository, nextToken=wrong)
        assert name == "InvalidParameterException"
    assert refused(api.describe_images, repositoryName=repository, nextToken=token)[0] == "InvalidParameterException"


@pytest.mark.parametrize("beside", [{"maxResults": 5}, {"nextToken": "x"}])
def test_pages_are_refused_beside_explicit_ids(api: Any, repository: str, beside: dict[str, Any]) -> None:
    ids = [{"imageTag": "v1"}]
    calls: list[tuple[Any, dict[str, Any]]] = [
        (api.describe_images, {"repositoryName": repository, "imageIds": ids}),
        (api.describe_repositories, {"repositoryNames": [repository]}),
        (api.get_lifecycle_policy_preview, {"repositoryName": repository, "imageIds": ids}),
    ]
    for call, more in calls:
        assert refused(call, **more, **beside)[0] == "InvalidParameterException"


@pytest.mark.parametrize("size", [0, 1001, -1])
def test_page_sizes(api: Any, repository: str, size: int) -> None:
    assert refused(api.list_images, repositoryName=repository, maxResults=size)[0] == "InvalidParameterException"


def test_an_image_that_came_between_two_pages_shifts_nothing(api: Any, http: HttpClient, repository: str) -> None:
    first = [digest_of(http.push_image(repository, None, str(number).encode())) for number in range(4)]
    page = api.list_images(repositoryName=repository, maxResults=2)
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": first[0]}])
    rest = api.list_images(repositoryName=repository, nextToken=page["nextToken"])["imageIds"]
    assert [item["imageDigest"] for item in rest] == first[2:]


def test_tags_list_and_its_pages(http: HttpClient, repository: str) -> None:
    path = f"/v2/{repository}/tags/list"
    assert http.send("GET", path).json() == {"name": repository, "tags": []}
    raw = http.push_image(repository, "b")
    for tag in ("a", "C", "d"):
        http.push_manifest(repository, tag, raw)
    assert http.send("GET", path).json()["tags"] == ["C", "a", "b", "d"]
    page = http.send("GET", f"{path}?n=3")
    assert page.json()["tags"] == ["C", "a", "b"]
    following = page.headers["Link"].partition(">")[0][1:]
    last = http.send("GET", following)
    assert (last.json()["tags"], last.headers["Link"]) == (["d"], None)
    assert http.send("GET", f"{path}?last=a").json()["tags"] == ["b", "d"]
    assert http.send("GET", f"{path}?n=0").json()["tags"] == []
    assert http.send("GET", f"{path}?n=x").error[0] == 400
    assert http.send("POST", path).error[0] == 405


TOO_MANY = (
    405,
    "UNSUPPORTED",
    "Invalid parameter at 'maxResults' failed to satisfy constraint: "
    "'Member must have value less than or equal to 1000'",
)


def test_lists_have_pages_of_a_hundred(api: Any, http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "t000")
    for number in range(1, 205):
        http.push_manifest(repository, f"t{number:03}", raw)
        api.create_repository(repositoryName=f"repo/{number:03}")
    names = [f"repo/{number:03}" for number in range(1, 205)]
    lists = {"_catalog": ("repositories", [*names, repository])}
    lists[f"{repository}/tags/list"] = ("tags", [f"t{number:03}" for number in range(205)])
    for path, (member, everything) in lists.items():
        read, following = [], f"/v2/{path}"
        for size in (100, 100, 5):
            page = http.send("GET", following)
            assert len(page.json()[member]) == size
            read += page.json()[member]
            following = (page.headers["Link"] or "").partition(">")[0][1:]
        assert (read, following) == (everything, "")
        assert http.send("GET", f"/v2/{path}?n=1000").json()[member] == everything
        page = http.send("GET", f"/v2/{path}?n=3&last={everything[1]}")
        assert page.json()[member] == everything[2:5]
        assert page.headers["Link"] == f'</v2/{path}?n=3&last={everything[4]}>; rel="next"'
        for large in ("1001", "10000", "9" * 5_000):
            assert http.send("GET", f"/v2/{path}?n={large}").error == TOO_MANY
        for wrong in ("x", "-1", "%C2%B2", "", "1.5", "+1", "%D9%A3"):
            assert http.send("GET", f"/v2/{path}?n={wrong}").error[:2] == (400, "PAGINATION_NUMBER_INVALID")
        assert http.send("GET", f"/v2/{path}?n=0").json()[member] == []
        assert http.send("DELETE", f"/v2/{path}").error[0] == 405
    assert HttpClient(http.registry).send("GET", "/v2/_catalog").status == 401


def test_replication_and_signing_status(api: Any, http: HttpClient, repository: str) -> None:
    raw = http.push_image(repository, "v1")
    one = {"repositoryName": repository, "imageId": {"imageTag": "v1"}}
    both = {"imageTag": "v1", "imageDigest": digest_of(raw)}
    for status, member in (
        (api.describe_image_replication_status(**one), "replicationStatuses"),
        (api.describe_image_signing_status(**one), "signingStatuses"),
    ):
        assert (status["imageId"], status[member]) == (both, [])
    assert api.describe_registry()["replicationConfiguration"] == {"rules": []}
    none = {"repositoryName": repository, "imageId": {"imageTag": "none"}}
    assert refused(api.describe_image_signing_status, **none)[0] == "ImageNotFoundException"


def test_referrers(api: Any, http: HttpClient, repository: str) -> None:
    image = http.push_image(repository, "v1", b"layer")
    subject = {"digest": digest_of(image)}
    assert http.send("GET", f"/v2/{repository}/referrers/{digest_of(image)}").json()["manifests"] == []
    raws = [
        http.push_image(repository, None, kind.encode(), artifactType=kind, subject=subject, annotations={"k": kind})
        for kind in ("a/sbom", "a/signature")
    ]
    answer = http.send("GET", f"/v2/{repository}/referrers/{digest_of(image)}")
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert [item["artifactType"] for item in answer.json()["manifests"]] == ["a/sbom", "a/signature"]
    assert answer.json()["manifests"][0] == {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(raws[0]),
        "size": len(raws[0]),
        "artifactType": "a/sbom",
        "annotations": {"k": "a/sbom"},
    }
    some = http.send("GET", f"/v2/{repository}/referrers/{digest_of(image)}?artifactType=a/signature")
    assert some.headers["OCI-Filters-Applied"] == "artifactType"
    assert [item["digest"] for item in some.json()["manifests"]] == [digest_of(raws[1])]

    listed = {"repositoryName": repository, "subjectId": {"imageDigest": digest_of(image)}}
    assert len(api.list_image_referrers(**listed)["referrers"]) == 2
    (only,) = api.list_image_referrers(**listed, filter={"artifactTypes": ["a/sbom"]})["referrers"]
    assert (only["digest"], only["annotations"]) == (digest_of(raws[0]), {"k": "a/sbom"})
    page = api.list_image_referrers(**listed, maxResults=1)
    rest = api.list_image_referrers(**listed, nextToken=page["nextToken"])
    assert [item["digest"] for item in rest["referrers"]] == [digest_of(raws[1])]
    assert refused(api.list_image_referrers, **listed, maxResults=51)[0] == "InvalidParameterException"
    assert http.send("GET", f"/v2/{repository}/referrers/latest").error[1] == "DIGEST_INVALID"


def test_the_subject_is_acknowledged_even_if_it_is_not_there_yet(http: HttpClient, repository: str) -> None:
    http.push_blob(repository, b"{}")
    raw = manifest_of(b"{}", subject={"digest": digest_of(b"later")})
    answer = http.push_manifest(repository, digest_of(raw), raw)
    assert answer.headers["OCI-Subject"] == digest_of(b"later")
    assert len(http.send("GET", f"/v2/{repository}/referrers/{digest_of(b'later')}").json()["manifests"]) == 1


def test_referrers_go_with_their_subject(api: Any, http: HttpClient, repository: str) -> None:
    image = http.push_image(repository, "v1", b"layer")
    sbom = http.push_image(repository, None, b"sbom", subject={"digest": digest_of(image)})
    http.push_image(repository, "sig", b"signature of the sbom", subject={"digest": digest_of(sbom)})
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest_of(image)}])
    assert api.list_images(repositoryName=repository)["imageIds"] == []
