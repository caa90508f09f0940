"""The dotenv files' variables reach every part of the SDK that reads them, and nothing else of the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.local_ecr.server import LocalEcr
from tests.support.build import settings

SECRET = "the-secret-of-the-file"
FILE = {"AWS_ACCESS_KEY_ID": "AKIAOFTHEFILE", "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture(autouse=True)
def exported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Export other keys and another endpoint, and hide the configuration files."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXPORTED",
        "AWS_SECRET_ACCESS_KEY": "exported",
        "AWS_ENDPOINT_URL_ECR": "http://exported.example",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "HTTP_PROXY": "http://proxy.example:3128",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


HIDDEN = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL_ECR": ""}
"""The variables of settings that hide exported values, because a file chooses other credentials."""


def session(role: str | None = None, region: str | None = "eu-west-1", **variables: str) -> AwsSession:
    """Return the clients of a project whose files set these variables."""
    return AwsSession(settings(region=region, role_arn=role, sdk_environment=variables))


def keys(client: Any) -> str | None:
    """Return the access key that a client signs with, or None."""
    credentials = client._request_signer._credentials
    return credentials.get_frozen_credentials().access_key if credentials else None


def profile(folder: Path, text: str, name: str = "config") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_threads_that_make_clients_leave_the_environment_alone(
    ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several missing repositories are looked at side by side, each with a client, while docker is started."""
    before, children = dict(os.environ), []
    make = AwsSession._create_client

    def watched(self: AwsSession, *arguments: Any) -> Any:
        children.append(subprocess.check_output([sys.executable, "-c", "import os; print(os.environ)"], text=True))
        assert dict(os.environ) == before
        return make(self, *arguments)

    monkeypatch.setattr(AwsSession, "_create_client", watched)
    for _ in range(3):
        aws = session(role="arn:aws:iam::123456789012:role/ci", **FILE, **endpoints(ecr))
        getters: list[Callable[[], Any]] = [aws.ecr, aws.sts, partial(aws.ecr, "us-east-1"), aws.ecr_public]
        with ThreadPoolExecutor(len(getters)) as pool:
            clients = list(pool.map(partial(together, Barrier(len(getters))), getters))
        assert len({keys(client) for client in clients}) == 1
        assert clients[0] is aws.ecr()
        assert dict(os.environ) == before
    assert len(children) == 3 * len(getters)  # no client is made twice
    assert not any(SECRET in child for child in children)


def together(start: Barrier, client: Callable[[], Any]) -> Any:
    start.wait(30)
    return client()


def endpoints(ecr: LocalEcr) -> dict[str, str]:
    return {f"AWS_ENDPOINT_URL_{name}": ecr.endpoint for name in ("ECR", "STS", "ECR_PUBLIC")}


def test_a_renewal_sees_the_files_and_no_child_does(ecr: LocalEcr) -> None:
    before = dict(os.environ)
    sts = session(role="arn:aws:iam::123456789012:role/ci", **FILE, **endpoints(ecr)).sts()
    credentials: Any = sts._request_signer._credentials  # type: ignore[attr-defined]
    credentials._expiry_time = credentials._time_fetcher()
    credentials._refresh_using.__self__._cache.clear()
    assert "assumed-role/ci" in sts.get_caller_identity()["Arn"]  # not at STS's own endpoint, through a proxy
    assert ecr.requests()["AssumeRole"] == 2
    assert dict(os.environ) == before


def test_keys_and_endpoints() -> None:
    client = session(**FILE, AWS_ENDPOINT_URL_ECR="https://file.example").ecr()
    assert (keys(client), client.meta.endpoint_url) == ("AKIAOFTHEFILE", "https://file.example")
    assert keys(session().ecr()) == "AKIAEXPORTED"
    assert session().ecr().meta.endpoint_url == "http://exported.example"


def test_what_the_files_hide_is_not_there() -> None:
    client = session(**HIDDEN).ecr()
    assert (keys(client), client.meta.endpoint_url) == (None, "https://api.ecr.eu-west-1.amazonaws.com")


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({"AWS_ENDPOINT_URL_ECR": "", "AWS_ENDPOINT_URL": "https://all.example"}, "https://all.example"),
        ({"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://api.ecr.eu-west-1.amazonaws.com"),
        ({**HIDDEN, "AWS_USE_FIPS_ENDPOINT": "true"}, "https://ecr-fips.eu-west-1.amazonaws.com"),
        ({**HIDDEN, "AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://ecr.eu-west-1.api.aws"),
    ],
)
def test_the_kinds_of_endpoint(variables: dict[str, str], endpoint: str) -> None:
    assert session(**variables).ecr().meta.endpoint_url == endpoint


def test_a_profile_in_a_file_of_the_files_choice(tmp_path: Path) -> None:
    config = profile(
        tmp_path,
        "[profile dev]\nregion = ap-south-1\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n"
        "services = mine\n[services mine]\necr =\n  endpoint_url = https://profile.example\n",
    )
    client = session(region=None, **HIDDEN, AWS_CONFIG_FILE=config, AWS_PROFILE="dev").ecr()
    assert (keys(client), client.meta.region_name) == ("AKIAPROFILE", "ap-south-1")
    assert client.meta.endpoint_url == "https://profile.example"
    shared = profile(tmp_path, "[dev]\naws_access_key_id = AKIASHARED\naws_secret_access_key = x\n", "shared")
    assert keys(session(**HIDDEN, AWS_SHARED_CREDENTIALS_FILE=shared, AWS_PROFILE="dev").ecr()) == "AKIASHARED"


def test_a_credential_process_sees_the_files(tmp_path: Path) -> None:
    script = tmp_path / "process.py"
    answer = {"Version": 1, "SecretAccessKey": "x", "AccessKeyId": "AKIA"}
    script.write_text(
        f"import json, os\nprint(json.dumps({{**{answer!r}, 'AccessKeyId': os.environ['AWS_MARK']}}))\n"
    )
    config = profile(tmp_path, f"[default]\ncredential_process = {sys.executable} {script}\n")
    assert keys(session(**HIDDEN, AWS_CONFIG_FILE=config, AWS_MARK="AKIAPROCESS").ecr()) == "AKIAPROCESS"


@pytest.mark.parametrize("source", ["profile", "Environment"])
def test_a_profiles_role(ecr: LocalEcr, tmp_path: Path, source: str) -> None:
    origin = "source_profile = keys" if source == "profile" else "credential_source = Environment"
    config = profile(
        tmp_path,
        f"[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/ci\n{origin}\n"
        "[profile keys]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = x\n",
    )
    variables = {"AWS_CONFIG_FILE": config, "AWS_PROFILE": "dev", **endpoints(ecr)}
    variables_set = {**HIDDEN, **variables} if source == "profile" else {**variables, **FILE}
    client = session(**variables_set).sts()
    if source == "profile":
        assert "assumed-role/ci" in client.get_caller_identity()["Arn"]
        assert ecr.requests()["AssumeRole"] == 1
    else:  # keys of the environment go before a profile that they come with
        assert keys(client) == "AKIAOFTHEFILE"


def test_a_web_identity(ecr: LocalEcr, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a.b.c")
    sts = session(
        **{**HIDDEN, **endpoints(ecr)},
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_ROLE_ARN="arn:aws:iam::123456789012:role/pod",
        AWS_ROLE_SESSION_NAME="mine",
    ).sts()
    assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/pod/mine")


def test_a_web_identity_that_the_files_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/file")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod")
    hidden = {"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ROLE_ARN": ""}
    assert keys(session(**HIDDEN, **hidden).ecr()) is None


def test_a_containers_credentials(tmp_path: Path) -> None:
    expiry = "2999-01-01T00:00:00Z"
    answer = {"AccessKeyId": "AKIABOX", "SecretAccessKey": "x", "Token": "t", "Expiration": expiry}
    (tmp_path / "credentials").write_text(json.dumps(answer))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/credentials"
        assert keys(session(**HIDDEN, AWS_CONTAINER_CREDENTIALS_FULL_URI=address).ecr()) == "AKIABOX"
        server.shutdown()


def test_a_ca_bundle_that_is_not_there(tmp_path: Path) -> None:
    bundle = str(tmp_path / "none.pem")
    client: Any = session(**FILE, AWS_CA_BUNDLE=bundle).ecr()
    assert client._endpoint.http_session._verify == bundle


def test_no_proxy_is_asked_for_a_local_endpoint_and_one_for_others(ecr: LocalEcr) -> None:
    aws = session(**FILE, **endpoints(ecr))
    local: Any = aws.ecr()
    assert local._endpoint.http_session._proxy_config._proxies == {}
    assert local.describe_repositories()["repositories"] == []
    far: Any = session(**FILE, AWS_ENDPOINT_URL_ECR="").ecr()
    assert far._endpoint.http_session._proxy_config._proxies["https"] == "http://proxy.example:3128"
