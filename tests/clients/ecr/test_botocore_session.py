"""Each of the SDK's variables gives the same client in the session's mapping as in the process environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.session import Session

from ecr_tasks.clients.ecr.botocore_session import EnvironmentSession

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
CONFIG = """\
[default]
region = eu-north-1
[profile dev]
region = ap-south-1
aws_access_key_id = AKIAPROFILE
aws_secret_access_key = x
retry_mode = adaptive
services = mine
[services mine]
ecr =
  endpoint_url = https://profile.example
"""
METADATA = {**KEYS, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/"}

CASES: dict[str, dict[str, str]] = {
    "AWS_PROFILE": {"AWS_PROFILE": "dev"},
    "AWS_DEFAULT_PROFILE": {"AWS_DEFAULT_PROFILE": "dev"},
    "AWS_DEFAULT_REGION": {**KEYS, "AWS_DEFAULT_REGION": "us-west-2"},
    "AWS_DATA_PATH": {**KEYS, "AWS_DATA_PATH": "data"},
    "AWS_CONFIG_FILE": {**KEYS, "AWS_CONFIG_FILE": "other-config"},
    "AWS_CA_BUNDLE": {**KEYS, "AWS_CA_BUNDLE": "bundle.pem"},
    "AWS_SHARED_CREDENTIALS_FILE": {"AWS_SHARED_CREDENTIALS_FILE": "shared"},
    "AWS_METADATA_SERVICE_TIMEOUT": {**METADATA, "AWS_METADATA_SERVICE_TIMEOUT": "2"},
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": {**METADATA, "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "2"},
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": METADATA,
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": {**METADATA, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv6"},
    "AWS_EC2_METADATA_V1_DISABLED": {**METADATA, "AWS_EC2_METADATA_V1_DISABLED": "true"},
    "AWS_EC2_METADATA_DISABLED": {**METADATA, "AWS_EC2_METADATA_DISABLED": "true"},
    "AWS_IMDS_USE_IPV6": {**METADATA, "AWS_IMDS_USE_IPV6": "true"},
    "AWS_USE_DUALSTACK_ENDPOINT": {**KEYS, "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "AWS_USE_FIPS_ENDPOINT": {**KEYS, "AWS_USE_FIPS_ENDPOINT": "true"},
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": {"AWS_PROFILE": "dev", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    "AWS_ENDPOINT_URL": {**KEYS, "AWS_ENDPOINT_URL": "https://all.example"},
    "AWS_ENDPOINT_URL_ECR": {
        **KEYS,
        "AWS_ENDPOINT_URL": "https://all.example",
        "AWS_ENDPOINT_URL_ECR": "https://e.example",
    },
    "AWS_CSM_ENABLED": {**KEYS, "AWS_CSM_ENABLED": "true"},
    "AWS_CSM_HOST": {**KEYS, "AWS_CSM_HOST": "127.0.0.9"},
    "AWS_CSM_PORT": {**KEYS, "AWS_CSM_PORT": "31001"},
    "AWS_CSM_CLIENT_ID": {**KEYS, "AWS_CSM_CLIENT_ID": "me"},
    "AWS_ENDPOINT_DISCOVERY_ENABLED": {**KEYS, "AWS_ENDPOINT_DISCOVERY_ENABLED": "true"},
    "AWS_STS_REGIONAL_ENDPOINTS": {**KEYS, "AWS_STS_REGIONAL_ENDPOINTS": "legacy"},
    "AWS_RETRY_MODE": {**KEYS, "AWS_RETRY_MODE": "adaptive"},
    "AWS_DEFAULTS_MODE": {**KEYS, "AWS_DEFAULTS_MODE": "in-region"},
    "AWS_MAX_ATTEMPTS": {**KEYS, "AWS_MAX_ATTEMPTS": "7"},
    "AWS_SDK_UA_APP_ID": {**KEYS, "AWS_SDK_UA_APP_ID": "my-app"},
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": {**KEYS, "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "128"},
    "AWS_DISABLE_REQUEST_COMPRESSION": {**KEYS, "AWS_DISABLE_REQUEST_COMPRESSION": "true"},
    "AWS_SIGV4A_SIGNING_REGION_SET": {**KEYS, "AWS_SIGV4A_SIGNING_REGION_SET": "*"},
    "AWS_REQUEST_CHECKSUM_CALCULATION": {**KEYS, "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"},
    "AWS_RESPONSE_CHECKSUM_VALIDATION": {**KEYS, "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"},
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": {**KEYS, "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"},
    "AWS_DISABLE_HOST_PREFIX_INJECTION": {**KEYS, "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"},
    "AWS_AUTH_SCHEME_PREFERENCE": {**KEYS, "AWS_AUTH_SCHEME_PREFERENCE": "sigv4a"},
    "BOTOCORE_TCP_KEEPALIVE": {**KEYS, "BOTOCORE_TCP_KEEPALIVE": "true"},
    "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": {**KEYS, "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": "true"},
    "AWS_SESSION_TOKEN": {**KEYS, "AWS_SESSION_TOKEN": "session"},
    "AWS_SECURITY_TOKEN": {**KEYS, "AWS_SECURITY_TOKEN": "older"},
    "AWS_ACCOUNT_ID": {**KEYS, "AWS_ACCOUNT_ID": "123456789012"},
}
FILES = ("AWS_DATA_PATH", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE", "AWS_SHARED_CREDENTIALS_FILE")


def test_the_table_has_every_variable_of_the_sdks_configuration() -> None:
    rows = BOTOCORE_DEFAUT_SESSION_VARIABLES.values()
    names = {name for row in rows for name in ([row[1]] if isinstance(row[1], str) else row[1] or ())}
    assert names <= CASES.keys()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the configuration files, and remove the SDK's variables from the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    (tmp_path / "other-config").write_text(CONFIG.replace("eu-north-1", "sa-east-1"))
    (tmp_path / "shared").write_text("[default]\naws_access_key_id = AKIASHARED\naws_secret_access_key = x\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("variables", CASES.values(), ids=CASES)
def test_a_variable_does_in_the_mapping_what_it_does_in_the_environment(
    variables: dict[str, str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {name: str(files / text) if name in FILES else text for name, text in variables.items()}
    in_mapping = facts(EnvironmentSession({**os.environ, **variables}))
    assert not variables.keys() & os.environ.keys()
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert in_mapping == facts(Session())


def facts(session: Any) -> Mapping[str, object]:
    """Return what a session's ECR client does differently by a variable."""
    credentials, client = session.get_credentials(), session.create_client("ecr", config=Config())
    config = {name: text for name, text in vars(client.meta.config).items() if not name.startswith("_")}
    config.pop("ignore_configured_endpoint_urls", None)  # the session has looked them up itself
    config.pop("proxies", None)
    http = client._endpoint.http_session
    resolver = session.get_component("credential_provider")
    metadata = next(item for item in resolver.providers if item.METHOD == "iam-role")._role_fetcher
    names = ("_timeout", "_num_attempts", "_base_url", "_disabled", "_imds_v1_disabled")
    return {
        "keys": tuple(credentials.get_frozen_credentials()) if credentials else None,
        "endpoint": client.meta.endpoint_url,
        "region": client.meta.region_name,
        "verify": http._verify,
        "proxies": http._proxy_config._proxies,
        "search paths": session.get_component("data_loader").search_paths,
        "metadata": {name: getattr(metadata, name, None) for name in names},
        "monitored": session.get_config_variable("csm_enabled"),
        **{str(name): text if not callable(text) else "" for name, text in config.items()},
        **{name: session.get_config_variable(name) for name in session.SESSION_VARIABLES},
    }
