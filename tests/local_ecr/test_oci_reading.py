"""Reading a registry by its own API: its login goes nowhere else, and nothing but the digest's bytes is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread

import pytest

from ecr_tasks.clients.oci_reading import OciReading
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.registry import RegistryToken

BLOB = b"a document"
DIGEST = sha256_digest(BLOB)


class Registry:
    """A server whose answers are given by path; with ``realm``, reading takes a bearer token from there."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.realm: str | None = None
        self.refusals: Barrier | None = None
        self.seen: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        given = request.headers.get("Authorization")
        self.seen.append((request.path, given))
        status, body, headers = self.answers.get(request.path.partition("?")[0], (404, b"{}", {}))
        if request.path.startswith("/v2/") and self.realm is not None and given != "Bearer one-day":
            challenge = f'Bearer realm="{self.realm}",service="public.ecr.aws",scope="aws"'
            status, body, headers = 401, b"", {"WWW-Authenticate": challenge}
            if self.refusals is not None:
                self.refusals.wait(60)
        request.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, text)
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def other() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.server.shutdown()
    made.server.server_close()


def reading(registry: Registry, attempts: int = 1) -> OciReading:
    token = RegistryToken(registry.host, "AWS", "secret-token")
    return OciReading(registry.host, lambda: token, Retrier(attempts=attempts, sleep=lambda seconds: False))


def test_a_bearer_token_is_got_once_with_the_login_and_is_not_sent_on_to_the_storage(
    registry: Registry, other: Registry
) -> None:
    registry.realm = f"http://{registry.host}/token/"
    registry.answers["/token/"] = (200, json.dumps({"token": "one-day"}).encode(), {})
    registry.answers[f"/v2/team/app/blobs/{DIGEST}"] = (302, b"", {"Location": f"http://{other.host}/storage"})
    other.answers["/storage"] = (200, BLOB, {})
    reader = reading(registry)
    assert [reader.blob("team/app", DIGEST, 100) for _ in range(2)] == [BLOB, BLOB]
    assert [path for path, _ in registry.seen if path.startswith("/token/")] == [
        "/token/?service=public.ecr.aws&scope=aws"
    ]
    assert other.seen == [("/storage", None), ("/storage", None)]


def test_of_threads_that_are_refused_together_one_gets_the_token_for_all(registry: Registry) -> None:
    registry.realm = f"http://{registry.host}/token/"
    registry.refusals = Barrier(4)
    registry.answers["/token/"] = (200, json.dumps({"token": "one-day"}).encode(), {})
    registry.answers[f"/v2/team/app/blobs/{DIGEST}"] = (200, BLOB, {})
    reader = reading(registry)
    read = map_parallel(lambda _: reader.blob("team/app", DIGEST, 100), range(4), 4, Retrier())
    assert read == [BLOB] * 4
    assert len([path for path, _ in registry.seen if path.startswith("/token/")]) == 1


def test_the_login_goes_to_no_other_host(registry: Registry, other: Registry) -> None:
    registry.realm = f"http://{other.host}/token/"
    with pytest.raises(RegistryError, match="401"):
        reading(registry).manifest("team/app", "main", 1000)
    assert other.seen == []


def test_other_bytes_than_the_digests_and_too_many_are_refused(registry: Registry) -> None:
    registry.answers[f"/v2/team/app/blobs/{DIGEST}"] = (200, b"something else", {})
    with pytest.raises(RegistryError, match="came with other bytes"):
        reading(registry).blob("team/app", DIGEST, 100)
    with pytest.raises(RegistryError, match="more than 5 bytes"):
        reading(registry).blob("team/app", DIGEST, 5)
    assert reading(registry).blob("team/app", sha256_digest(b"missing"), 100) is None


def test_referrers_come_in_pages_and_without_the_list_by_its_tag(registry: Registry) -> None:
    path = f"/v2/team/app/referrers/{DIGEST}"
    pages = [json.dumps({"manifests": [{"digest": f"sha256:{letter * 64}"}]}).encode() for letter in "ab"]
    registry.answers[path] = (200, pages[0], {"Link": f'<{path}/next>; rel="next"'})
    registry.answers[f"{path}/next"] = (200, pages[1], {})
    digests = [item["digest"][-1] for item in reading(registry).referrers("team/app", DIGEST)]
    assert digests == ["a", "b"]
    del registry.answers[path]
    assert reading(registry).referrers("team/app", DIGEST) == []
    registry.answers[f"/v2/team/app/manifests/{DIGEST.replace(':', '-')}"] = (200, pages[1], {})
    assert [item["digest"][-1] for item in reading(registry).referrers("team/app", DIGEST)] == ["b"]
    registry.answers[path] = (200, b"<html>", {})
    with pytest.raises(RegistryError, match="list of what refers"):
        reading(registry).referrers("team/app", DIGEST)


def test_a_rate_limit_is_waited_for_and_an_error_names_the_answer(registry: Registry) -> None:
    registry.answers["/v2/team/app/manifests/main"] = (429, b"", {})
    with pytest.raises(RegistryError, match="it answers 429"):
        reading(registry, attempts=3).manifest("team/app", "main", 100)
    assert len(registry.seen) == 3
