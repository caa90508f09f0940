"""What buildx's answers say of builders, and what a creation that fails leaves behind: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.clients.docker import builders as module
from ecr_tasks.clients.docker.builders import Builders
from ecr_tasks.errors import BuildError
from ecr_tasks.plan.builder import wanted_builder

TWO_NODES = """Name:          multi
Driver:        docker-container
Last Activity: 2026-11-26 18:42:55 +0000 UTC

Nodes:
Name:                  multi0
Endpoint:              unix:///var/run/docker.sock
Driver Options:        image="mirror/buildkit:1" network="host"
Status:                running
BuildKit daemon flags: --allow-insecure-entitlement=network.host
BuildKit version:      v0.25.1
Platforms:             linux/amd64, linux/amd64/v2
Labels:
 org.mobyproject.buildkit.worker.executor:         oci
GC Policy rule#0:
 All:            false

Name:                  multi1
Endpoint:              multi-node1
Status:                running
Platforms:             linux/arm64*, linux/arm/v7
"""
GONE = """Name:   multi
Driver: remote

Nodes:
Name:     multi0
Endpoint: tcp://10.0.0.1:1234
Error:    failed to list workers: Unavailable: connection error
"""
WANTED = wanted_builder("multi", "docker-container", ["linux/arm64=tcp://arm:2376"], [], Path("/certs"), None)


class Asked:
    """Stands for docker: it knows its answers by the first words of a command, and the commands that were run."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.answers: dict[str, str | BuildError] = {}

    def __call__(self, action: str, *arguments: str, seconds: float) -> str:
        line = " ".join(arguments)
        self.commands.append(line)
        answer = next((text for words, text in self.answers.items() if line.startswith(words)), "")
        if isinstance(answer, BuildError):
            raise answer
        return answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    monkeypatch.setattr(module, "ask", asked)
    return asked


def test_the_nodes_of_a_builder_are_read(asked: Asked) -> None:
    asked.answers["buildx inspect"] = TWO_NODES
    builder = Builders({}).find("multi")
    assert builder is not None
    first, second = builder.nodes
    assert (builder.name, builder.driver) == ("multi", "docker-container")
    assert (first.endpoint, first.status, first.version) == ("unix:///var/run/docker.sock", "running", "v0.25.1")
    assert first.options == {"image": "mirror/buildkit:1", "network": "host"}
    assert second.platforms == ("linux/arm64*", "linux/arm/v7")
    assert builder.platforms == ("linux/amd64", "linux/amd64/v2", "linux/arm64", "linux/arm/v7")


def test_a_missing_builder_is_told_from_an_engine_that_is_missing(asked: Asked) -> None:
    asked.answers["buildx inspect"] = BuildError("There is no builder or docker context multi.", "")
    assert Builders({}).find("multi") is None
    asked.answers["buildx inspect"] = BuildError("No Docker engine answers.", "")
    with pytest.raises(BuildError, match="No Docker engine"):
        Builders({}).find("multi")


def test_a_builder_that_can_not_be_started_leaves_nothing_behind(asked: Asked) -> None:
    asked.answers["buildx inspect --bootstrap"] = BuildError("The builder can't be started: no image.", "")
    with pytest.raises(BuildError, match="no image"):
        Builders({}).create(WANTED)
    assert asked.commands[-2:] == ["buildx rm multi", "context rm --force multi-node1"]


def test_a_node_that_can_not_be_added_takes_the_others_with_it(asked: Asked) -> None:
    asked.answers["context create"] = BuildError("docker can't read the TLS file.", "")
    with pytest.raises(BuildError, match="TLS"):
        Builders({}).create(WANTED)
    assert asked.commands[-1] == "buildx rm multi"


def test_a_builder_of_which_nothing_was_made_is_not_removed(asked: Asked) -> None:
    asked.answers["buildx create"] = BuildError("existing instance", "")
    with pytest.raises(BuildError, match="existing"):
        Builders({}).create(WANTED)
    assert len(asked.commands) == 1


def test_a_node_that_is_gone_is_named(asked: Asked) -> None:
    asked.answers["buildx inspect"] = GONE
    with pytest.raises(BuildError, match=r"multi0 of the builder multi \(tcp://10.0.0.1:1234\) does not answer"):
        Builders({}).start(WANTED)


@pytest.mark.parametrize("remedy", ["Correct DOCKER_HOST.", "Choose another builder with ECR_BUILDER."])
@pytest.mark.parametrize("failing", ["context create", "buildx inspect --bootstrap"])
def test_a_remedy_is_for_the_address_that_was_given(asked: Asked, remedy: str, failing: str) -> None:
    asked.answers[failing] = BuildError("No Docker engine answers.", remedy)
    with pytest.raises(BuildError, match="No Docker engine answers") as error:
        Builders({}).create(WANTED)
    assert error.value.remedy == "Start what listens at tcp://arm:2376, or correct --node and --tls."
    asked.answers["buildx inspect --bootstrap"] = BuildError("No Docker engine answers.", remedy)
    with pytest.raises(BuildError) as error:  # of the engine that docker uses by itself
        Builders({}).start(wanted_builder("own", "docker-container", [], [], None, None))
    assert error.value.remedy == remedy


def test_the_contexts_of_its_nodes_go_with_a_builder(asked: Asked) -> None:
    asked.answers["buildx inspect"] = TWO_NODES
    builder = Builders({}).find("multi")
    assert builder is not None
    assert Builders({}).remove(builder, keep_cache=True) == ["multi-node1"]
    assert asked.commands[1:] == ["buildx rm --keep-state multi", "context rm --force multi-node1"]


@pytest.mark.parametrize("name", ["-x", "--bootstrap"])
def test_a_name_that_buildx_would_take_for_a_flag_is_no_builder(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    asked = Asked()
    asked.answers["buildx inspect"] = TWO_NODES  # what buildx says of its current builder
    monkeypatch.setattr(module, "ask", asked)
    assert Builders({}).find(name) is None
    assert asked.commands == []
