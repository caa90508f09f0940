"""Tests of engines and builders on other machines: TCP with TLS, docker contexts, ssh, and a BuildKit's address."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.builders import Builders, tls_digests
from ecr_tasks.clients.docker.unreached_builder import trouble_of
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.builder import Builder, Node, WantedBuilder
from ecr_tasks.plan.builder import TLS_FILES, create_commands, differences, tls_files, wanted_builder
from tests.engine.buildkit import buildkit_address
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.local_ecr.http_client import HttpClient
from tests.support.inv import PATIENT

TLS_NAMES = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


@pytest.fixture
def app(tmp_path: Path, tls_engine: dict[str, str], local_ecr: LocalEcr) -> Project:
    """Return a project whose docker uses the engine behind TLS, and whose docker configuration is its own."""
    config = tmp_path / "docker"
    # Without what other tests write there at this moment.
    shutil.copytree(tls_engine["DOCKER_CONFIG"], config, symlinks=True, ignore=shutil.ignore_patterns("buildx"))
    environ = {**tls_engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    environ |= {"DOCKER_CONFIG": str(config), "BUILDX_CONFIG": str(tmp_path / "buildx")}
    return project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")


def repositories(local_ecr: LocalEcr) -> list[object]:
    """Return the repositories of the local ECR."""
    found: list[object] = HttpClient.logged_in(local_ecr).api("DescribeRepositories", {}).json()["repositories"]
    return found


def test_an_engine_by_tcp_with_tls_builds_and_pushes(app: Project, local_ecr: LocalEcr, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    refused = app.inv("build", "push", DOCKER_CERT_PATH=str(tmp_path / "none"))
    assert (refused.code, repositories(local_ecr)) == (3, [])
    assert "docker can't read the TLS file" in refused.stderr
    plain = app.inv("build", "push", DOCKER_TLS_VERIFY="")
    assert (plain.code, repositories(local_ecr)) == (3, [])
    assert "wants TLS" in plain.stderr
    (reference,) = app.ok("build", "push").lines
    image = app.receipt["images"][0]
    assert reference.endswith(f"@{image['digest']}")
    assert image["published"][0]["state"] == "pushed"
    docker(app.environ, "image", "inspect", "team/app:main")


def test_a_docker_context_with_tls_files_is_used_by_every_task(app: Project) -> None:
    host, _, certificates = (app.environ.pop(name) for name in TLS_NAMES)
    files = ",".join(
        f"{key}={certificates}/{name}.pem" for key, name in (("ca", "ca"), ("cert", "cert"), ("key", "key"))
    )
    docker(app.environ, "context", "create", "far", "--docker", f"host={host},{files}")
    app.environ["DOCKER_CONTEXT"] = "far"
    app.write("hello.txt", "by a context\n")
    app.commit()
    pushed = app.ok("build", "push")
    assert app.ok("pull").lines == pushed.lines


def test_an_engine_by_ssh_builds_and_pushes(app: Project, engine: dict[str, str], tmp_path: Path) -> None:
    """docker starts `ssh … HOST docker system dial-stdio`: this ssh stays here, and leads to the first engine."""
    for name in TLS_NAMES:
        del app.environ[name]
    own = f"DOCKER_HOST={engine.get('DOCKER_HOST', '')}"
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    ssh = bin_folder / "ssh"
    ssh.write_text(
        f"#!/bin/sh\nfor command; do :; done\necho \"$command\" >>'{tmp_path}/ssh.log'\n"
        f'exec env {own} sh -c "$command"\n',
        "utf-8",
    )
    ssh.chmod(0o755)
    app.environ |= {"PATH": f"{bin_folder}:{app.environ['PATH']}", "DOCKER_HOST": "ssh://me@arm.example"}
    app.write("hello.txt", "by ssh\n")
    app.commit()
    app.ok("build", "push")
    assert "dial-stdio" in (tmp_path / "ssh.log").read_text("utf-8")
    assert app.receipt["images"][0]["published"][0]["state"] == "pushed"


@pytest.fixture
def far(tls_engine: dict[str, str], engine: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Return the address of a BuildKit that wants a client's certificate, and the folder with one."""
    host = engine.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    client = Path(tls_engine["DOCKER_CERT_PATH"])
    server = client.with_name("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server / "cert.pem", server / "key.pem")
    context.load_verify_locations(server / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    with buildkit_address(host.removeprefix("unix://"), context) as address:
        yield f"tcp://{address}", str(client)


def test_whose_certificate_a_remote_buildkit_does_not_accept_is_said(
    tls_engine: dict[str, str], tmp_path: Path
) -> None:
    """Without TLS 1.3 the refusal comes within the handshake, and so is read for certain."""
    client = Path(tls_engine["DOCKER_CERT_PATH"])
    server = client.with_name("server")
    nobody = {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody", "-days", "1"]
    files = ["-out", nobody["cert"], "-keyout", nobody["key"]]
    subprocess.run(["openssl", *request, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server / "cert.pem", server / "key.pem")
    context.load_verify_locations(server / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    answered = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            plain = listener.accept()[0]
            with context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as connection:
                with suppress(ssl.SSLError):
                    connection.do_handshake()
                answered.wait(30)

        thread = threading.Thread(target=refuse)
        thread.start()
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        node = Node("far0", address, "inactive", options={"cacert": str(client / "ca.pem"), **nobody})
        trouble = trouble_of(Builder("far", "remote", (node,)))
        answered.set()
        thread.join()
    assert trouble == f"{address}: it does not accept the certificate of the builder's TLS files (unknown ca)"


def other_files(folder: Path) -> str:
    """Return a folder with TLS files of nobody's."""
    for name in TLS_FILES:
        (folder / name).write_text(name, encoding="utf-8")
    return str(folder)


def test_a_nodes_own_context_tells_its_address_and_its_tls_files(
    app: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, certificates = app.environ["DOCKER_HOST"], app.environ["DOCKER_CERT_PATH"]
    for name in ("DOCKER_CONFIG", "BUILDX_CONFIG", "PATH"):
        monkeypatch.setenv(name, app.environ[name])

    def asked(folder: str, address: str = host) -> WantedBuilder:
        return wanted_builder("mine", "docker-container", [address], (), Path(folder), None)

    for command in create_commands(asked(certificates), app.environ, tmp_path):
        docker(app.environ, *command)
    there = Builders({}).find("mine")
    assert there is not None
    there = Builders({}).with_tls(there)

    def found(wanted: WantedBuilder) -> list[str]:
        return differences(wanted, there, tls_digests(tls_files(wanted)))

    assert found(asked(certificates)) == []
    assert found(asked(other_files(tmp_path))) == ["its node mine1 has other TLS files"]
    assert found(asked(certificates, "tcp://127.0.0.1:1")) == [f"its node mine1 is {host}"]


def test_a_remote_buildkit_with_tls_builds_and_pushes(app: Project, far: tuple[str, str], tmp_path: Path) -> None:
    address, certificates = far
    app.environ["ECR_BUILDER"] = "far"
    create = ("builder.create", "--driver", "remote", "--node", address, "--tls", certificates)
    assert "far: created, driver remote" in app.ok(*create).stderr
    assert "far: is there already" in app.ok(*create).stderr
    other = app.inv("builder.create")
    assert other.code == 6
    assert "There is another builder far: its driver is remote." in other.stderr
    for tls, words in (((), "far0 has TLS files"), (("--tls", other_files(tmp_path)), "far0 has other TLS files")):
        refused = app.inv(*create[:-2], *tls)
        assert (refused.code, f"There is another builder far: its node {words}." in refused.stderr) == (6, True)
    alike = shutil.copytree(certificates, tmp_path / "alike")
    assert "far: is there already" in app.ok(*create[:-1], str(alike)).stderr

    document = json.loads(app.ok("builder.show", "--json").stdout)
    (node,) = document["nodes"]
    assert (document["driver"], node["endpoint"], node["status"]) == ("remote", address, "running")
    assert "linux/amd64" in document["platforms"] or "linux/arm64" in document["platforms"]

    files = {
        name: f"{certificates}/{file}.pem" for name, file in (("cacert", "ca"), ("cert", "cert"), ("key", "key"))
    }
    for name, wrong, words in (
        ("lost", {"key": str(app.folder / "none.pem")}, "its TLS file key is no file that can be read"),
        ("stranger", {"cacert": files["cert"]}, "its certificate is not accepted"),
        ("plain", dict.fromkeys(files, ""), "it ends the connection: it may want TLS"),
    ):
        options = [f"{option}={value}" for option, value in {**files, **wrong}.items() if value]
        made = ("buildx", "create", "--name", name, "--driver", "remote")
        docker(app.environ, *made, *(word for text in options for word in ("--driver-opt", text)), address)
        refused = app.inv("build", ECR_BUILDER=name)
        assert refused.code == 3
        assert f"The builder {name} does not answer at {address}: {words}" in refused.stderr
        assert "waiting for connection" not in refused.stderr
        looked = app.inv("doctor", ECR_BUILDER=name, **PATIENT).stdout
        assert "The builder does not answer" in looked
        assert "no answer within" not in looked
        planned = app.inv("plan", ECR_BUILDER=name)
        assert planned.code == 6
        assert f"in the way: The builder {name} does not answer at {address}: {words}" in planned.stdout

    app.write("hello.txt", "from afar\n")
    app.commit()
    app.environ["ECR_PLATFORMS"] = "linux/amd64,linux/arm64"
    app.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"  # the builder is enough
    (reference,) = app.ok("build", "push").lines
    assert reference.endswith(f"@{app.receipt['images'][0]['digest']}")

    assert app.inv("builder.remove").code == 6  # nobody said yes
    assert "far: removed" in app.ok("builder.remove", "--yes").stderr
    gone = app.inv("builder.show")
    assert gone.code == 3
    assert "There is no builder far." in gone.stderr


def test_a_builder_that_does_not_answer_is_not_left_behind(app: Project, far: tuple[str, str]) -> None:
    address, _ = far
    failed = app.inv("builder.create", "plain", "--driver", "remote", "--node", address)  # without the certificates
    assert failed.code == 3
    assert "plain" not in docker(app.environ, "buildx", "ls").stdout
