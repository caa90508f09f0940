"""Layers: uploads in parts through the API, uploads over HTTP, mounts, ranges, download URLs."""

from __future__ import annotations

import os
import urllib.request
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient, digest_of, wait_until

MIB = 1024 * 1024


def upload(api: Any, repository: str, *parts: bytes) -> dict[str, str]:
    where = {
        "repositoryName": repository,
        "uploadId": api.initiate_layer_upload(repositoryName=repository)["uploadId"],
    }
    first = 0
    for part in parts:
        last = first + len(part) - 1
        said = api.upload_layer_part(**where, partFirstByte=first, partLastByte=last, layerPartBlob=part)
        assert said["lastByteReceived"] == last
        first = last + 1
    return where


def test_a_layer_in_parts(api: Any, repository: str) -> None:
    parts = os.urandom(5 * MIB), os.urandom(6 * MIB), os.urandom(7)
    digest = digest_of(b"".join(parts))
    check = {"repositoryName": repository, "layerDigests": [digest, "sha256:x", ""]}
    before = api.batch_check_layer_availability(**check)
    assert before["layers"] == [{"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}]
    assert [item["failureCode"] for item in before["failures"]] == ["InvalidLayerDigest", "MissingLayerDigest"]
    where = upload(api, repository, *parts)
    assert api.complete_layer_upload(**where, layerDigests=[digest])["layerDigest"] == digest
    (layer,) = api.batch_check_layer_availability(**check)["layers"]
    assert (layer["layerAvailability"], layer["layerSize"]) == ("AVAILABLE", sum(map(len, parts)))
    assert refused(api.complete_layer_upload, **where, layerDigests=[digest])[0] == "UploadNotFoundException"


def test_parts_must_follow_one_another(api: Any, repository: str, http: HttpClient) -> None:
    where = upload(api, repository, b"12345")
    part = {**where, "layerPartBlob": b"67"}
    for first, last in [(0, 1), (6, 7), (5, 7)]:
        name, text = refused(api.upload_layer_part, **part, partFirstByte=first, partLastByte=last)
        assert name == "InvalidLayerPartException"
        assert "begins at byte 5" in text
    answer = http.api("UploadLayerPart", {**part, "layerPartBlob": "Njc=", "partFirstByte": 0, "partLastByte": 1})
    assert answer.json()["lastValidByteReceived"] == 4
    api.upload_layer_part(**part, partFirstByte=5, partLastByte=6)
    rest = {"repositoryName": repository, "uploadId": where["uploadId"]}
    assert refused(api.complete_layer_upload, **rest, layerDigests=["x"])[0] == "InvalidParameterException"


def test_what_complete_layer_upload_refuses(api: Any, http: HttpClient, repository: str) -> None:
    def error(where: dict[str, str], digest: str) -> str:
        return refused(api.complete_layer_upload, **where, layerDigests=[digest])[0]

    assert error(upload(api, repository), digest_of(b"")) == "EmptyUploadException"
    assert error(upload(api, repository, b"x"), digest_of(b"y")) == "InvalidLayerException"
    small = upload(api, repository, b"small", b"last")
    assert error(small, digest_of(b"smalllast")) == "LayerPartTooSmallException"
    http.push_blob(repository, b"there")
    assert error(upload(api, repository, b"there"), digest_of(b"there")) == "LayerAlreadyExistsException"
    assert error(upload(api, repository, b"x"), "x") == "InvalidParameterException"
    api.create_repository(repositoryName="other")
    elsewhere = {**upload(api, repository, b"x"), "repositoryName": "other"}
    assert error(elsewhere, digest_of(b"x")) == "UploadNotFoundException"


def test_a_part_has_a_greatest_size(http: HttpClient, api: Any, repository: str) -> None:
    where = upload(api, repository)
    big = b"x" * (20_971_520 + 1)
    part = {**where, "partFirstByte": 0, "partLastByte": len(big) - 1, "layerPartBlob": big}
    assert refused(api.upload_layer_part, **part)[0] == "InvalidParameterException"
    answer = http.api("UploadLayerPart", {**part, "layerPartBlob": "?", "partLastByte": 0})
    assert answer.json()["__type"] == "SerializationException"


def test_a_download_url_works_by_itself(ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    digest = http.push_blob(repository, b"layer")
    said = api.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    assert said["layerDigest"] == digest
    with urllib.request.urlopen(said["downloadUrl"]) as response:  # noqa: S310
        assert response.read() == b"layer"
    forged = said["downloadUrl"].replace("team/app", "team/other").partition(ecr.endpoint)[2]
    assert HttpClient(ecr.registry).send("GET", forged).error[:2] == (403, "DENIED")
    assert HttpClient(ecr.registry).send("GET", forged.partition("?")[0]).error[0] == 403
    name, _ = refused(api.get_download_url_for_layer, repositoryName=repository, layerDigest=digest_of(b"x"))
    assert name == "LayersNotFoundException"


def test_upload_in_one_request(http: HttpClient, repository: str) -> None:
    digest = digest_of(b"all at once")
    answer = http.send("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", b"all at once")
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, digest)
    assert http.send("GET", answer.headers["Location"]).body == b"all at once"


def test_upload_in_chunks(http: HttpClient, repository: str) -> None:
    begun = http.send("POST", f"/v2/{repository}/blobs/uploads/")
    where = begun.headers["Location"]
    assert begun.headers["Range"] == "0-0"
    one = http.send("PATCH", where, b"0123456789", Content_Range="0-9")
    assert (one.status, one.headers["Range"]) == (202, "0-9")
    for wrong in ("0-4", "11-15", "10-11", "5-9"):
        answer = http.send("PATCH", where, b"abcde", Content_Range=wrong)
        assert (answer.error[:2], answer.headers["Range"]) == ((416, "RANGE_INVALID"), "0-9")
    for wrong in ("x", "\xb2-5", "+0-4", "0_0-4"):
        assert http.send("PATCH", where, b"abcde", Content_Range=wrong).error[0] == 400
    for wrong in ("9" * 5000 + "-" + "9" * 5000, "10-" + "9" * 5000):
        assert http.send("PATCH", where, b"abcde", Content_Range=wrong).error[0] == 416
    status = http.send("GET", where)
    assert (status.status, status.headers["Range"]) == (204, "0-9")
    http.send("PATCH", where, b"abcde", Content_Range="10-14")
    digest = digest_of(b"0123456789abcde!")
    assert http.send("PUT", f"{where}?digest={digest}", b"!", Content_Range="15-15").status == 201
    assert http.send("GET", f"/v2/{repository}/blobs/{digest}").body == b"0123456789abcde!"
    assert http.send("GET", where).error[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_chunked_transfer_coding(http: HttpClient, repository: str) -> None:
    data = os.urandom(3 * MIB + 5)
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    pieces = (data[start : start + 70_000] for start in range(0, len(data), 70_000))
    http.connection.request("PATCH", where, pieces, {"Authorization": f"Basic {http.token}"}, encode_chunked=True)
    response = http.connection.getresponse()
    response.read()
    assert response.status == 202
    digest = digest_of(data)
    assert http.send("PUT", f"{where}?digest={digest}").status == 201
    assert http.send("GET", f"/v2/{repository}/blobs/{digest}").body == data


@pytest.mark.parametrize("query", ["", "?digest=", "?digest=sha256:x", f"?digest={digest_of(b'other')}"])
def test_a_wrong_digest_ends_an_upload(ecr: LocalEcr, http: HttpClient, repository: str, query: str) -> None:
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    answer = http.send("PUT", where + query, b"data")
    assert answer.error[:2] == (400, "DIGEST_INVALID")
    if "other" in answer.error[2] or "does not have" in answer.error[2]:
        assert list((ecr.root / "uploads").iterdir()) == []
    assert http.send("HEAD", f"/v2/{repository}/blobs/{digest_of(b'data')}").status == 404


def test_sha512_and_the_empty_blob(http: HttpClient, repository: str) -> None:
    for data in (b"", b"some"):
        for algorithm in ("sha256", "sha512"):
            digest = digest_of(data, algorithm)
            path = f"/v2/{repository}/blobs/"
            assert http.send("POST", f"{path}uploads/?digest={digest}", data).status == 201
            answer = http.send("GET", path + digest)
            assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, data, str(len(data)))


def test_cancel(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    http.send("PATCH", where, b"data")
    assert http.send("DELETE", where).status == 204
    assert http.send("GET", where).error[1] == "BLOB_UPLOAD_UNKNOWN"
    assert http.send("POST", where).error[1] == "BLOB_UPLOAD_UNKNOWN"
    assert list((ecr.root / "uploads").iterdir()) == []


def test_mount(api: Any, http: HttpClient, repository: str) -> None:
    api.create_repository(repositoryName="other")
    api.create_repository(repositoryName="kms", encryptionConfiguration={"encryptionType": "KMS"})
    loose = http.push_blob(repository, b"of no image yet")
    http.push_image(repository, "v1", b"layer")
    digest = digest_of(b"layer")
    path = "/v2/other/blobs/uploads/?"
    assert api.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    assert http.send("POST", f"{path}mount={digest}&from={repository}").status == 202
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert api.get_account_setting(name="BLOB_MOUNTING")["value"] == "ENABLED"
    assert http.send("POST", f"/v2/kms/blobs/uploads/?mount={digest}&from={repository}").status == 202
    assert http.send("POST", f"{path}mount={loose}&from={repository}").status == 202
    assert http.send("HEAD", f"/v2/other/blobs/{digest}").status == 404
    assert http.send("POST", f"{path}mount={digest}&from={repository}").status == 201
    assert http.send("GET", f"/v2/other/blobs/{digest}").body == b"layer"
    api.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert http.send("GET", f"/v2/other/blobs/{digest}").body == b"layer"  # what is mounted stays so
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    for query in (f"mount={digest_of(b'x')}&from={repository}", f"mount={digest_of(b'x')}&from=no/such", "mount=x"):
        answer = http.send("POST", path + query)
        assert (answer.status, "Location" in answer.headers) == (202, True)


@pytest.mark.parametrize(
    ("header", "status", "span"),
    [
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=3-5", 206, (3, 6)),
        ("bytes=3-", 206, (3, 10)),
        ("bytes=-3", 206, (7, 10)),
        ("bytes=-30", 206, (0, 10)),
        ("bytes=8-99", 206, (8, 10)),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-3", 416, None),
        ("bytes=" + "9" * 5000 + "-", 416, None),
        ("bytes=2-" + "9" * 5000, 206, (2, 10)),
        ("bytes=-" + "9" * 5000, 206, (0, 10)),
        ("bytes=\xb2-", 200, (0, 10)),
        ("bytes=1_0-", 200, (0, 10)),
        ("bytes=0-1,3-4", 200, (0, 10)),
        ("lines=1-2", 200, (0, 10)),
        ("bytes=-", 200, (0, 10)),
    ],
)
def test_ranges(http: HttpClient, repository: str, header: str, status: int, span: tuple[int, int] | None) -> None:
    data = b"0123456789"
    digest = http.push_blob(repository, data)
    answer = http.send("GET", f"/v2/{repository}/blobs/{digest}", None, Range=header)
    assert answer.status == status
    if span is None:
        assert answer.headers["Content-Range"] == "bytes */10"
    else:
        assert answer.body == data[span[0] : span[1]]
    if status == 206:
        assert answer.headers["Content-Range"] == f"bytes {span[0]}-{span[1] - 1}/10"  # type: ignore[index]


def test_head_and_what_is_not_there(http: HttpClient, repository: str) -> None:
    digest = http.push_blob(repository, b"12345")
    head = http.send("HEAD", f"/v2/{repository}/blobs/{digest}")
    assert (head.status, head.headers["Content-Length"]) == (200, "5")
    assert http.send("HEAD", f"/v2/{repository}/blobs/{digest_of(b'x')}").status == 404
    assert http.send("GET", f"/v2/{repository}/blobs/{digest_of(b'x')}").error[:2] == (404, "BLOB_UNKNOWN")
    assert http.send("GET", f"/v2/{repository}/blobs/x").error[:2] == (400, "DIGEST_INVALID")
    assert http.send("POST", f"/v2/{repository}/blobs/{digest}").error[0] == 405
    assert http.send("GET", f"/v2/{repository}/blobs/uploads/").error[0] == 405
    assert http.send("GET", f"/v2/{repository}/other/x").error[0] == 404


def test_a_client_that_stops_half_way_can_go_on(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    other = HTTPConnection(ecr.registry, timeout=10)
    other.putrequest("PATCH", where)
    other.putheader("Authorization", f"Basic {http.token}")
    other.putheader("Content-Length", str(4 * MIB))
    other.endheaders()
    other.send(b"x" * 3 * MIB)
    other.close()
    wait_until(lambda: '"status":499' in (ecr.root / "access.jsonl").read_text())
    got = int(http.send("GET", where).headers["Range"].partition("-")[2]) + 1
    assert got >= 2 * MIB
    rest = b"x" * (4 * MIB - got)
    assert http.send("PATCH", where, rest, Content_Range=f"{got}-{4 * MIB - 1}").status == 202
    assert http.send("PUT", f"{where}?digest={digest_of(b'x' * 4 * MIB)}").status == 201


def test_no_range_loses_a_file_descriptor(http: HttpClient, repository: str) -> None:
    digest = http.push_blob(repository, b"0123456789")
    descriptors = Path("/dev/fd")
    before = len(list(descriptors.iterdir()))
    for header in ("bytes=10-", "bytes=-0", "bytes=" + "9" * 5000 + "-", "bytes=\xb2-", "bytes=5-3", "bytes=0-0"):
        for method in ("GET", "HEAD"):
            http.send(method, f"/v2/{repository}/blobs/{digest}", None, Range=header)
    assert len(list(descriptors.iterdir())) <= before
