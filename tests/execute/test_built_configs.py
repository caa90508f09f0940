"""Tests of what is read of images that a builder keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import BuildError
from ecr_tasks.execute.built_configs import built_configs
from ecr_tasks.model.image_config import ImageConfig
from ecr_tasks.model.receipt import Built
from tests.support.build import digest
from tests.support.fakes.calls import Calls
from tests.support.fakes.docker import FakeDocker
from tests.support.fakes.registry import FakeRegistry

PLATFORM = "linux/arm64"
KEPT = Built("app", None, digest("index"), None, (PLATFORM,), "builder", 1.0, manifests={PLATFORM: digest("arm64")})


def read(
    monkeypatch: pytest.MonkeyPatch, failures: int, record: str = "beside/beside0/abc"
) -> tuple[list[ImageConfig], list[str]]:
    """Read the configurations of a builder that fails so many times; return them with the warnings."""
    docker, warnings, asked = FakeDocker(FakeRegistry(Calls())), list[str](), list[str]()

    def builder_config(manifest: str, record: str) -> ImageConfig:
        asked.append(record)
        if len(asked) <= failures:
            raise BuildError("docker could not read: NotFound.", "See its output.")
        return docker.config

    monkeypatch.setattr(docker, "builder_config", builder_config)
    built = replace(KEPT, records={PLATFORM: record} if record else {})
    retrier = Retrier(sleep=lambda seconds: False)
    return built_configs([built], docker, retrier, warnings.append)["app"], warnings


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_builder_that_fails_is_asked_once_more(failures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    configs, warnings = read(monkeypatch, failures)
    assert (len(configs), warnings) == (1, [])


def test_one_that_shows_nothing_is_asked_for_the_others_once(monkeypatch: pytest.MonkeyPatch) -> None:
    docker, asked = FakeDocker(FakeRegistry(Calls())), list[str]()

    def builder_config(manifest: str, record: str) -> ImageConfig:
        asked.append(record)
        raise BuildError("docker could not read: NotFound.", "See its output.")

    monkeypatch.setattr(docker, "builder_config", builder_config)
    monkeypatch.setattr("ecr_tasks.execute.built_configs._WORKERS", 1)
    builds = [replace(KEPT, name=name, records={PLATFORM: name}) for name in ("a", "b", "c")]
    built_configs(builds, docker, Retrier(sleep=lambda seconds: False), lambda line: None)
    assert asked == ["a", "a", "a", "b", "c"]


def test_what_cannot_be_read_is_named_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    configs, (warning,) = read(monkeypatch, 3)
    assert configs == []
    assert warning == (
        "app: the configuration of linux/arm64 was not looked at for secrets. docker could not read: NotFound."
    )


def test_a_build_without_a_record_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    configs, (warning,) = read(monkeypatch, 3, record="")
    assert configs == []
    assert warning.endswith("was not looked at for secrets. Docker doesn't give it.")
