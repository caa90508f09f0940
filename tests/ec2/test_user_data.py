"""Tests of user data: quoting, limits, the units and the script's installation, without an engine."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.ec2.user_data import ETC, MAX_BYTES, PROGRAM, UNITS, Service, cloud_config, resource
from ecr_tasks.errors import SettingsError

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
IMAGE = f"{HOST}/team/app@sha256:{'0' * 64}"
API = "https://api.ecr.eu-central-1.amazonaws.com"
ONE_LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])).filter(lambda text: len(text) < 200)


def service(name: str = "app", tag: str | None = None, **options: object) -> Service:
    return Service(name, IMAGE, "eu-central-1", API, f"{HOST}/team/app:{tag}" if tag else None, **options)  # type: ignore[arg-type]


def files_of(text: str) -> dict[str, str]:
    document = yaml.safe_load(text)
    assert set(document) == {"write_files", "runcmd"}
    return {item["path"]: item["content"] for item in document["write_files"]}


@given(st.dictionaries(st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,20}\Z"), ONE_LINE, max_size=5))
def test_every_variable_arrives_as_it_is(variables: dict[str, str]) -> None:
    written = files_of(cloud_config([service(env=variables)]))[f"{ETC}/app/env"]
    assert written == "".join(f"{name}={value}\n" for name, value in variables.items())


def test_the_files_of_a_service_say_what_it_runs() -> None:
    files = files_of(cloud_config([service(tag="main", ports=["80:8000", "127.0.0.1:9:90/udp"])], every="1h"))
    assert files[f"{ETC}/app/image"] == f"{IMAGE}\n"
    assert files[f"{ETC}/app/tag"] == f"{HOST}/team/app:main\n"
    assert files[f"{ETC}/app/registry"] == f"{HOST}\n"
    assert files[f"{ETC}/app/api"] == f"{API}\n"
    assert files[f"{ETC}/app/arguments"] == "--publish\n80:8000\n--publish\n127.0.0.1:9:90/udp\n"
    assert "OnBootSec=1min\nOnUnitInactiveSec=1h\n" in files[f"{UNITS}/ecr-tasks-refresh@.timer"]
    assert files[PROGRAM] == resource("host.sh")


def test_a_digest_is_followed_by_no_timer() -> None:
    assert not [path for path in files_of(cloud_config([service()])) if "refresh" in path or path.endswith("/tag")]


def test_it_is_small_and_too_much_is_refused() -> None:
    assert len(cloud_config([service(tag="main")])) < MAX_BYTES / 1.5
    with pytest.raises(SettingsError, match="16384"):
        cloud_config([service(env={"A": "x" * MAX_BYTES})])


@pytest.mark.parametrize("port", ["80", "80:", "0:80", "80:70000", "a:80", "80:80;id", "80:80\n--privileged", "٣:80"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(SettingsError, match="--port"):
        service(ports=[port])


@pytest.mark.parametrize("ports", [["80:1", "80:2"], ["80:1", "080:2/tcp"], ["127.0.0.1:80:1", "127.0.0.1:80:1"]])
def test_a_port_of_the_host_is_one_containers(ports: list[str]) -> None:
    with pytest.raises(SettingsError, match="port 80"):
        service(ports=ports)
    service(ports=["80:1", "80:2/udp", "127.0.0.1:81:2", "127.0.0.2:81:2"])


def test_images_of_one_name_are_not_one_container() -> None:
    with pytest.raises(SettingsError, match="the container web"):
        cloud_config([service("web"), service("job"), service("web")])


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "a\n", "%i", "ü", "a" * 64])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="--name"):
        service(name)


@pytest.mark.parametrize("variables", [{"A B": "x"}, {"": "x"}, {"A": "x\ny"}, {"A": "\x00"}, {"A": "\ud800"}])
def test_what_docker_can_not_read_is_refused(variables: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        service(env=variables)


def test_the_units_start_what_the_script_knows() -> None:
    script = resource("host.sh")
    for name in ("ecr-tasks@.service", "ecr-tasks-refresh@.service"):
        unit = configparser.RawConfigParser(strict=True)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(resource(name))
        for key in ("ExecStartPre", "ExecStart"):
            for program, verb, instance in [unit["Service"].get(key, f"{PROGRAM} run %i").split()]:
                assert (program, instance) == (PROGRAM, "%i")
                assert re.search(rf"^{verb}\(\)", script, re.MULTILINE)
    assert "Restart=always" in resource("ecr-tasks@.service")


@pytest.mark.parametrize("has_docker", [False, True])
@pytest.mark.parametrize("manager", ["dnf", "apt-get"])
def test_both_families_are_installed_twice_and_docker_that_is_there_stays(
    manager: str, has_docker: bool, tmp_path: Path
) -> None:
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    for name in ("sh", "basename", "sed", "sleep"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for name in (manager, "systemctl", *(["docker"] if has_docker else [])):
        program = programs / name
        body = 'case "$*" in *helper*) exit 1 ;; esac' if name == manager else ""
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{calls}"\n{body}\n', encoding="utf-8")
        program.chmod(0o755)
    for path, content in files_of(cloud_config([service("web", tag="main"), service("job")])).items():
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    environ = {"PATH": str(programs), "ECR_TASKS_ROOT": str(tmp_path)}
    for _ in range(2):
        result = subprocess.run(
            ["sh", tmp_path / PROGRAM.lstrip("/"), "install"],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
    lines = calls.read_text("utf-8").splitlines()
    installed = {word for line in lines if line.startswith(manager) for word in line.split()}
    assert bool({"docker", "docker.io"} & installed) != has_docker
    assert {line.split()[-1] for line in lines if line.startswith("systemctl enable")} == {
        "docker.service",
        "ecr-tasks@job.service",
        "ecr-tasks@web.service",
        "ecr-tasks-refresh@web.timer",
    }
    assert "logs in by itself" in result.stderr
