"""The logins before a build: which host gets which token, and what is said where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event, Timer
from typing import Any, cast

import pytest

from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import AwsError, BuildError, EcrTasksError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.runner.registry_logins import RegistryLogins
from ecr_tasks.settings.load import load
from tests.support.build import HOST, REVISION_A, manifest
from tests.support.fakes import Calls, FakeDocker, FakeRegistry

OTHER = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
THIRD = "333333333333.dkr.ecr.us-east-1.amazonaws.com"
PUBLIC = "public.ecr.aws"
DIGEST = f"sha256:{'a' * 64}"
REFUSAL = AwsError("There are no AWS credentials to get a registry token with.", "Set AWS_PROFILE.")


class Registry(FakeRegistry):
    """Gives a token for each region, and one for ECR Public; regions in ``without_token`` give none."""

    def __init__(self) -> None:
        super().__init__(Calls())
        self.without_token: set[str] = set()
        self.host = HOST
        """The host that the tokens name."""

    def token(self, region: str | None = None) -> RegistryToken:
        token = super().token(region)
        if (region or "own") in self.without_token:
            raise REFUSAL
        return replace(token, password=region or "own", host=self.host)

    def public(self, alias: str) -> PublicRegistry:
        """Return ECR Public's registry."""
        return PublicRegistry(self)


class PublicRegistry:
    """Gives ECR Public's token."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def token(self) -> RegistryToken:
        """Return the token."""
        token = self._registry.token("public")
        return replace(token, host=PUBLIC if token.host == HOST else token.host)


class Builder:
    """Logs in for builds of a folder's Dockerfile."""

    def __init__(self, folder: Path, overrides: dict[str, str]) -> None:
        self.folder = folder
        self.registry = Registry()
        self.docker = FakeDocker(self.registry)
        settings = load(folder, environ={}, overrides=overrides)
        self.logins = RegistryLogins(settings, cast("Any", self.registry), cast("Any", self.docker))

    def engine(self) -> Engine:
        """Return the facts about the engine."""
        return self.docker.engine(None)

    def log_in(self, dockerfile: str, **options: Any) -> dict[str, str]:
        """Log in for a build; return the passwords by host."""
        (self.folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        self.logins.log_in_for_builds([BuildDefinition(str(self.folder), **options)], self.engine)
        return {token.host: token.password for token in self.docker.authorized}


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path, {})


@pytest.fixture
def local(tmp_path: Path) -> Builder:
    """Return a builder whose ECR is a local one."""
    builder = Builder(tmp_path, {"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:4510"})
    builder.registry.host = "127.0.0.1:4510"
    return builder


def test_each_host_gets_a_token_of_its_region_and_each_is_fetched_once(builder: Builder) -> None:
    dockerfile = f"FROM {HOST}/a\nCOPY --from={OTHER}/b / /\nCOPY --from={OTHER}/c / /\nCOPY --from={PUBLIC}/d / /\n"
    expected = {HOST: "eu-central-1", OTHER: "us-east-1", PUBLIC: "public"}
    assert builder.log_in(dockerfile) == expected
    assert builder.log_in(dockerfile, cache_to=(f"type=registry,ref={THIRD}/cache",)) == {
        **expected,
        THIRD: "us-east-1",
    }
    assert len(builder.docker.authorized) == 4


def test_other_registries_get_no_token(builder: Builder) -> None:
    dockerfile = "FROM alpine\nCOPY --from=ghcr.io/a/b / /\nCOPY --from=127.0.0.1:5000/a / /\nCOPY --from=a.b/c / /\n"
    assert builder.log_in(dockerfile) == {}
    assert builder.registry.calls.named("token") == []


def test_without_a_token_the_build_goes_on_with_a_warning(
    builder: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    builder.registry.without_token.add("us-east-1")
    for _ in range(2):
        assert builder.log_in(f"FROM {OTHER}/a\nCOPY --from={HOST}/b / /\n") == {HOST: "eu-central-1"}
    stderr = capsys.readouterr().err
    assert stderr.count(OTHER) == 1
    assert REFUSAL.cause in stderr
    failure = BuildError(f"The build failed: {OTHER}/a: unexpected status 401 Unauthorized.", "Check it.")
    explained = builder.logins.explain(failure)
    assert isinstance(explained, AwsError)
    assert OTHER in explained.cause
    assert explained.remedy == REFUSAL.remedy


@pytest.mark.parametrize(
    "cause",
    [
        f"{HOST}/a: unexpected status: 401 Unauthorized.",
        f"{OTHER}/a: not found.",
        f'process "/bin/sh -c curl {OTHER} # 401" did not complete successfully: exit code: 1.',
    ],
)
def test_other_failures_are_not_for_lack_of_a_token(builder: Builder, cause: str) -> None:
    builder.registry.without_token.add("us-east-1")
    builder.log_in(f"FROM {OTHER}/a\nCOPY --from={HOST}/b / /\n")
    failure = BuildError(cause, "Check it.")
    assert builder.logins.explain(failure) is failure


def test_an_image_that_is_here_needs_no_token_and_no_word(
    builder: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    builder.registry.without_token |= {"us-east-1", "public"}
    for reference in (f"{OTHER}/a", f"{PUBLIC}/b"):
        builder.docker.store[reference] = manifest("base", REVISION_A)
    assert builder.log_in(f"FROM {OTHER}/a\nCOPY --from={PUBLIC}/b / /\n") == {}
    assert capsys.readouterr().err == ""
    assert builder.registry.calls.named("token") == []
    builder.log_in(f"FROM {OTHER}/a\n", extra={"pull": True})
    assert OTHER in capsys.readouterr().err


def test_a_locked_image_needs_a_token_unless_the_store_has_that_one(builder: Builder) -> None:
    locked = f"{OTHER}/a:1@{DIGEST}"
    bases = {f"{OTHER}/a:1": f"docker-image://{locked}"}
    builder.docker.store |= dict.fromkeys((f"{OTHER}/a:1", locked), manifest("base", REVISION_A))
    assert builder.log_in(f"FROM {OTHER}/a:1\n", bases=bases) == {}
    del builder.docker.store[locked]
    assert builder.log_in(f"FROM {OTHER}/a:1\n", bases=bases) == {OTHER: "us-east-1"}


def test_a_base_that_a_mirror_gives_needs_the_mirrors_token(builder: Builder) -> None:
    bases = {"a:1": f"docker-image://{OTHER}/hub/library/a:1@{DIGEST}"}
    assert builder.log_in("FROM a:1\n", bases=bases) == {OTHER: "us-east-1"}


@pytest.mark.parametrize("dockerfile", [f"# syntax={OTHER}/a\nFROM scratch\n", "FROM scratch\n"])
def test_a_frontend_and_a_cache_are_not_taken_from_the_store(builder: Builder, dockerfile: str) -> None:
    builder.docker.store[f"{OTHER}/a"] = manifest("base", REVISION_A)
    cache = () if OTHER in dockerfile else (f"type=registry,ref={OTHER}/a",)
    assert builder.log_in(dockerfile, cache_from=cache)[OTHER] == "us-east-1"


def test_another_builder_takes_nothing_from_the_store(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    builder.docker.store[f"{OTHER}/a"] = manifest("base", REVISION_A)
    other = replace(builder.engine(), driver="docker-container")
    monkeypatch.setattr(builder, "engine", lambda: other)
    assert builder.log_in(f"FROM {OTHER}/a\n") == {OTHER: "us-east-1"}


def test_localstacks_registries_take_its_tokens(tmp_path: Path) -> None:
    builder = Builder(tmp_path, {"AWS_ENDPOINT_URL_ECR": "http://localhost.localstack.cloud:4566"})
    domain = "localhost.localstack.cloud:4566"
    host, other = (f"000000000000.dkr.ecr.{region}.{domain}" for region in ("us-east-1", "eu-west-1"))
    builder.registry.host = host
    evil = "000000000000.dkr.ecr.us-east-1.evil.example"
    assert builder.log_in(f"FROM {host}/a\nCOPY --from={other}/b / /\nCOPY --from={evil}/c / /\n") == {
        host: "us-east-1",
        other: "eu-west-1",
    }


def test_without_a_token_the_public_registry_is_read_anonymously_with_a_calm_word(
    builder: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    builder.registry.without_token.add("public")
    assert builder.log_in(f"FROM {PUBLIC}/a\n") == {}
    stderr = capsys.readouterr().err
    assert "without a login" in stderr
    assert "warning" not in stderr


def test_what_cant_be_worked_out_may_be_in_the_settings_registry(
    builder: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert builder.log_in("FROM scratch\nCOPY --from=$X / /\n") == {HOST: "own"}
    builder.docker.authorized.clear()
    builder.registry.without_token.add("own")
    builder.logins.log_in_for_builds([BuildDefinition("https://git.example.com/a.git")], builder.engine)
    assert capsys.readouterr().err == ""
    failure = BuildError(f"The build failed: {HOST}/a: 401 Unauthorized.", "Check it.")
    assert REFUSAL.cause in builder.logins.explain(failure).cause
    failure = BuildError("The build failed: ghcr.io/a/b: 401 Unauthorized.", "Check it.")
    assert builder.logins.explain(failure) is failure


def test_a_file_from_an_address_needs_no_login(builder: Builder) -> None:
    assert builder.log_in("FROM scratch\nADD https://example.com/a /\n") == {}


def test_a_local_ecrs_token_is_not_sent_to_aws(local: Builder) -> None:
    dockerfile = f"FROM {OTHER}/a\nCOPY --from={PUBLIC}/b / /\nCOPY --from=127.0.0.1:4510/c / /\n"
    assert local.log_in(dockerfile) == {"127.0.0.1:4510": "own"}


def test_an_aws_token_is_not_sent_to_a_host_that_looks_local(builder: Builder) -> None:
    assert builder.log_in("FROM 000000000000.dkr.ecr.us-east-1.localhost.localstack.cloud:4566/a\n") == {}


def test_the_error_of_the_digests_is_the_missing_token(builder: Builder) -> None:
    builder.registry.without_token.add("us-east-1")
    errors: dict[str, EcrTasksError] = builder.logins.log_in([f"{OTHER}/a", f"{HOST}/b", "alpine"])
    assert errors == {f"{OTHER}/a": REFUSAL}


def test_other_registries_get_the_login_of_their_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logins = "ghcr.io=secretsmanager:a,docker.io=secretsmanager:b,quay.io=secretsmanager:c"
    builder = Builder(tmp_path, {"ECR_REGISTRY_LOGINS": logins})
    asked: list[tuple[str, str]] = []

    def login_from_secret(host: str, secret: str) -> RegistryToken:
        asked.append((host, secret))
        if host == "quay.io":
            raise REFUSAL
        return RegistryToken(host, "me", f"password of {secret}")

    builder.registry.login_from_secret = login_from_secret  # type: ignore[attr-defined]
    dockerfile = "FROM alpine\nCOPY --from=ghcr.io/a/b / /\nCOPY --from=r.example/a / /\n"
    expected = {"docker.io": "password of b", "ghcr.io": "password of a"}
    assert builder.log_in(dockerfile) == expected
    assert builder.log_in(dockerfile) == expected
    assert sorted(asked) == [("docker.io", "b"), ("ghcr.io", "a")]  # each once, and none that is not needed
    builder.log_in("FROM quay.io/a/b\n")
    assert f"No token of ours for quay.io, only what docker has by itself: {REFUSAL.cause}" in capsys.readouterr().err
    explained = builder.logins.explain(BuildError("quay.io/a/b: 401 Unauthorized", "Log in."))
    assert REFUSAL.cause in explained.cause
    refused = builder.logins.explain(BuildError("ghcr.io/a/b: 403 Forbidden", "Log in."))
    assert (refused.cause, "the secret a (ECR_REGISTRY_LOGINS)" in refused.remedy) == (
        "ghcr.io/a/b: 403 Forbidden",
        True,
    )


def test_a_build_that_may_read_more_gets_every_login(tmp_path: Path) -> None:
    builder = Builder(tmp_path, {"ECR_REGISTRY_LOGINS": "ghcr.io=secretsmanager:a"})
    builder.registry.login_from_secret = (  # type: ignore[attr-defined]
        lambda host, secret: RegistryToken(host, "me", secret)
    )
    assert builder.log_in("ARG B\nFROM $B\n")["ghcr.io"] == "a"


def test_a_thread_goes_on_when_docker_has_the_token_that_another_one_asks_for(builder: Builder) -> None:
    asked, given = Event(), Event()
    token = builder.registry.token

    def slow_token(region: str | None = None) -> RegistryToken:
        asked.set()
        assert given.wait(60)
        return token(region)

    def log_in() -> list[str]:
        builder.logins.log_in([f"{HOST}/hub/library/busybox:1"])
        return [item.host for item in builder.docker.authorized]

    builder.registry.token = slow_token  # type: ignore[method-assign]
    first = begin(log_in)
    assert asked.wait(60)
    second = begin(log_in)
    Timer(0.2, given.set).start()
    assert (first(), second()) == ([HOST], [HOST])
