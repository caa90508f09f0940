"""The user data of an EC2 host: checked by cloud-init, and what it runs run for real, with the local ECR as ECR."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.support.scripts import script

GREETING = 'it\'s "$HOME" `id` $(id) %s 100% \\n ünï #x '
ROLE = "app-host"


KEYS = {"Code": "Success", "AccessKeyId": "ASIALOCAL", "SecretAccessKey": "a/b+c=", "Token": "t/0+k=="}


DENIED = '{"__type":"AccessDeniedException","Message":"not authorized to perform: ecr:GetAuthorizationToken"}'


class Metadata(BaseHTTPRequestHandler):
    """The instance metadata service, version 2 (EC2 user guide, "Use the Instance Metadata Service")."""

    def do_PUT(self) -> None:
        """Give a session's token."""
        is_asked = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self._answer("session" if is_asked else None)

    def do_GET(self) -> None:
        """Give the role's name, and its keys, to those who have a session's token."""
        folder = "/latest/meta-data/iam/security-credentials/"
        answers = {folder: ROLE, folder + ROLE: json.dumps(KEYS, indent=2)}
        has_token = self.headers["X-aws-ec2-metadata-token"] == "session"
        self._answer(answers.get(self.path) if has_token else None)

    def do_POST(self) -> None:
        """Deny, as ECR's API does (HTTP status 400)."""
        self._answer(DENIED, 400)

    def _answer(self, text: str | None, status: int = 200) -> None:
        self.send_response(401 if text is None else status)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def metadata() -> Iterator[str]:
    """Return the address of a metadata service."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@dataclass
class Host:
    """A host's files below a folder, and the programs that its script starts; systemctl only notes its arguments."""

    root: Path
    environ: dict[str, str]
    written: list[Path] = field(default_factory=list)

    def write(self, user_data: str) -> None:
        """Write the files of a cloud-config as cloud-init does, below the folder."""
        for item in yaml.safe_load(user_data)["write_files"]:
            path = self.root / item["path"].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(item["content"], encoding="utf-8")
            path.chmod(int(item.get("permissions", "0644"), 8))
            self.written.append(path)

    def fake(self, name: str, body: str = "") -> None:
        """Put a program on PATH that notes its arguments."""
        program = self.root / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>"{self.root}/calls"\n{body}\n', encoding="utf-8")
        program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """The calls of such programs since the last look."""
        calls = self.root / "calls"
        lines = calls.read_text("utf-8").splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return lines

    def run(self, *words: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script as systemd would, and check its exit code."""
        result = subprocess.run(
            [self.root / "usr/local/sbin/ecr-tasks-host", *words],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == code, result.stderr
        return result


@pytest.fixture
def host(tmp_path: Path, engine: dict[str, str], metadata: str) -> Host:
    root = tmp_path / "host"
    (root / "run").mkdir(parents=True)
    host = Host(root, {})
    host.fake("systemctl")
    host.environ = {
        **engine,
        "PATH": f"{root}/bin{os.pathsep}{engine['PATH']}",
        "ECR_TASKS_ROOT": str(root),
        "RUNTIME_DIRECTORY": str(root / "run"),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
        "DOCKER_CONFIG": str(root / "no-docker-config"),
    }
    return host


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    return project(
        tmp_path / "app",
        environ,
        f"FROM {tiny_base}\nCOPY hello.txt /\nCMD cat /hello.txt && printf '%s\\n' \"$GREETING\"\n",
    )


@pytest.fixture(scope="session")
def cloud_init(engine: dict[str, str]) -> str:
    """Return the program cloud-init."""
    return script("cloud-init").strip()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def check_schema(program: str, text: str, folder: Path) -> None:
    """Check user data by cloud-init's own schema."""
    path = folder / "user-data.yaml"
    path.write_text(text, encoding="utf-8")
    result = subprocess.run([program, "schema", "--config-file", path], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Valid" in result.stdout
    assert "deprecat" not in result.stdout + result.stderr


def test_a_host_pulls_by_its_role_runs_and_follows_a_tag(
    app: Project, host: Host, cloud_init: str, tmp_path: Path
) -> None:
    name = f"ecr-tasks-test-{secrets.token_hex(4)}"
    first = app.ok("build", "push").lines[0]
    words = ("--name", name, "--env", f"GREETING={GREETING}", "--port", f"127.0.0.1:{free_port()}:80")
    printed = app.ok("ec2.user-data", "main", *words)
    check_schema(cloud_init, printed.stdout, tmp_path)
    host.write(printed.stdout)
    remove_local(app, first)

    host.run("pull", name)
    assert host.run("run", name).stdout == f"hello\n{GREETING}\n"
    host.run("refresh", name)
    assert host.calls == []

    app.write("hello.txt", "good evening\n")
    app.commit()
    second = app.ok("build", "push").lines[0]
    remove_local(app, second)
    assert first != second
    host.run("pull", name)
    assert host.run("run", name).stdout.startswith("hello\n"), "what runs stays until the timer looks"
    host.run("refresh", name)
    assert host.calls == [f"systemctl try-restart ecr-tasks@{name}.service"]
    host.run("pull", name)
    assert host.run("run", name).stdout.startswith("good evening\n")

    assert list((host.root / "run").iterdir()) == [], "nothing of a login stays"
    assert not (host.root / "no-docker-config").exists()


def test_a_digest_stays_and_a_host_without_a_role_says_so(
    app: Project, host: Host, cloud_init: str, metadata: str, tmp_path: Path
) -> None:
    refused = app.inv("ec2.user-data")
    assert refused.code == 5
    assert refused.stdout == ""
    assert "inv build push" in refused.stderr
    reference = app.ok("build", "push").lines[0]
    printed = app.ok("ec2.user-data")
    check_schema(cloud_init, printed.stdout, tmp_path)
    host.write(printed.stdout)
    assert (host.root / "etc/ecr-tasks/app/image").read_text("utf-8") == f"{reference}\n"
    assert not [path for path in host.written if "refresh" in path.name]
    assert "iam.policy --for pull" in printed.stderr
    remove_local(app, reference)
    assert "no service 'none'" in host.run("pull", "none", code=2).stderr
    answer = host.run("pull", "app", code=1, AWS_EC2_METADATA_SERVICE_ENDPOINT=f"{metadata}/none").stderr
    assert "IMDSv2" in answer
    folder = host.root / "etc/ecr-tasks/app"
    api = (folder / "api").read_text("utf-8")
    (folder / "api").write_text(f"{metadata}/denies\n", encoding="utf-8")
    answer = host.run("pull", "app", code=1).stderr
    assert f"no token to the role {ROLE}" in answer
    assert DENIED in answer, "what AWS says is in the journal"
    (folder / "api").write_text(api, encoding="utf-8")
    (folder / "image").write_text(f"{reference[:-1]}{'0' if reference[-1] != '0' else '1'}\n", encoding="utf-8")
    assert "not found" in host.run("pull", "app", code=1).stderr
    (folder / "tag").write_text(f"{reference.partition('@')[0]}:gone\n", encoding="utf-8")
    assert "not found" in host.run("refresh", "app", code=1).stderr, "a tag that can't be looked up is a failure"
    assert host.calls == []
    assert list((host.root / "run").iterdir()) == []


def remove_local(app: Project, reference: str) -> None:
    """Remove an image from the engine's store, under every name that it has in its repository."""
    repository = reference.partition("@")[0]
    listed = docker(
        app.environ, "image", "ls", "--digests", "--format", "{{.Repository}}:{{.Tag}}", repository
    ).stdout
    names = [line for line in listed.splitlines() if not line.endswith("<none>")]
    docker(app.environ, "image", "rm", "--force", *names, reference)
