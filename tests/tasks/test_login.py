"""Tests of `login` and `logout` on a command line."""

from __future__ import annotations

from tests.support.build import HOST
from tests.tasks.conftest import Project


def test_login_and_logout(project: Project) -> None:
    for name in ("login", "logout"):
        assert (project.inv(name).code, project.calls.named(name)) == (0, [(name, HOST)])
        assert (project.inv("--dry", name).code, project.calls.named(name)) == (0, [])
