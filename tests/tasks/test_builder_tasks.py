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
    assert "--tls 'certs' has no file ca.pem that can be read" in result.failed(2)


@pytest.mark.parametrize("text", ["x" * 5000, "~nobody-of-this-name/x", "loop/x", "\udcff"])
def test_what_is_no_path_is_refused_with_what_to_name(project: Project, text: str) -> None:
    (project.path / "loop").symlink_to("loop")
    for flag, named in (("--tls", "Name a folder with ca.pem"), ("--config", "Name a buildkitd.toml")):
        error = project.inv("builder.create", "--node", "tcp://127.0.0.1:1", flag, text, "--dry").failed(2)
        assert (named in error, len(error) < 500) == (True, True)


def test_no_architecture_is_nothing_to_emulate(project: Project) -> None:
    assert "--emulate ',' names no architecture." in project.inv("builder.create", "--emulate", ",", "--dry").failed(
        2
    )
