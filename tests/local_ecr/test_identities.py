"""Destinations with identities of their own, against the local STS: assumed, renewed, refused, and never mixed."""

from __future__ import annotations

import base64
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from ecr_tasks.clients.ecr.ecr_public import PublicRegistry
from ecr_tasks.clients.ecr.identity_session import IdentitySessions
from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import AwsError
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.destination import Identity
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.model.repository import DesiredRepository
from tests.support.build import settings
from tests.support.roles import create_role

HOME, OTHER = "123456789012", "210987654321"
REGION = "eu-west-1"
PUSH = f"arn:aws:iam::{OTHER}:role/push"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Export keys of the default account, and name files for profiles."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXPORTED",
        "AWS_SECRET_ACCESS_KEY": "exported",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    profiles = {"theirs": OTHER, "other": "333344445555"}
    (tmp_path / "credentials").write_text(
        "".join(f"[{name}]\naws_access_key_id={key}\naws_secret_access_key=x\n" for name, key in profiles.items())
    )
    (tmp_path / "config").write_text("[profile empty]\nregion = eu-west-3\n")


def aws(ecr: LocalEcr, **changes: Any) -> AwsSession:
    endpoints = {f"AWS_ENDPOINT_URL_{name}": ecr.endpoint for name in ("ECR", "STS", "ECR_PUBLIC")}
    return AwsSession(settings(region=REGION, sdk_environment=endpoints, **changes))


def identity(ecr: LocalEcr, wanted: Identity, **changes: Any) -> AwsSession:
    return IdentitySessions(aws(ecr, **changes)).of(wanted, REGION)


def refusal(ecr: LocalEcr, wanted: Identity, **changes: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        identity(ecr, wanted, **changes).caller()
    return caught.value


@pytest.mark.parametrize(
    ("wanted", "arn"),
    [
        (Identity(), f"arn:aws:iam::{HOME}:user/local"),
        (Identity(role_arn=PUSH), f"arn:aws:sts::{OTHER}:assumed-role/push/ecr-tasks"),
        (Identity(profile="theirs"), f"arn:aws:iam::{OTHER}:user/local"),
        (Identity(role_arn=PUSH, profile="theirs"), f"arn:aws:sts::{OTHER}:assumed-role/push/ecr-tasks"),
    ],
)
def test_who_calls_for_a_destination(ecr: LocalEcr, wanted: Identity, arn: str) -> None:
    assert identity(ecr, wanted).caller().arn == arn


def test_whose_credentials_assume_the_role(ecr: LocalEcr) -> None:
    """The settings' own, which are ECR_ROLE_ARN's where that is set; the profile's where one is named."""
    ci = f"arn:aws:iam::{HOME}:role/ci"
    role = create_role(ecr.endpoint, OTHER, "push", {"AWS": ci})
    assert identity(ecr, Identity(role), role_arn=ci).caller().account == OTHER
    assert f"User: arn:aws:iam::{HOME}:user/local" in refusal(ecr, Identity(role)).cause
    by_profile = Identity(role, profile="other")
    assert "by the profile other: User: arn:aws:iam::333344445555:user/local" in refusal(ecr, by_profile).cause


def test_an_external_id(ecr: LocalEcr) -> None:
    role = create_role(ecr.endpoint, OTHER, "push", {"AWS": HOME}, external_id="team/7")
    assert identity(ecr, Identity(role, "team/7")).caller().account == OTHER
    missing, wrong = refusal(ecr, Identity(role)), refusal(ecr, Identity(role, "team/8"))
    assert "may not be assumed" in missing.cause
    assert "with an external-id= if it asks for one" in missing.remedy
    assert "with this external id" in wrong.remedy
    assert "team/8" not in str(wrong)


def test_a_profile_has_its_own_credentials_or_none(ecr: LocalEcr) -> None:
    for wanted in (Identity(profile="empty"), Identity(PUSH, profile="empty")):
        assert refusal(ecr, wanted).cause == "The AWS profile empty has no credentials."
    for wanted in (Identity(profile="unknown"), Identity(PUSH, profile="unknown")):
        unknown = refusal(ecr, wanted)
        assert unknown.cause == "There is no AWS profile unknown."
        assert "profile= in ECR_DESTINATIONS" in unknown.remedy


def test_a_profile_is_asked_once_for_two_roles_and_two_regions(ecr: LocalEcr, tmp_path: Path) -> None:
    """An MFA code, which it may ask for, can't be used twice."""
    keys = f'{{"Version":1,"AccessKeyId":"{OTHER}","SecretAccessKey":"x"}}'
    (tmp_path / "process").write_text(f"#!/bin/sh\necho asked >>{tmp_path}/calls\necho '{keys}'\n")
    (tmp_path / "process").chmod(0o755)
    (tmp_path / "config").write_text(f"[profile asks]\ncredential_process = {tmp_path}/process\n")
    sessions = IdentitySessions(aws(ecr))
    for account, region in (("333344445555", REGION), ("444455556666", REGION), ("444455556666", "us-west-2")):
        role = f"arn:aws:iam::{account}:role/push"
        assert sessions.of(Identity(role, profile="asks"), region).caller().account == account
    assert sessions.of(Identity(profile="asks"), "us-east-1").caller().account == OTHER
    assert (tmp_path / "calls").read_text() == "asked\n"
    assert ecr.requests()["AssumeRole"] == 2


def test_a_login_that_ended_names_the_profile_to_log_in_with(ecr: LocalEcr, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        '[profile "my team"]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-central-1\n'
        f"sso_account_id = {OTHER}\nsso_role_name = dev\n"
    )
    assert "`aws sso login --profile 'my team'`." in refusal(ecr, Identity(profile="my team")).remedy


def test_a_role_of_another_partition_is_refused_before_anybody_is_asked(ecr: LocalEcr) -> None:
    error = refusal(ecr, Identity(PUSH.replace("arn:aws:", "arn:aws-cn:")))
    assert "can't be used in eu-west-1, whose partition is aws" in error.cause
    assert "AssumeRole" not in ecr.requests()


def test_sessions_are_renewed_each_with_the_others_renewed_credentials(ecr: LocalEcr) -> None:
    client = identity(ecr, Identity(PUSH), role_arn=f"arn:aws:iam::{HOME}:role/ci")
    registry = EcrRegistry(settings(), client, (OTHER, REGION))
    first = registry.token()
    assert ecr.requests()["AssumeRole"] == 2
    base: Any = client._source.credentials()  # type: ignore[attr-defined]
    role: Any = client.credentials()
    for credentials in (base, role):
        credentials._expiry_time = datetime.now(timezone.utc) - timedelta(minutes=1)
    base._refresh_using.__self__._cache.clear()
    # botocore's fetcher keeps a session until its end, which is an hour away.
    names = role._refresh_using.__code__.co_freevars
    cells = dict(zip(names, role._refresh_using.__closure__, strict=True))
    cells["fetcher"].cell_contents._cache.clear()
    assert registry.token().password != first.password  # which belongs to the session before
    assert ecr.requests()["AssumeRole"] == 4
    assert client.caller().account == OTHER


def principal_of(token: RegistryToken) -> str:
    """Return whom the local ECR takes the holder of a token for."""
    text = base64.urlsafe_b64decode(token.password).decode()
    return bytes.fromhex(text.split(".")[3]).decode()


ACCOUNTS = [f"{number:012}" for number in range(500000000001, 500000000017)]


def test_sixteen_runs_with_different_identities_at_once_mix_none(ecr: LocalEcr) -> None:
    for account in ACCOUNTS:
        create_role(ecr.endpoint, account, "push", {"AWS": HOME}, external_id=f"id-{account}")
    start = Barrier(len(ACCOUNTS))

    def run(account: str) -> tuple[str, str, str]:
        wanted = Identity(f"arn:aws:iam::{account}:role/push", f"id-{account}")
        registry = EcrRegistry(settings(region=REGION), aws(ecr)).in_region(account, REGION, wanted)
        start.wait(60)
        registry.connect()
        token = registry.token()
        created = registry.admin.create("app", DesiredRepository())
        assert created is not None
        return registry.caller_account(), principal_of(token), created.account

    with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
        results = list(pool.map(run, ACCOUNTS))
    assert results == [
        (account, f"arn:aws:sts::{account}:assumed-role/push/ecr-tasks", account) for account in ACCOUNTS
    ]


def test_sixteen_destinations_of_one_run_at_once_mix_none(ecr: LocalEcr) -> None:
    """Also those that have the same role's name, and with one identity that fails."""
    own = EcrRegistry(settings(region=REGION), aws(ecr))
    own.connect()
    for account in ACCOUNTS:
        create_role(ecr.endpoint, account, "push", {"AWS": OTHER if account == ACCOUNTS[3] else HOME})
    registries = [
        own.in_region(account, REGION, Identity(f"arn:aws:iam::{account}:role/push")) for account in ACCOUNTS
    ]

    def ask(registry: EcrRegistry) -> str:
        try:
            return principal_of(registry.token())
        except AwsError as error:
            return error.cause

    with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
        answers = list(pool.map(ask, registries))
    failed = answers.pop(3)
    assert "may not be assumed" in failed
    rest = [account for account in ACCOUNTS if account != ACCOUNTS[3]]
    assert answers == [f"arn:aws:sts::{account}:assumed-role/push/ecr-tasks" for account in rest]
    assert principal_of(own.token()) == f"arn:aws:iam::{HOME}:user/local"


def test_identities_share_a_registrys_rate_limit_and_their_sessions(ecr: LocalEcr) -> None:
    own = aws(ecr)
    sessions = IdentitySessions(own)
    one, other = sessions.of(Identity(PUSH), REGION), sessions.of(replace(Identity(PUSH), external_id="x"), REGION)
    assert one.rate_limits is other.rate_limits is own.rate_limits
    assert sessions.of(Identity(PUSH), REGION) is one is not other


def test_ecr_public_by_a_role(ecr: LocalEcr) -> None:
    registry = EcrRegistry(settings(region=REGION), aws(ecr)).public("local", Identity(PUSH))
    assert isinstance(registry, PublicRegistry)
    registry.connect()
    assert ecr.requests()["AssumeRole"] == 1
