"""The fixture that users of ecr-tasks import into their own tests."""

from __future__ import annotations

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr


def test_boto3_finds_it_by_the_environment(local_ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in local_ecr.environment().items():
        monkeypatch.setenv(name, value)
    assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
    made = boto3.client("ecr").create_repository(repositoryName="app")["repository"]
    assert made["repositoryUri"] == f"{local_ecr.registry}/app"
    assert local_ecr.requests() == {"CreateRepository": 1, "GetCallerIdentity": 1}


def test_each_test_has_its_own(local_ecr: LocalEcr) -> None:
    assert local_ecr.requests() == {}
    assert local_ecr.registry.startswith("127.0.0.1:")
