"""Tests of `login` and `logout` on a command line."""

from __future__ import annotations

import json

import pytest

from tests.support.build import HOST
from tests.tasks.conftest import Project


def test_login_and_logout(project: Project) -> None:
    for name in ("login", "logout"):
        assert (project.inv(name).code, project.calls.named(name)) == (0, [(name, HOST)])
        assert (project.inv("--dry", name).code, project.calls.named(name)) == (0, [])


@pytest.mark.parametrize("host", [HOST, f"https://{HOST}/v1/"])
def test_login_says_that_docker_prefers_the_variables_login(
    project: Project, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {host: {"auth": "c3RhbGU="}}}))
    assert "docker will not use it" in project.inv("login").stderr
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {"other.example": {"auth": "c3RhbGU="}}}))
    assert "docker will not use it" not in project.inv("login").stderr
