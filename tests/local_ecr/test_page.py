"""The page's documents over HTTP: what they hold, who may read them, and that reading leaves no trace."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient, digest_of
from tests.local_ecr.sample import HOSTILE, fill, push_release
from tests.local_ecr.test_scans import enhance

DOCUMENTS = (
    "/_local/contents",
    "/_local/requests",
    "/_local/images?registry=123456789012/eu-west-1&repository=team/app",
)
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def document(ecr: LocalEcr, path: str, **parameters: object) -> Any:
    """Return one of the page's documents."""
    answer = HttpClient(ecr.registry).send("GET", f"{path}?{urlencode(parameters)}")
    assert answer.status == 200, answer.body
    return answer.json()


def repository(ecr: LocalEcr, name: str = "team/app", **parameters: object) -> Any:
    registry = f"{ecr.account}/{ecr.region}"
    return document(ecr, "/_local/images", registry=registry, repository=name, **parameters)


def test_the_page_is_one_file_whose_policy_allows_its_own_script_and_style_alone(ecr: LocalEcr) -> None:
    answer = HttpClient(ecr.registry).send("GET", "/", None, **BROWSER)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    html = answer.body.decode()
    assert re.findall(r"""(?:src|href)=["'](?!#|data:)[^"']*""", html) == []
    assert re.findall(r"\son\w+=[\"']", html) == []
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", html)
    directives = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    for kind in ("script", "style"):
        (text,) = re.findall(f"<{kind}>(.*?)</{kind}>", html, re.DOTALL)
        assert len(re.findall(f"<{kind}[ >]", html)) == 1
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert directives[f"{kind}-src"] == f"'sha256-{digest}'"
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"


def test_a_client_that_is_no_browser_gets_a_line_of_text(ecr: LocalEcr) -> None:
    answer = HttpClient(ecr.registry).send("GET", "/")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.body == b"ecr-tasks' local ECR, account 123456789012, eu-west-1.\n"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_no_other_web_page_may_read_the_documents(ecr: LocalEcr, api: Any, path: str) -> None:
    fill(ecr, api)

    def status(**headers: str) -> int:
        answer = HttpClient(ecr.registry).send("GET", path, None, **headers)
        assert "Access-Control-Allow-Origin" not in answer.headers
        return answer.status

    assert status() == 200
    assert status(Sec_Fetch_Site="same-origin") == 200
    assert status(Origin=ecr.endpoint) == 200
    for site in ("cross-site", "same-site"):
        assert status(Sec_Fetch_Site=site) == 403
    for origin in ("https://example.com", "null", "http://127.0.0.1:1", "http://localhost"):
        assert status(Origin=origin) == 403
    assert status(Host="rebound.example.com") == 421
    assert HttpClient(ecr.registry).send("POST", path, b"").status == 405


def test_everything_that_belongs_to_an_image_is_under_it(ecr: LocalEcr, api: Any) -> None:
    index = fill(ecr, api)
    shown = repository(ecr)
    cache, second, first = shown["images"]
    assert [cache["kind"], second["kind"], first["kind"]] == ["cache", "image", "image"]
    assert second["digest"] == digest_of(index)
    assert [(tag["name"], tag["locked"]) for tag in second["tags"]] == [
        ("1.1.0", True),
        ("latest", False),
        ("v" * 100, True),
    ]
    assert [platform["name"] for platform in second["platforms"]] == ["linux/amd64", "linux/arm64"]
    assert second["size"] == sum(platform["size"] for platform in second["platforms"])
    assert sorted((item["kind"], item["to"]) for item in second["attached"] if item["to"]) == [
        ("SBOM", "linux/amd64"),
        ("provenance", "linux/amd64"),
    ]
    assert [item["kind"] for item in second["attached"] if not item["to"]] == ["signature", "signature"]
    assert second["annotations"] == {HOSTILE: HOSTILE}
    assert second["scan"]["counts"] == {"CRITICAL": 1, "HIGH": 2, "LOW": 3}
    assert second["scan"]["findings"][0]["description"] == HOSTILE
    assert [list(platform["scan"]["counts"]) for platform in second["platforms"]] == [["CRITICAL", "HIGH", "LOW"]] * 2
    assert json.dumps(shown).count("CVE-2024-0001") == 2  # once for each image, not for each platform
    assert (first["pulled"] is None, second["pulled"] is None) == (False, True)
    assert shown["uri"] == f"{ecr.registry}/team/app"
    assert (shown["mutability"], shown["exclusions"]) == ("IMMUTABLE_WITH_EXCLUSION", ["latest"])


def test_a_single_image_has_the_platform_of_its_configuration(
    ecr: LocalEcr, http: HttpClient, repository: str
) -> None:
    http.push_image(repository, "v1", b"layer", config=b'{"os":"linux","architecture":"arm","variant":"v7"}')
    http.push_image(repository, "v2", b"layer", config=b"no JSON")
    http.push_image(repository, "v3", b"layer", config=b'{"os":["linux"],"architecture":{}}')
    where = {"registry": f"{ecr.account}/{ecr.region}", "repository": repository}
    images = document(ecr, "/_local/images", **where)["images"]
    assert [[platform["name"] for platform in image["platforms"]] for image in images] == [[], [], ["linux/arm/v7"]]


def test_the_contents_have_every_registry(ecr: LocalEcr, api: Any) -> None:
    fill(ecr, api)
    contents = document(ecr, "/_local/contents")
    held = {
        f"{registry['account']}/{registry['region']}": {
            item["name"]: item["images"] for item in registry["repositories"]
        }
        for registry in contents["registries"]
    }
    assert held == {
        "123456789012/eu-west-1": {"team/app": 3, "team/empty": 0},
        "222233334444/eu-west-1": {"prod/app": 0},
    }
    app = contents["registries"][0]["repositories"][0]
    assert app["bytes"] > 4000
    assert app["pulled"] is not None


def test_looking_is_no_pull_and_is_neither_counted_nor_logged(ecr: LocalEcr, api: Any) -> None:
    fill(ecr, api)
    requests, log = ecr.requests(), (ecr.root / "access.jsonl").read_bytes()
    pulled = [image["pulled"] for image in repository(ecr)["images"]]
    client = HttpClient(ecr.registry)
    assert client.send("GET", "/", None, **BROWSER).status == 200
    for path in DOCUMENTS:
        assert client.send("GET", path).status == 200
    assert ecr.requests() == requests
    assert (ecr.root / "access.jsonl").read_bytes() == log
    assert [image["pulled"] for image in repository(ecr)["images"]] == pulled


def test_the_requests_come_once_each_in_their_order(ecr: LocalEcr, http: HttpClient) -> None:
    first = document(ecr, "/_local/requests")
    assert [entry["operation"] for entry in first["requests"]] == ["CreateRepository", "GetAuthorizationToken"]
    http.send("GET", "/v2/", None, User_Agent="docker/28")
    http.send("GET", "/v2/team/app/tags/list")
    second = document(ecr, "/_local/requests", after=first["cursor"])
    assert [(entry["kind"], entry["client"]) for entry in second["requests"]] == [("base", "docker/28"), ("tags", "")]
    assert document(ecr, "/_local/requests", after=second["cursor"])["requests"] == []
    for cursor in ("0-0", "x", "9" * 40, second["cursor"] + "0", second["cursor"].replace("-", "--")):
        assert len(document(ecr, "/_local/requests", after=cursor)["requests"]) == 4
    ecr.reset()
    assert document(ecr, "/_local/requests", after=second["cursor"])["requests"] == []


def test_a_long_log_is_read_from_its_end(ecr: LocalEcr) -> None:
    line = json.dumps({"time": "2026-01-01T00:00:00Z", "path": "/v2/" + "x" * 5000, "operation": None}) + "\n"
    with (ecr.root / "access.jsonl").open("a") as log:
        log.write(line * 200 + "no JSON\n[]\n")
    requests = document(ecr, "/_local/requests")["requests"]
    assert 0 < len(requests) < 60
    assert max(len(entry["path"]) for entry in requests) <= 300


def test_the_version_changes_with_what_is_shown(ecr: LocalEcr, api: Any) -> None:
    def version() -> str:
        text: str = document(ecr, "/_local/requests")["version"]
        return text

    before = version()
    while (again := version()) != before:  # while the server tidies up after its start
        before = again
    fill(ecr, api)
    after = version()
    assert after != before
    repository(ecr)
    document(ecr, "/_local/contents")
    assert version() == after
    HttpClient.logged_in(ecr).send("GET", "/v2/team/app/manifests/1.0.0")  # a pull
    assert version() != after


def test_a_large_repository_comes_in_part(ecr: LocalEcr, api: Any) -> None:
    api.create_repository(repositoryName="team/app")
    http = HttpClient.logged_in(ecr)
    for number in range(5):
        push_release(http, "team/app", [f"v{number}"], b"%d" % number)
    shown = repository(ecr, limit=2)
    assert (shown["total"], [image["tags"][0]["name"] for image in shown["images"]]) == (5, ["v4", "v3"])
    assert len(repository(ecr)["images"]) == 5


@pytest.mark.parametrize("registry", ["123456789012/eu-west-1", "1/2", "", HOSTILE])
def test_a_repository_that_there_is_not_is_named(ecr: LocalEcr, registry: str) -> None:
    query = urlencode({"registry": registry, "repository": HOSTILE})
    answer = HttpClient(ecr.registry).send("GET", f"/_local/images?{query}")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json")
    assert "There is no repository" in answer.json()["error"]


def test_a_mistake_in_the_findings_file_is_shown_and_hides_nothing(ecr: LocalEcr, api: Any) -> None:
    fill(ecr, api)
    enhance(api, "CONTINUOUS_SCAN", "*")  # whose findings are read each time
    (ecr.root / "findings.json").write_text("{")
    _, release, _ = repository(ecr)["images"]
    assert release["scan"]["status"] == "FAILED"
    assert "findings.json is not JSON" in release["scan"]["description"]
