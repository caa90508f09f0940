"""Docker's logins for ECR: when they end, which helpers are there, and what is left after one was removed."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.docker.login_facts import login_facts, remove_logins
from ecr_tasks.errors import BuildError

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
HUB = "https://index.docker.io/v1/"


def ecr_login(ends: int) -> dict[str, str]:
    """Return an entry of ``auths`` as `docker login` writes it with ECR's password."""
    document = json.dumps({"payload": "x", "datakey": "y", "version": "2", "type": "DATA_KEY", "expiration": ends})
    password = base64.b64encode(document.encode()).decode()
    return {"auth": base64.b64encode(f"AWS:{password}".encode()).decode()}


def write(folder: Path, document: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_ecrs_logins_have_their_end_and_others_are_no_matter(tmp_path: Path) -> None:
    plain = {"auth": base64.b64encode(b"me:password").decode()}
    auths = {HOST: ecr_login(1_500_000_000), f"https://{HOST}": plain, HUB: plain, "127.0.0.1:4510": {}}
    write(tmp_path, {"auths": auths})
    facts = login_facts({"DOCKER_CONFIG": str(tmp_path)})
    assert [(login.key, login.host) for login in facts.logins] == [(HOST, HOST), (f"https://{HOST}", HOST)]
    assert [login.ends for login in facts.logins] == [datetime.fromtimestamp(1_500_000_000, timezone.utc), None]


def test_a_helper_without_a_program_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-there"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    write(tmp_path, {"credsStore": "there", "credHelpers": {HOST: "ecr-login", "x.example": ""}})
    facts = login_facts({"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)})
    assert (facts.store, facts.helpers, facts.missing) == ("there", {HOST: "ecr-login"}, ("ecr-login",))


def test_logins_in_other_places_are_found(tmp_path: Path) -> None:
    (tmp_path / "buildx" / "config").mkdir(parents=True)
    (tmp_path / "buildx" / "config" / f"{HOST}@pull").touch()
    variable = json.dumps({"auths": {f"https://{HOST}": {"auth": "eDp5"}, HUB: {"auth": "eDp5"}}})
    facts = login_facts({"DOCKER_CONFIG": str(tmp_path), "DOCKER_AUTH_CONFIG": variable})
    assert facts.preferred == {"DOCKER_AUTH_CONFIG": (HOST,), str(tmp_path / "buildx" / "config"): (HOST,)}


def test_a_broken_configuration_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{broken")
    with pytest.raises(BuildError, match="can't be read"):
        login_facts({"DOCKER_CONFIG": str(tmp_path)})


def test_removing_a_login_keeps_all_else_and_a_private_copy(tmp_path: Path) -> None:
    before = {"auths": {HOST: ecr_login(1), HUB: {"auth": "eDp5"}}, "proxies": {"default": {}}}
    file = write(tmp_path, before)
    file.chmod(0o640)
    copy = remove_logins(file, [HOST])
    assert json.loads(file.read_text()) == {"auths": {HUB: {"auth": "eDp5"}}, "proxies": {"default": {}}}
    assert file.stat().st_mode & 0o777 == 0o640
    assert copy is not None
    assert json.loads(copy.read_text()) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert remove_logins(file, [HOST]) is None
    another = remove_logins(file, [HUB])  # in the same second
    assert another not in (None, copy)


def test_a_configuration_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    file = write(tmp_path / "dotfiles", {"auths": {HOST: ecr_login(1)}})
    link = tmp_path / "config.json"
    link.symlink_to(file)
    remove_logins(link, [HOST])
    assert link.is_symlink()
    assert json.loads(file.read_text()) == {"auths": {}}
