"""The docker commands that create a builder, and what is refused before any of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.builder import Builder, Node, WantedBuilder
from ecr_tasks.plan.builder import create_commands, differences, lacking_platforms, tls_files, wanted_builder

HOME = Path("/home/me")
CERTS = Path("/certs")


def wanted(driver: str, *nodes: str, options: Sequence[str] = (), tls: Path | None = None) -> WantedBuilder:
    return wanted_builder("multi", driver, nodes, options, tls, None)


def commands(builder: WantedBuilder, **environ: str) -> list[str]:
    return [" ".join(command) for command in create_commands(builder, environ, HOME)]


def test_a_node_by_ssh_stands_beside_the_engine_that_docker_uses() -> None:
    builder = wanted("docker-container", "arm64,linux/arm/v7=ssh://me@arm", options=["network=host"])
    assert commands(builder) == [
        "buildx create --name multi --node multi0 --driver docker-container --driver-opt network=host",
        "buildx create --name multi --node multi1 --driver docker-container --append"
        " --platform linux/arm64,linux/arm/v7 --driver-opt network=host ssh://me@arm",
    ]


def test_a_node_with_tls_files_is_a_docker_context() -> None:
    _, context, create = commands(wanted("docker-container", "tcp://arm:2376", tls=CERTS))
    assert create.endswith("--append multi-node1")
    assert context == (
        "context create multi-node1 --docker "
        "host=tcp://arm:2376,ca=/certs/ca.pem,cert=/certs/cert.pem,key=/certs/key.pem"
    )


def test_the_engines_own_tls_of_the_environment_becomes_a_context() -> None:
    environ = {"DOCKER_HOST": "tcp://docker:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs/client"}
    context, create = commands(wanted("docker-container"), **environ)
    assert context.endswith(
        "host=tcp://docker:2376,ca=/certs/client/ca.pem,cert=/certs/client/cert.pem,key=/certs/client/key.pem"
    )
    assert create.endswith(" multi-node0")
    del environ["DOCKER_CERT_PATH"]
    assert "ca=/home/me/.docker/ca.pem" in commands(wanted("docker-container"), **environ)[0]


def test_a_remote_buildkit_gets_the_tls_files_as_options() -> None:
    (create,) = commands(wanted("remote", "linux/arm64=tcp://far:1234", tls=CERTS))
    assert create == (
        "buildx create --name multi --node multi0 --driver remote --platform linux/arm64 --driver-opt "
        "cacert=/certs/ca.pem --driver-opt cert=/certs/cert.pem --driver-opt key=/certs/key.pem tcp://far:1234"
    )


def test_pods_have_a_platform_and_no_address() -> None:
    options = ["namespace=build"]
    assert commands(wanted("kubernetes", options=options)) == [
        "buildx create --name multi --node multi0 --driver kubernetes --driver-opt namespace=build"
    ]
    first, second = commands(wanted("kubernetes", "linux/amd64=", "linux/arm64=", options=options))
    assert "--platform linux/amd64" in first
    assert "--append --platform linux/arm64" in second


def test_an_equals_sign_in_an_address_begins_no_platform() -> None:
    (node,) = wanted("remote", "kube-pod://buildkit-0?namespace=build").nodes
    assert (node.address, node.platforms) == ("kube-pod://buildkit-0?namespace=build", ())


@pytest.mark.parametrize(
    ("driver", "nodes", "options", "tls", "words"),
    [
        ("podman", (), (), None, "'podman' is no driver"),
        ("docker", (), (), None, "'docker' is no driver"),
        ("remote", (), (), None, "needs an address"),
        ("remote", ("far",), (), None, "'far' is no address"),
        ("remote", ("ssh://me@far",), (), None, "no address for this driver"),
        ("remote", ("tcp://",), (), None, "no address for this driver"),
        ("remote", ("tcp://far",), (), None, "no address for this driver"),
        ("docker-container", ("tcp://far:99999",), (), None, "no address for this driver"),
        ("docker-container", ("tcp://[::1",), (), None, "no address for this driver"),
        ("docker-container", ("ssh://-oProxyCommand=x",), (), None, "no address for this driver"),
        ("docker-container", ("ssh://far", "linux/arm64=ssh://far"), (), None, "--node ssh://far is there twice"),
        ("docker-container", ("x" * 200,), (), None, "is no address"),
        ("docker-container", ("kube-pod://x",), (), None, "no address for this driver"),
        ("docker-container", ("nowhere/arm64=ssh://me@arm",), (), None, "'nowhere/arm64' is no platform"),
        ("docker-container", ("linux/arm64=",), (), None, "has no address"),
        ("docker-container", ("ssh://me:secret@arm",), (), None, "must not contain a password"),
        ("docker-container", ("ssh://me:sec/ret@arm",), (), None, "must not contain a password"),
        ("docker-container", ("me:secret@arm",), (), None, "must not contain a password"),
        ("docker-container", ("linux/arm64=me:secret@arm",), (), None, "must not contain a password"),
        ("docker-container", ("nowhere/arm64=ssh://me:secret@arm",), (), None, "must not contain a password"),
        ("kubernetes", ("me:secret@pod",), (), None, "must not contain a password"),
        ("docker-container", (), ("network",), None, "--option 'network' has no value"),
        ("docker-container", ("ssh://me@arm",), (), CERTS, "--tls is for a node with a tcp:// address"),
        ("kubernetes", ("tcp://pod",), (), None, "pods have no address"),
    ],
)
def test_what_can_be_no_builder_is_refused(
    driver: str, nodes: Sequence[str], options: Sequence[str], tls: Path | None, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        wanted_builder("multi", driver, nodes, options, tls, None)


@pytest.mark.parametrize("name", ["default", "", "1st", "a b", "a/b", "a" * 129])
def test_a_name_that_buildx_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="can't be the name"):
        wanted_builder(name, "kubernetes", (), (), None, None)


def test_a_builder_that_is_there_is_compared_with_the_wanted_one() -> None:
    asked = wanted("docker-container", "linux/arm64=tcp://arm:2376", options=["network=host"], tls=CERTS)
    here = Node("multi0", "unix:///var/run/docker.sock", options={"network": "host"}, platforms=("linux/amd64",))
    arm = Node("multi1", "tcp://arm:2376", options={"network": "host"}, platforms=("linux/arm64*", "linux/arm/v7"))
    assert differences(asked, Builder("multi", "docker-container", (here, arm))) == []
    assert differences(asked, Builder("multi", "remote", (here, arm))) == ["its driver is remote"]
    assert differences(asked, Builder("multi", "docker-container", (here,))) == ["it has 1 node"]
    other = Node("multi1", "ssh://me@other")
    assert differences(asked, Builder("multi", "docker-container", (here, other))) == [
        "its node multi1 is ssh://me@other",
        "its node multi1 is for what it offers",
        "its node multi1 has network=",
    ]


def test_a_node_with_other_tls_files_is_another_one() -> None:
    asked, mine, others = wanted("remote", "tcp://far:1", tls=CERTS), ("ca", "cert", "key"), ("ca", "cert", "other")
    assert tls_files(asked) == ("/certs/ca.pem", "/certs/cert.pem", "/certs/key.pem")
    by_option = wanted("remote", "tcp://far:1", options=["cacert=/certs/ca.pem"])
    assert tls_files(by_option) == ("/certs/ca.pem", "", "")

    def there(tls: tuple[str, ...]) -> Builder:
        return Builder("multi", "remote", (Node("multi0", "tcp://far:1", tls=tls),))

    assert differences(asked, there(mine), mine) == []
    assert differences(asked, there(others), mine) == ["its node multi0 has other TLS files"]
    assert differences(asked, there(()), mine) == ["its node multi0 has no TLS files"]
    assert differences(wanted("remote", "tcp://far:1"), there(mine)) == ["its node multi0 has TLS files"]
    by_path = Builder("multi", "remote", (Node("multi0", "unix:///run/buildkitd.sock"),))
    assert differences(wanted("remote", "unix:///run/buildkitd.sock"), by_path) == []


def test_a_planned_platform_that_no_node_has_is_named_once_all_have_answered() -> None:
    amd = Node("a", "x", platforms=("linux/amd64/v2", "linux/386"))
    planned = ["linux/amd64", "arm64", "linux/arm64", "local"]
    assert lacking_platforms(planned, Builder("multi", "remote", (amd,))) == ("linux/arm64",)
    assert lacking_platforms(planned, Builder("multi", "remote", (amd, Node("b", "y")))) == ()
    assert (
        lacking_platforms(planned, Builder("multi", "remote", (amd, Node("b", "y", platforms=("linux/arm64*",)))))
        == ()
    )
