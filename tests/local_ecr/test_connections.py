"""The HTTP side: clients that speak TLS, stop half-way, send nothing, or send nonsense."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from ecr_tasks.local_ecr.http import connection, limits, messages
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient, digest_of, wait_until


@pytest.fixture
def raw(ecr: LocalEcr) -> Iterator[socket.socket]:
    """A bare connection."""
    host, _, port = ecr.registry.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        yield client


def everything(client: socket.socket) -> bytes:
    """Return what the server sends until it closes, or resets the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := client.recv(65536):
            received += piece
    return received


def status_of(client: socket.socket, text: str) -> int:
    client.sendall(text.encode("latin-1"))
    return int(client.recv(65536).split()[1])


LOGIN = "Host: localhost\r\nAuthorization: Basic "


def test_a_tls_handshake_is_answered_in_plain_http(ecr: LocalEcr, raw: socket.socket) -> None:
    raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500)
    assert everything(raw).startswith(b"HTTP/1.1 400 ")
    host, _, port = ecr.registry.partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as client,
        pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|wrong version number|record layer"),
    ):
        ssl._create_unverified_context().wrap_socket(client, server_hostname=host)  # noqa: S323


TARGET = b"AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
API_CALL = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: " + TARGET + b"\r\n"


@pytest.mark.parametrize(
    ("start", "response"),
    [
        (b"", b""),
        (b"GET /v2/ HT", b"HTTP/1.1 408 "),
        (API_CALL + b"Content-Length: 9\r\n\r\nhalf", b"HTTP/1.1 408 "),
        (API_CALL + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", b"HTTP/1.1 408 "),
        (b"GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"HTTP/1.1 401 "),
    ],
    ids=["silent", "head", "body", "chunk", "idle"],
)
def test_a_client_that_stops_is_left(
    monkeypatch: pytest.MonkeyPatch, ecr: LocalEcr, start: bytes, response: bytes
) -> None:
    monkeypatch.setattr(connection, "HEAD_WAIT", 0.2)
    monkeypatch.setattr(messages, "BODY_WAIT", 0.2)
    monkeypatch.setattr(connection.Connection, "timeout", 1.5)
    host, _, port = ecr.registry.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.sendall(start)
        received = everything(client)  # until the server closes
    assert received.startswith(response)
    assert bool(received) == bool(response)


def test_a_body_that_trickles_is_left(
    monkeypatch: pytest.MonkeyPatch, ecr: LocalEcr, http: HttpClient, repository: str
) -> None:
    monkeypatch.setattr(messages, "BODY_WAIT", 0.2)
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    host, _, port = ecr.registry.partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        head = f"PATCH {where} HTTP/1.1\r\n{LOGIN}{http.token}\r\nContent-Length: 99999\r\n\r\n"
        client.sendall(head.encode())
        sent = 0
        with contextlib.suppress(OSError):  # reset or broken pipe
            while sent < 100:
                client.sendall(b"x")
                sent += 1
                time.sleep(0.05)
    assert sent < 100
    assert http.send("GET", where).status == 204


def test_many_silent_clients_do_not_hold_up_the_others(ecr: LocalEcr) -> None:
    host, _, port = ecr.registry.partition(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(100)]
    try:
        assert HttpClient(ecr.registry).send("GET", "/v2/").status == 401
    finally:
        for client in silent:
            client.close()


def test_when_there_is_no_room_a_client_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 1)
    with LocalEcr(tmp_path) as server:  # type: ignore[arg-type]
        host, _, port = server.registry.partition(":")
        first = socket.create_connection((host, int(port)))
        threading.Timer(0.3, first.close).start()
        assert HttpClient(server.registry).send("GET", "/v2/").status == 401


NO_LENGTHS = ("+5", "0x5", "1_0", "5, 5", "²", "5.0", "", "1 0", "9" * 5000, "999999999999999999999")
FAULTY_FRAMINGS = (
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 0",
    "content-length: 0\r\nCONTENT-LENGTH: 0",
    "X: a\r\n Content-Length: 5",
)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("nonsense\r\n\r\n", 400),
        ("GET /v2/\r\n\r\n", 400),
        ("GET /v2/ HTTP/2.0\r\n\r\n", 505),
        ("GET /v2/ HTTP/0.9\r\n\r\n", 400),
        ("GET v2 HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n folded: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        *((f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n", 400) for length in NO_LENGTHS),
        *((f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{framing}\r\n\r\n", 400) for framing in FAULTY_FRAMINGS),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rContent-Length: 5\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        ("GET /\xa0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET\x0b/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/\xb2.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/" + "1" * 5000 + ".1\r\nHost: localhost\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (f"GET /{'x' * 70000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n" + f"X: {'x' * 30000}\r\n" * 3 + "\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 101 + "\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: a.b\r\n\r\n", 501),
        ("GET http://localhost:99/ HTTP/1.1\r\nHost: other.example\r\n\r\n", 200),
        ("\r\n\r\nGET / HTTP/1.0\r\n\r\n", 200),
        (f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {'x' * 70000}\r\n\r\n", 431),
    ],
)
def test_requests_good_and_bad(raw: socket.socket, text: str, status: int) -> None:
    assert status_of(raw, text) == status


@pytest.mark.parametrize(
    "chunks",
    [
        b"x\r\n",
        b"5\r\nabc",
        b"+5\r\nabcde\r\n0\r\n\r\n",
        b"5\nabcde\r\n0\r\n\r\n",
        b"f" * 20 + b"\r\n",
        b"3\r\nabcde\r\n0\r\n\r\n",
        b"z" * 5000,
    ],
)
def test_bad_chunks(ecr: LocalEcr, http: HttpClient, repository: str, raw: socket.socket, chunks: bytes) -> None:
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    head = f"PATCH {where} HTTP/1.1\r\n{LOGIN}{http.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw.sendall(head.encode() + chunks)
    raw.shutdown(socket.SHUT_WR)
    answer = everything(raw)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_expect_continue(ecr: LocalEcr, http: HttpClient, repository: str, raw: socket.socket) -> None:
    digest = digest_of(b"hello")
    head = (
        f"POST /v2/{repository}/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\n"
    )
    raw.sendall(f"{head}Authorization: Basic {http.token}\r\n\r\n".encode())
    assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.sendall(b"hello")
    assert raw.recv(1000).startswith(b"HTTP/1.1 201 ")
    raw.sendall(f"{head}\r\n".encode())  # refused before the body is asked for
    assert raw.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_requests_in_a_row_on_one_connection(raw: socket.socket) -> None:
    raw.sendall(
        b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3
        + b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    )
    assert everything(raw).count(b"HTTP/1.1 401 ") == 3


def test_stop_lets_a_request_finish(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    data = b"x" * 1_000_000
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    host, _, port = ecr.registry.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        target = f"PUT {where}?digest={digest_of(data)} HTTP/1.1\r\nHost: localhost\r\n"
        client.sendall(
            f"{target}Authorization: Basic {http.token}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:10]
        )
        listener, here = ecr._listener, client.getsockname()
        assert listener is not None
        wait_until(lambda: any(one.client_address == here and not one.is_idle for one in list(listener.connections)))
        stopping = threading.Thread(target=ecr.stop)
        stopping.start()
        time.sleep(0.1)
        client.sendall(data[10:])
        answer = everything(client)
        stopping.join()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"Connection: close" in answer


def test_a_failure_of_ours_is_a_500_and_the_next_request_works(
    monkeypatch: pytest.MonkeyPatch, ecr: LocalEcr, http: HttpClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("ecr_tasks.local_ecr.store.images.Images.tags", lambda *_: 1 / 0)
        assert http.send("GET", "/v2/team/app/tags/list").status == 500
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert http.send("GET", "/v2/team/app/tags/list").status == 200


def test_a_file_that_shrank_ends_the_connection(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    digest = http.push_blob(repository, b"0123456789")
    (blob,) = [path for path in (ecr.root / "blobs").rglob("*") if path.is_file()]
    blob.write_bytes(b"01")
    with pytest.raises(Exception, match=r"IncompleteRead|2 bytes read"):
        http.send("GET", f"/v2/{repository}/blobs/{digest}")


def test_the_access_log(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "v1", b"layer")
    digest = digest_of(b"layer")
    http.send("GET", f"/v2/{repository}/blobs/{digest}")
    api = http.api("GetDownloadUrlForLayer", {"repositoryName": repository, "layerDigest": digest}).json()
    http.send("GET", api["downloadUrl"].partition(ecr.registry)[2])
    http.send("GET", "/v2/nope/tags/list")
    expected = {
        "CreateRepository": 1,
        "GetAuthorizationToken": 1,
        "GetDownloadUrlForLayer": 1,
        "GET blob": 2,
        "GET tags": 1,
        "POST upload": 2,
        "PUT manifest": 1,
        "PUT upload": 2,
    }
    assert ecr.requests() == expected
    text = (ecr.root / "access.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == sum(expected.values())
    assert set(lines[0]) == {
        *("time", "registry", "method", "path", "operation", "kind", "status", "bytes", "received"),
        *("milliseconds", "client"),
    }
    assert lines[0]["operation"] == "CreateRepository"
    gets = [line for line in lines if line["kind"] == "blob"]
    assert [(line["status"], line["bytes"]) for line in gets] == [(200, 5), (200, 5)]
    puts = [line for line in lines if (line["method"], line["kind"]) == ("PUT", "upload")]
    assert [line["received"] for line in puts] == [2, 5]
    assert puts[0]["path"].endswith(f"?digest={digest_of(b'{}')}")
    assert "token" not in text
    assert (http.token or "none")[10:40] not in text
    assert http.password()[10:40] not in text
    ecr.stop()
    ecr.start()
    assert ecr.requests() == expected
    ecr.reset()
    assert ecr.requests() == {}


def test_the_log_is_set_aside_when_it_is_long(monkeypatch: pytest.MonkeyPatch, ecr: LocalEcr) -> None:
    monkeypatch.setattr("ecr_tasks.local_ecr.access_log.MAX_BYTES", 1000)
    http = HttpClient(ecr.registry)
    for _ in range(20):
        http.send("GET", "/v2/")
    assert ecr.requests() == {"GET base": 20}
    assert (ecr.root / "access.1.jsonl").exists()
    assert (ecr.root / "access.jsonl").stat().st_size < 1000
    ecr.stop()
    ecr.start()
    assert ecr.requests() == {"GET base": 20}


def test_a_client_that_goes_in_the_middle_is_noted(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    host, _, port = ecr.registry.partition(":")
    with socket.create_connection((host, int(port))) as client:
        head = f"PATCH {where} HTTP/1.1\r\n{LOGIN}{http.token}\r\nContent-Length: 100\r\n\r\nabc"
        client.sendall(head.encode())
    wait_until(lambda: '"status":499' in (ecr.root / "access.jsonl").read_text())
    assert "PATCH upload" not in ecr.requests()
    assert http.send("GET", where).headers["Range"] == "0-2"


def test_headers_that_trickle_are_refused(monkeypatch: pytest.MonkeyPatch, raw: socket.socket) -> None:
    monkeypatch.setattr(connection, "HEAD_WAIT", 0.2)
    raw.sendall(b"GET /v2/ HTTP/1.1\r\nX: ")
    for _ in range(100):
        raw.sendall(b"x")
        if select.select([raw], [], [], 0.05)[0]:
            break
    else:
        pytest.fail("the server waits for as long as something arrives")
    with suppress(OSError):  # the server may have closed the connection already
        raw.shutdown(socket.SHUT_WR)
    assert everything(raw).startswith(b"HTTP/1.1 408 ")


def test_a_request_without_its_last_header_is_not_obeyed(raw: socket.socket) -> None:
    raw.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    raw.shutdown(socket.SHUT_WR)
    assert everything(raw).startswith(b"HTTP/1.1 400 ")
