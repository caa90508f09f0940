"""Several registries in one local ECR: other accounts and regions, each with a port and data of its own."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import stat
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr import background, other_registry, registries
from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.regions import is_like_region, is_region
from ecr_tasks.local_ecr.regions import partition as partition_of
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client, refused
from tests.local_ecr.http_client import HttpClient, digest_of
from tests.local_ecr.shell import Shell

HOME = "123456789012"
OTHER = "210987654321"
DEFAULT = (HOME, "eu-west-1")


@pytest.fixture
def far(ecr: LocalEcr, session: boto3.Session) -> Any:
    """The API of another region."""
    return make_client(session, ecr.endpoint, region="us-west-2")


def known(ecr: LocalEcr) -> dict[tuple[str, str], str]:
    """The registries by account and region."""
    return {(item["account"], item["region"]): item["registry"] for item in ecr.registries()}


def token_of(api: Any) -> tuple[str, str]:
    """An authorization token and the host:port it is for."""
    (data,) = api.get_authorization_token()["authorizationData"]
    return data["authorizationToken"], data["proxyEndpoint"].removeprefix("http://")


def logged_in(api: Any, registry: str | None = None) -> HttpClient:
    """A registry client with a token of the API's region."""
    token, host = token_of(api)
    return HttpClient(registry or host, token)


def test_another_region_has_a_registry_of_its_own(ecr: LocalEcr, api: Any, far: Any) -> None:
    api.create_repository(repositoryName="team/app")
    assert list(known(ecr)) == [DEFAULT]
    created = far.create_repository(repositoryName="team/app")["repository"]
    registry = known(ecr)[HOME, "us-west-2"]
    assert registry != ecr.registry
    assert registry.startswith("127.0.0.1:")
    assert created["repositoryUri"] == f"{registry}/team/app"
    assert created["repositoryArn"] == f"arn:aws:ecr:us-west-2:{HOME}:repository/team/app"
    there = logged_in(far)
    assert there.registry == registry
    raw = there.push_image("team/app", "v1", b"far away")
    assert far.describe_images(repositoryName="team/app")["imageDetails"][0]["imageTags"] == ["v1"]
    assert api.describe_images(repositoryName="team/app")["imageDetails"] == []
    here = logged_in(api)
    assert here.registry == ecr.registry
    assert here.send("GET", "/v2/team/app/manifests/v1").error[1] == "MANIFEST_UNKNOWN"
    assert here.send("HEAD", f"/v2/team/app/blobs/{digest_of(b'far away')}").status == 404
    url = far.get_download_url_for_layer(repositoryName="team/app", layerDigest=digest_of(b"far away"))["downloadUrl"]
    assert url.startswith(f"http://{registry}/")
    client = HTTPConnection(registry)
    client.request("GET", url.removeprefix(f"http://{registry}"))
    assert client.getresponse().read() == b"far away"
    assert there.send("GET", "/v2/team/app/manifests/v1").body == raw


def test_another_account_by_registry_id(ecr: LocalEcr, api: Any, far: Any) -> None:
    created = api.create_repository(repositoryName="app", registryId=OTHER)["repository"]
    assert created["registryId"] == OTHER
    assert created["repositoryArn"] == f"arn:aws:ecr:eu-west-1:{OTHER}:repository/app"
    assert known(ecr) == {DEFAULT: ecr.registry, (OTHER, "eu-west-1"): created["repositoryUri"].partition("/")[0]}
    http = logged_in(api, known(ecr)[OTHER, "eu-west-1"])
    http.push_image("app", "v1", b"theirs")
    (image,) = api.batch_get_image(repositoryName="app", registryId=OTHER, imageIds=[{"imageTag": "v1"}])["images"]
    assert image["registryId"] == OTHER
    tags = [{"Key": "team", "Value": "a"}]
    api.tag_resource(resourceArn=created["repositoryArn"], tags=tags)
    assert api.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"] == tags
    for call, more in ((api.describe_images, {}), (far.describe_images, {"registryId": OTHER})):
        name, text = refused(call, repositoryName="app", **more)
        assert (name, more.get("registryId", HOME) in text) == ("RepositoryNotFoundException", True)
    name, text = refused(far.describe_repositories, registryId=OTHER)
    assert name == "AccessDeniedException"
    assert text.endswith("because no resource-based policy allows the ecr:DescribeRepositories action")
    assert len(known(ecr)) == 2  # a question creates none


def test_an_error_of_a_region_that_was_never_asked_names_the_repository(far: Any) -> None:
    sentence = f"The repository with name 'team/app' does not exist in the registry with id '{HOME}'"
    arn = f"arn:aws:ecr:us-west-2:{HOME}:repository/team/app"
    for call, named in (
        (far.describe_images, {"repositoryName": "team/app"}),
        (far.describe_repositories, {"repositoryNames": ["team/app", "other"]}),
        (far.list_tags_for_resource, {"resourceArn": arn}),
    ):
        assert refused(call, **named) == ("RepositoryNotFoundException", sentence)
    for call, named in (
        (far.describe_images, {"repositoryName": "No"}),
        (far.describe_repositories, {"repositoryNames": ["No"]}),
        (far.list_tags_for_resource, {"resourceArn": "team/app"}),
    ):
        assert refused(call, **named)[0] == "InvalidParameterException"


def test_one_s_own_registry_of_a_region_is_there_when_it_is_asked_as_a_whole(ecr: LocalEcr, far: Any) -> None:
    assert refused(far.describe_repositories, repositoryNames=["app"])[0] == "RepositoryNotFoundException"
    assert refused(far.create_repository, repositoryName="No")[0] == "InvalidParameterException"
    assert len(known(ecr)) == 1
    assert far.describe_repositories()["repositories"] == []
    assert far.describe_registry()["registryId"] == HOME
    assert len(known(ecr)) == 2


def test_a_token_is_good_for_all_accounts_of_its_region_and_for_no_other_region(
    ecr: LocalEcr, api: Any, far: Any
) -> None:
    api.create_repository(repositoryName="app", registryId=OTHER)
    far.create_repository(repositoryName="app", registryId=OTHER)
    near, _ = token_of(api)
    distant, host = token_of(far)  # makes our own registry there, as the token must name one
    assert host == known(ecr)[HOME, "us-west-2"]
    for (_, region), registry in known(ecr).items():
        for token, its in ((near, "eu-west-1"), (distant, "us-west-2")):
            answer = HttpClient(registry, token).send("GET", "/v2/")
            assert answer.status == (200 if its == region else 401)
            if its != region:
                assert answer.headers["WWW-Authenticate"] == (
                    f'Basic realm="http://{registry}/",service="ecr.amazonaws.com"'
                )
    both = api.get_authorization_token(registryIds=[HOME, OTHER])["authorizationData"]
    assert [data["proxyEndpoint"] for data in both] == [f"http://{known(ecr)[a, 'eu-west-1']}" for a in (HOME, OTHER)]
    assert refused(api.get_authorization_token, registryIds=["333333333333"])[0] == "InvalidParameterException"


def test_they_are_there_after_a_restart_at_their_ports(tmp_path: Path, session: boto3.Session) -> None:
    server = LocalEcr(tmp_path)
    with server:
        far = make_client(session, server.endpoint, region="us-west-2")
        far.create_repository(repositoryName="app")
        http = logged_in(far)
        raw = http.push_image("app", "v1", b"layer")
        before = known(server)
    for file in (tmp_path / "registries.json", tmp_path / "registries", *(tmp_path / "registries").iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    with server:
        assert known(server) == before
        again = HttpClient(http.registry, http.token)
        assert not (tmp_path / "registries" / f"{server.account}.us-west-2" / "store.sqlite3-wal").exists()
        assert again.send("GET", "/v2/app/manifests/v1").body == raw  # nobody has asked the API before
        assert server.requests(region="us-west-2")["GET manifest"] == 1


def test_a_port_that_is_taken_is_said_and_harms_no_other(
    tmp_path: Path, session: boto3.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    server = LocalEcr(tmp_path)
    with server:
        far = make_client(session, server.endpoint, region="us-west-2")
        far.create_repository(repositoryName="app")
        registry = known(server)["000000000000", "us-west-2"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(registry.partition(":")[2])))
        other.listen()
        server.start()
        assert registry in capfd.readouterr().err
        name, text = refused(far.describe_images, repositoryName="app")
        assert name == "ServerException"
        assert registry in text
        make_client(session, server.endpoint, region="us-east-1").create_repository(repositoryName="app")
    assert far.describe_images(repositoryName="app")["imageDetails"] == []  # as soon as the port is free
    assert logged_in(far).registry == registry
    server.stop()


def test_counts_and_log_say_which_registry(ecr: LocalEcr, api: Any, far: Any) -> None:
    api.create_repository(repositoryName="app")
    api.create_repository(repositoryName="app", registryId=OTHER)
    far.create_repository(repositoryName="app")
    logged_in(far).push_image("app", "v1", b"layer")
    assert ecr.requests()["CreateRepository"] == 3
    assert ecr.requests(account=HOME)["CreateRepository"] == 2
    assert ecr.requests(account=OTHER) == {"CreateRepository": 1}
    assert ecr.requests(account=OTHER, region="us-west-2") == {}
    assert ecr.requests(region="us-west-2") == {
        "CreateRepository": 1,
        "GetAuthorizationToken": 1,
        "POST upload": 2,
        "PUT manifest": 1,
        "PUT upload": 2,
    }
    lines = [json.loads(line) for line in (ecr.root / "access.jsonl").read_text().splitlines()]
    assert [line["registry"] for line in lines if line["operation"] == "CreateRepository"] == [
        f"{HOME}/eu-west-1",
        f"{OTHER}/eu-west-1",
        f"{HOME}/us-west-2",
    ]
    assert {line["registry"] for line in lines if line["kind"]} == {f"{HOME}/us-west-2"}
    before = ecr.requests(region="us-west-2")
    ecr.stop()
    ecr.start()
    assert ecr.requests(region="us-west-2") == before
    ecr.stop()
    ecr.start()  # now from what the first stop stored
    assert ecr.requests(region="us-west-2") == before


def test_counts_of_before_there_were_several_registries(tmp_path: Path) -> None:
    server = LocalEcr(tmp_path)
    with server:
        HttpClient(server.registry).send("GET", "/v2/")
        HttpClient(server.registry).send("GET", "/v2/")
    log = tmp_path / "access.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps({k: v for k, v in x.items() if k != "registry"}) + "\n" for x in lines))
    (tmp_path / "store.sqlite3").unlink()
    with server:
        assert server.requests(region=server.region) == {"GET base": 2}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_reset_forgets_them_but_for_their_ports(ecr: LocalEcr, api: Any, far: Any, restarted: bool) -> None:
    far.create_repository(repositoryName="app")
    http = logged_in(far)
    http.push_image("app", "v1", b"layer")
    registry = http.registry
    if restarted:
        ecr.stop()
        ecr.start()
    ecr.reset()
    assert list(known(ecr)) == [DEFAULT]
    assert ecr.requests() == {}
    assert not [path for path in (ecr.root / "registries").rglob("blobs/**/*") if path.is_file()]
    assert refused(far.describe_images, repositoryName="app")[0] == "RepositoryNotFoundException"
    if restarted:
        ecr.stop()
        ecr.start()
        with pytest.raises(ConnectionRefusedError):
            HttpClient(registry).send("GET", "/v2/")
    else:
        assert http.send("GET", "/v2/app/manifests/v1").error[1] == "NAME_UNKNOWN"
    assert list(known(ecr)) == [DEFAULT]
    api = make_client(boto3.Session("a", "b"), ecr.endpoint, region="us-west-2")
    assert api.create_repository(repositoryName="app")["repository"]["repositoryUri"] == f"{registry}/app"
    assert api.describe_images(repositoryName="app")["imageDetails"] == []


def test_sweeping_covers_all(ecr: LocalEcr, far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    far.create_repository(repositoryName="app")
    http = logged_in(far)
    digest = http.push_blob("app", b"never used")
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 4000)
    ecr._running().sweep()
    monkeypatch.undo()
    assert http.send("HEAD", f"/v2/app/blobs/{digest}").status == 404


def test_a_container_of_one_port_says_that_there_is_one_registry(tmp_path: Path, session: boto3.Session) -> None:
    probe = LocalEcr(tmp_path / "probe")
    with probe:
        address = probe.registry
    with LocalEcr(tmp_path / "ecr", port=probe.port, advertise=address) as server:
        far = make_client(session, server.endpoint, region="us-west-2")
        near = make_client(session, server.endpoint, region="us-east-1")
        calls: list[tuple[Any, dict[str, str]]] = [
            (far.create_repository, {"repositoryName": "app"}),
            (far.get_authorization_token, {}),
            (near.create_repository, {"repositoryName": "app", "registryId": OTHER}),
        ]
        for call, more in calls:
            name, text = refused(call, **more)
            assert name == "NotImplementedException"
            assert "one port" in text
        assert len(server.registries()) == 1
        assert len(server.requests()) == 2


def test_a_page_and_strangers_are_refused_at_every_port(ecr: LocalEcr, far: Any) -> None:
    far.create_repository(repositoryName="app")
    http = logged_in(far)
    assert http.send("POST", "/v2/app/blobs/uploads/", b"", Origin="http://evil.example").status == 403
    assert http.send("GET", "/").status == 200
    assert http.send("POST", "/_local/reset", b"", X_Local_Ecr="reset").status == 404
    assert http.api("DescribeRepositories", {}).status == 404  # the API has its own port
    assert known(ecr)[HOME, "us-west-2"] == http.registry


def test_the_status_of_one_in_the_background(tmp_path: Path, session: boto3.Session) -> None:
    root = tmp_path / "ecr"
    up = background.up(root)
    try:
        assert up.registries == [{"account": "000000000000", "region": "us-east-1", "registry": up.registry}]
        make_client(session, up.endpoint, region="eu-west-3").create_repository(
            repositoryName="app", registryId=OTHER
        )
        status = background.status(root)
        assert status.registries[0] == up.registries[0]
        assert [(item["account"], item["region"]) for item in status.registries[1:]] == [(OTHER, "eu-west-3")]
        assert json.loads(json.dumps(status.as_json()))["registries"] == status.registries
        assert status.requests == {"CreateRepository": 1}
        background.down(root)
        assert background.status(root).registries == []
        again = background.up(root)
        assert again.registries == status.registries
        background.reset(root)
        assert background.status(root).registries == up.registries
    finally:
        background.down(root)


def test_inv_shows_them(tmp_path: Path, session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    root = background.default_root()
    up = background.up(root)
    try:
        with LocalEcr(tmp_path / "unused") as unused:
            (tmp_path / "project").mkdir()
            shell = Shell(unused, tmp_path / "project")
            shown = shell.inv("local.status")
            assert "eu-west-3" not in shown.stderr + shown.stdout
            far = make_client(session, up.endpoint, region="eu-west-3")
            registry = far.create_repository(repositoryName="app")["repository"]["repositoryUri"].partition("/")[0]
            shown = shell.inv("local.status")
            assert registry in shown.stderr + shown.stdout
            assert json.loads(shell.inv("local.status", "--json").stdout)["registries"][1]["registry"] == registry
    finally:
        background.down(root)


def test_nothing_of_it_is_loaded_while_there_is_one_registry(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ecr_tasks.local_ecr.server import LocalEcr\n"
        f"with LocalEcr(Path({str(tmp_path)!r})): print(*sorted(sys.modules))"
    )
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(completed.stdout.split())
    assert "ecr_tasks.local_ecr.registry" in loaded
    assert not loaded & {
        "ecr_tasks.local_ecr.other_registry",
        "ecr_tasks.local_ecr.replicator",
        "ecr_tasks.local_ecr.ecr_public",
    }


def test_tokens_of_before_there_were_several_registries(ecr: LocalEcr) -> None:
    """Their signature has not changed, so they are still good for the default one."""
    token = HttpClient.logged_in(ecr).token or ""
    text = base64.urlsafe_b64decode(base64.b64decode(token).partition(b":")[2]).decode()
    secret = (ecr.root / "secret").read_bytes()
    signed, _, signature = text.rpartition(".")
    assert signature == hmac.digest(secret, f"registry\n{signed}".encode(), "sha256").hex()


def test_many_at_once_make_one(ecr: LocalEcr, session: boto3.Session) -> None:
    clients = [make_client(session, ecr.endpoint, region="us-west-2") for _ in range(8)]
    threads = [
        threading.Thread(target=client.create_repository, kwargs={"repositoryName": f"app{number}"})
        for number, client in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(known(ecr)) == 2
    assert len(clients[0].describe_repositories()["repositories"]) == 8


def test_a_further_one_whose_name_the_default_one_gets(tmp_path: Path, session: boto3.Session) -> None:
    with LocalEcr(tmp_path) as server:
        make_client(session, server.endpoint, region="eu-west-1").create_repository(repositoryName="app")
    with LocalEcr(tmp_path, region="eu-west-1") as server:
        assert list(known(server)) == [("000000000000", "eu-west-1")]
        assert make_client(session, server.endpoint, region="eu-west-1").describe_repositories()["repositories"] == []
    with LocalEcr(tmp_path) as server:
        assert list(known(server)) == [("000000000000", "us-east-1"), ("000000000000", "eu-west-1")]


def test_a_reset_of_one_that_does_not_run(tmp_path: Path, session: boto3.Session) -> None:
    with LocalEcr(tmp_path) as server:
        far = make_client(session, server.endpoint, region="eu-west-1")
        uri = far.create_repository(repositoryName="app")["repository"]["repositoryUri"]
        port = server.port
    background.reset(tmp_path)
    with LocalEcr(tmp_path, port=port) as server:
        assert len(known(server)) == 1
        assert far.create_repository(repositoryName="app")["repository"]["repositoryUri"] == uri


MADE_UP = ["made-up-1", "eu-west-9", "us-east-1-bos-1", "public", "x" * 90, "EU-WEST-1", "eu_west_1", "aws-global"]


@pytest.mark.parametrize("region", MADE_UP)
def test_a_region_that_is_none_gets_no_port(ecr: LocalEcr, region: str) -> None:
    http = HttpClient(ecr.registry)
    for operation in ("GetAuthorizationToken", "DescribeRepositories", "CreateRepository"):
        answer = http.send(
            "POST",
            "/",
            b'{"repositoryName": "app"}' if operation == "CreateRepository" else b"{}",
            X_Amz_Target=f"AmazonEC2ContainerRegistry_V20150921.{operation}",
            Authorization=f"AWS4-HMAC-SHA256 Credential=AKIA/20200101/{region}/ecr/aws4_request",
        )
        assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "InvalidSignatureException")
        assert "valid region" in answer.json()["message"]
    assert len(ecr.registries()) == 1


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"])
def test_every_region_of_the_sdk_is_one(partition: str) -> None:
    regions = boto3.Session().get_available_regions("ecr", partition)
    known = [region for region in regions if is_region(region)]
    assert len(known) > len(regions) / 2  # a newer SDK may know more, which can be the default region all the same
    assert {partition_of(region) for region in regions} == {partition}
    assert all(is_like_region(region) for region in regions)


def test_a_default_region_may_be_newer_than_the_list(tmp_path: Path) -> None:
    with LocalEcr(tmp_path / "ecr", region="eu-west-9") as server:
        answer = HttpClient(server.registry).send(
            "POST",
            "/",
            b"{}",
            X_Amz_Target="AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
            Authorization="AWS4-HMAC-SHA256 Credential=AKIA/20200101/eu-west-9/ecr/aws4_request",
        )
        assert answer.status == 200
    with pytest.raises(LocalEcrError, match="is not a region"):
        LocalEcr(tmp_path / "other", region="nowhere")


def test_there_is_a_limit_on_other_accounts(
    ecr: LocalEcr, session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries, "MAX_OTHERS", 3)
    api = make_client(session, ecr.endpoint)
    for number in range(3):
        api.create_repository(registryId=f"{number:012d}", repositoryName="app")
    assert (
        refused(api.create_repository, registryId="999999999999", repositoryName="app")[0] == "LimitExceededException"
    )
    assert len(ecr.registries()) == 4
    ecr.reset()
    for number in range(5, 8):
        api.create_repository(registryId=f"{number:012d}", repositoryName="app")
    assert len(ecr.registries()) == 4


def test_a_registry_that_nobody_uses_is_closed_and_comes_back(
    ecr: LocalEcr, session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, empty = (make_client(session, ecr.endpoint, region=region) for region in ("us-west-2", "eu-west-3"))
    used.create_repository(repositoryName="app")
    address = empty.get_authorization_token()["authorizationData"][0]["proxyEndpoint"]
    monkeypatch.setattr(other_registry, "UNUSED_SECONDS", -1.0)
    ecr._running().sweep()
    assert [registry["region"] for registry in ecr.registries()] == ["eu-west-1", "us-west-2"]
    monkeypatch.setattr(other_registry, "UNUSED_SECONDS", 600.0)
    assert empty.get_authorization_token()["authorizationData"][0]["proxyEndpoint"] == address
    assert HttpClient(address.removeprefix("http://")).send("GET", "/v2/").status == 401
