"""Clients that want more than their share: of memory, connections, file descriptors, or of another's server."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_tasks.local_ecr.auth import signer
from ecr_tasks.local_ecr.ecr_api.dispatch import OPERATIONS
from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.http import limits
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient, wait_until

MIB = 1 << 20
TARGET = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921."


@contextmanager
def clients(server: LocalEcr, count: int, text: str | bytes) -> Iterator[list[socket.socket]]:
    """Connect ``count`` times and send the same text on each connection."""
    host, _, port = server.registry.partition(":")
    data = text.encode() if isinstance(text, str) else text
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection((host, int(port)), 30)) for _ in range(count)]
        for connection in connections:
            connection.sendall(data)
        yield connections


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.nip.io:80",
        "localhost.evil.example",
        "intranet",
        "",
        "a b",
        "127.0.0.1@evil",
        "1.2.3",
    ],
)
def test_a_name_that_is_not_this_machines_is_refused(ecr: LocalEcr, host: str) -> None:
    answer = HttpClient(ecr.registry).send("GET", "/_local/status", None, Host=host)
    assert answer.status == 421
    assert b"does not answer for the host" in answer.body
    assert ecr.root.name.encode() not in answer.body


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:5000", "127.0.0.1:1", "[::1]:80", "192.168.65.254", "ecr.localhost", "localhost."),
        "host.docker.internal:5000",
    ],
)
def test_this_machines_names_are_answered(ecr: LocalEcr, host: str) -> None:
    assert HttpClient(ecr.registry).send("GET", "/_local/status", None, Host=host).status == 200


def test_the_advertised_name_is_answered(tmp_path: Path) -> None:
    with LocalEcr(tmp_path, advertise="ecr:5000") as server:
        client = HttpClient(f"127.0.0.1:{server.port}")
        assert client.send("GET", "/_local/status", None, Host="ecr:5000").status == 200
        refusal = client.send("GET", "/_local/status", None, Host="other:5000")
        assert (refusal.status, b"start it with --advertise=other:PORT" in refusal.body) == (421, True)
        assert client.send("GET", "/_local/status", None, Host="").status == 421


@pytest.mark.parametrize("address", ["", "ecr", ":5000", "ecr:", "a b:5000", "ecr:5000/x", "http://ecr:5000"])
def test_what_is_advertised_has_a_host_and_a_port(tmp_path: Path, address: str) -> None:
    with pytest.raises(LocalEcrError, match="is no host with a port"):
        LocalEcr(tmp_path, advertise=address)


def test_a_server_at_all_addresses_takes_no_malformed_host(tmp_path: Path) -> None:
    with LocalEcr(tmp_path, host="") as server:
        client = HttpClient(f"127.0.0.1:{server.port}")
        assert client.send("GET", "/_local/status", None, Host="a b").status == 421


@pytest.mark.parametrize(
    "text",
    [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HT",
        f"POST / HTTP/1.1\r\nHost: localhost\r\n{TARGET}ListImages\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["idle", "head", "body"],
)
def test_clients_that_fill_the_house_make_room_for_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 4)
    with LocalEcr(tmp_path) as server, clients(server, 12, text):
        http = HttpClient(server.registry)
        for _ in range(3):
            assert http.send("GET", "/v2/").status == 401
            http.connection.close()


def test_clients_that_take_no_response_make_room_for_others(
    monkeypatch: pytest.MonkeyPatch, ecr: LocalEcr, http: HttpClient, repository: str
) -> None:
    digest = http.push_blob(repository, bytes(20 * MIB))
    http.connection.close()
    ecr.stop()
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 4)
    ecr.start()
    login = f"Host: localhost\r\nAuthorization: Basic {http.token}\r\n"
    head = f"GET /v2/{repository}/blobs/{digest} HTTP/1.1\r\n{login}\r\n"
    with clients(ecr, 8, head):
        assert HttpClient(ecr.registry).send("GET", "/v2/").status == 401


def test_a_request_under_way_is_not_closed_for_others(
    monkeypatch: pytest.MonkeyPatch, ecr: LocalEcr, http: HttpClient
) -> None:
    monkeypatch.setattr(limits, "FULL_WAIT", 0.0)
    http.connection.close()
    ecr.stop()
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 1)
    ecr.start()
    go_on = threading.Event()
    monkeypatch.setattr("ecr_tasks.local_ecr.store.images.Images.tags", lambda *_: [] if go_on.wait(20) else 1 / 0)
    statuses: list[int] = []
    busy = threading.Thread(target=lambda: statuses.append(http.send("GET", "/v2/team/app/tags/list").status))
    busy.start()
    wait_until(lambda: any(not item.is_idle for item in list(ecr._listener.connections)))  # type: ignore[union-attr]
    waiting = threading.Thread(target=lambda: statuses.append(HttpClient(ecr.registry).send("GET", "/v2/").status))
    waiting.start()
    time.sleep(0.3)
    assert statuses == []
    go_on.set()
    busy.join()
    waiting.join()
    assert sorted(statuses) == [200, 401]


def announce(http: HttpClient, repository: str) -> str:
    """Return the head of a large upload to an upload of its own."""
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    login = f"Host: localhost\r\nAuthorization: Basic {http.token}\r\n"
    return f"PATCH {where} HTTP/1.1\r\n{login}Content-Length: {32 * MIB}\r\n\r\n"


def test_what_is_only_announced_takes_no_memory(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    call = f"POST / HTTP/1.1\r\nHost: localhost\r\n{TARGET}UploadLayerPart\r\nContent-Length: {32 * MIB}\r\n\r\n"
    heads = [announce(http, repository) for _ in range(60)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with ExitStack() as stack:
            for head in (*heads, *[call] * 60):
                stack.enter_context(clients(ecr, 1, f"{head}{{"))
            wait_until(lambda: len(ecr._listener.connections) >= 121)  # type: ignore[union-attr]
            time.sleep(0.3)
            used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used < 24 * MIB


def test_what_arrives_of_a_large_call_is_kept_on_the_disk(ecr: LocalEcr) -> None:
    call = f"POST / HTTP/1.1\r\nHost: localhost\r\n{TARGET}UploadLayerPart\r\nContent-Length: {20 * MIB}\r\n\r\n"
    data = call.encode() + b'{"a":"' + bytes(10 * MIB)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with clients(ecr, 6, data):
            used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used < 6 * MIB
    assert not list((ecr.root / "uploads").iterdir())


def test_large_calls_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = limits.Limits()
    memory.borrow(limits.MEMORY_LIMIT)
    monkeypatch.setattr(limits, "MEMORY_WAIT", 0.05)
    with pytest.raises(Exception, match="Too many large requests"):
        memory.borrow(1)
    monkeypatch.setattr(limits, "MEMORY_WAIT", 30.0)
    threading.Timer(0.05, memory.give_back, [limits.MEMORY_LIMIT]).start()
    memory.borrow(limits.MEMORY_LIMIT)


def test_a_body_larger_than_its_operation_needs_is_refused(http: HttpClient) -> None:
    assert http.api("DescribeRepositories", {"x": "y" * (3 * MIB)}).status == 413


def test_of_a_long_header_only_the_first_credential_is_looked_at() -> None:
    assert signer("AWS4 Credential=KEY/20200101/eu-west-1/ecr/aws4_request, Signature=x") == ("KEY", "eu-west-1")
    assert signer("Credential=" * 5000 + "KEY/20200101/eu-west-1/ecr/aws4_request") is None
    for header in (None, "", "Credential=KEY/2020/eu-west-1/ecr/", "Credential=/20200101/x/ecr/"):
        assert signer(header) is None


def test_unfinished_uploads_hold_no_file_descriptors(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    descriptors = Path("/dev/fd")
    before = len(list(descriptors.iterdir()))
    for _ in range(30):
        where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
        assert http.send("PATCH", where, b"abc").status == 202
    assert len(list(descriptors.iterdir())) < before + 10
    assert http.send("PATCH", where, b"def", Content_Range="3-5").status == 202


PATHS = st.sampled_from(
    [
        "/",
        "/v2/",
        "/v2/_catalog",
        "/v2/team/app/tags/list",
        "/v2/team/app/manifests/v1",
        "/v2/team/app/blobs/uploads/",
    ]
    + [f"/v2/team/app/{kind}/sha256:{'0' * 64}" for kind in ("blobs", "manifests", "referrers")]
    + [
        f"/_local/{name}"
        for name in ("status", "reset", "stop", "layers/team/app/x", "contents", "requests", "images")
    ]
    + [f"/_local/images?registry={'000000000000'}/us-east-1&repository=team/app&limit="],
)
PIECES = st.sampled_from(
    ["", "%00", "%2e%2e", "%ff", "%ed%a0%80", "é", "//", "%", "?n=²", f"?n={'9' * 5000}", "?last=%00&n=+1", "x" * 300]
)
NUMBERS = st.sampled_from(["0", "5", "+5", "0x5", "1_0", " 5", "²", "٣", "9" * 5000, "-1", ""])
HEADERS = st.lists(
    st.one_of(
        st.builds("Range: bytes={}-{}".format, NUMBERS, NUMBERS),
        st.builds("Content-Range: {}-{}".format, NUMBERS, NUMBERS),
        st.builds("Content-Length: {}".format, NUMBERS),
        st.just("Transfer-Encoding: chunked"),
        st.builds("Authorization: Basic {}".format, st.text(max_size=20)),
        st.builds(
            "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{}".format, st.sampled_from(sorted(OPERATIONS))
        ),
        st.builds("{}: {}".format, st.text(max_size=5), st.text(max_size=20)),
    ),
    max_size=4,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def ask(server: LocalEcr, data: bytes) -> bytes:
    """Send what may be a request, and return all of the answer."""
    host, _, port = server.registry.partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.sendall(data)
        with suppress(OSError):  # it has answered and closed already
            client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            answer += piece
    return answer


RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)


@RELAXED
@given(
    st.one_of(st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]), st.text(max_size=5)),
    PATHS,
    PIECES,
    HEADERS,
    st.binary(max_size=50),
)
def test_any_request_gets_an_answer_and_no_500(
    ecr: LocalEcr, http: HttpClient, method: str, path: str, piece: str, headers: list[str], body: bytes
) -> None:
    login = f"Authorization: Basic {http.token}\r\n" if len(headers) % 2 else ""
    fields = "".join(f"{header}\r\n" for header in headers)
    head = f"{method} {path}{piece} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{login}{fields}\r\n"
    answer = ask(ecr, head.encode("latin-1", "replace") + body)
    assert answer.startswith(b"HTTP/1.1 ")
    assert answer[9:12] != b"500"


@RELAXED
@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_get_an_answer(ecr: LocalEcr, data: bytes) -> None:
    answer = ask(ecr, data)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")) or not data.strip(b"\r\n")


@RELAXED
@given(st.sampled_from(sorted(OPERATIONS)), st.data())
def test_any_parameters_are_answered_without_a_500(
    ecr: LocalEcr, http: HttpClient, operation: str, data: st.DataObject
) -> None:
    members = loader().get_service_model("ecr").operation_model(operation).input_shape.members
    document = {name: data.draw(VALUES) for name in members if data.draw(st.booleans())}
    if "repositoryName" in document and data.draw(st.booleans()):
        document["repositoryName"] = "team/app"
    assert http.api(operation, document).status != 500


@cache
def loader() -> Any:
    return boto3.Session()._session
