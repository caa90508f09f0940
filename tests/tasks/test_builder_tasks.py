"""Tests of the `builder` tasks on a command line: what ends before docker is asked."""

from __future__ import annotations

import os

import pytest

from tests.tasks.conftest import Project


@pytest.mark.parametrize("kind", ["pipe", "folder", "nothing"])
def test_what_is_no_tls_file_is_refused_before_docker_waits_for_it(project: Project, kind: str) -> None:
    folder = project.path / "certs"
    folder.mkdir()
    for name in ("cert.pem", "key.pem"):
        (folder / name).touch()
    if kind == "pipe":
        os.mkfifo(folder / "ca.pem")
    elif kind == "folder":
        (folder / "ca.pem").mkdir()
    result = project.inv("builder.create", "--node", "tcp://127.0.0.1:1", "--tls", "certs", "--dry")
    assert f"{folder / 'ca.pem'} is no file that can be read" in result.failed(2)
