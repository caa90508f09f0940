"""What docker's answers say of the engine, buildx and the builder; the answers are those of real programs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.docker import machine as module
from ecr_tasks.clients.docker.machine import LocalMachine
from ecr_tasks.errors import BuildError

INFO: dict[str, Any] = {
    "ServerVersion": "28.5.2",
    "OSType": "linux",
    "Architecture": "x86_64",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "Name": "vm",
    "DockerRootDir": "/var/lib/docker",
    "SystemTime": "2026-11-26T18:51:17.137188557Z",
    "ClientInfo": {"Version": "28.5.1"},
}
OWN = """Name:          default
Driver:        docker
Last Activity: 2026-11-26 18:42:55 +0000 UTC

Nodes:
Name:             default
Endpoint:         default
Status:           running
BuildKit version: v0.25.1
Platforms:        linux/amd64, linux/amd64/v2, linux/arm64
"""
STOPPED = """Name:          multi
Driver:        docker-container
Last Activity: 2026-11-26 18:42:55 +0000 UTC

Nodes:
Name:     multi0
Endpoint: unix:///var/run/docker.sock
Status:   stopped
"""
HOST_NETWORK = """Name:   multi
Driver: docker-container

Nodes:
Name:                  multi0
Endpoint:              unix:///var/run/docker.sock
Driver Options:        network="host"
Status:                running
Platforms:             linux/amd64*, linux/arm64
"""
DOWN = """Name:   far
Driver: remote

Nodes:
Name:      far0
Endpoint:  tcp://10.0.0.1:1234
Error:     failed to list workers: Unavailable: connection error
"""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return docker's answers by the first words of the command."""
    found = {"info": json.dumps(INFO), "context show": "default", "context inspect": "unix:///var/run/docker.sock"}

    def ask(action: str, *arguments: str, seconds: float) -> str:
        return next(text for words, text in found.items() if " ".join(arguments).startswith(words))

    monkeypatch.setattr(module, "ask", ask)
    return found


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    return LocalMachine({"PATH": os.environ["PATH"]}, tmp_path)


def test_the_engine_is_known_by_its_versions_and_its_clock(answers: dict[str, str], machine: LocalMachine) -> None:
    found = machine.engine()
    assert (found.server, found.client, found.is_here) == ("28.5.2", "28.5.1", True)
    assert found.clock is not None
    assert found.clock.isoformat() == "2026-11-26T18:51:17+00:00"


@pytest.mark.parametrize(
    ("changes", "context"),
    [
        (
            {"OperatingSystem": "Docker Desktop", "Name": "docker-desktop"},
            "unix:///home/me/.docker/desktop/docker.sock",
        ),
        ({"Name": "colima"}, "unix:///home/me/.colima/docker.sock"),
        ({}, "tcp://10.0.0.1:2376"),
        ({}, "ssh://me@builder"),
    ],
)
def test_an_engine_in_another_machine_is_not_here(
    answers: dict[str, str], machine: LocalMachine, changes: dict[str, str], context: str
) -> None:
    answers |= {"info": json.dumps({**INFO, **changes}), "context inspect": context}
    found = machine.engine()
    assert not found.is_here
    assert "docker's disk" not in [folder.purpose for folder in machine.folders(found)]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            json.dumps(
                {"ServerErrors": ["Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon"]}
            ),
            "No Docker engine answers at unix:///x.sock.",
        ),
        (json.dumps({"ServerVersion": ""}), "No Docker engine answers."),
        (json.dumps({"host": {"arch": "amd64"}, "version": {"Version": "4.3.1"}}), "is not Docker's own client"),
        ("podman says something else", "its answer can't be read"),
    ],
)
def test_what_is_no_engine_is_an_error(answers: dict[str, str], machine: LocalMachine, text: str, cause: str) -> None:
    answers["info"] = text
    with pytest.raises(BuildError) as raised:
        machine.engine()
    assert cause in raised.value.cause


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4", "0.29.1+ds1"),
        ("github.com/docker/buildx v0.12.0 542e5d810e4a1a155684f5f3c5bd7e797632a12f", "0.12.0"),
        ("github.com/docker/buildx v0.17.1-desktop.1 abc", "0.17.1-desktop.1"),
    ],
)
def test_buildx_has_a_version(answers: dict[str, str], machine: LocalMachine, text: str, version: str) -> None:
    answers["buildx version"] = text
    assert machine.buildx_version() == version


def test_builders_have_a_state_platforms_and_a_network(answers: dict[str, str], machine: LocalMachine) -> None:
    machine.engine()
    answers["buildx inspect"] = OWN
    own = machine.builder(None)
    assert (own.status, own.shares_network, own.error) == ("running", True, "")
    assert own.engine.platforms == ("linux/amd64", "linux/amd64/v2", "linux/arm64")
    answers["buildx inspect"] = STOPPED
    stopped = machine.builder("multi")
    assert (stopped.status, stopped.shares_network, stopped.engine.platforms) == ("stopped", False, ())
    answers["buildx inspect"] = HOST_NETWORK
    shared = machine.builder("multi")
    assert (shared.status, shared.shares_network) == ("running", True)
    assert shared.engine.platforms == ("linux/amd64", "linux/arm64")
    answers["buildx inspect"] = DOWN
    assert machine.builder("far").error == "failed to list workers: Unavailable: connection error"


def test_a_context_in_place_of_a_builder_is_an_error(answers: dict[str, str], machine: LocalMachine) -> None:
    machine.engine()
    answers["buildx inspect"] = OWN.replace("default", "other")
    with pytest.raises(BuildError):
        machine.builder("other")


def test_a_temporary_folder_that_is_not_there_has_another_in_its_place(tmp_path: Path) -> None:
    environ = {"TMPDIR": str(tmp_path / "nowhere")}
    (temporary, of_project) = LocalMachine(environ, tmp_path).folders(None)
    assert temporary.trouble == "No such file or directory"
    assert temporary.instead is not None
    assert (of_project.trouble, of_project.free_bytes > 0) == ("", True)


def test_a_receipts_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    machine = LocalMachine({"PATH": os.environ["PATH"]}, tmp_path)
    own = tmp_path / ".ecr-tasks"
    own.mkdir()
    assert (machine.folders(None)[-1].path, machine.folders(None)[-1].trouble) == (own, "")
    own.rmdir()
    own.write_text("")
    assert (machine.folders(None)[-1].path, machine.folders(None)[-1].trouble) == (own, "Not a directory")
