"""The names that exist during a run are removed once, and once more where docker gave no answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.own_folder import RunFolder
from ecr_tasks.clients.docker.temporary_names import TemporaryNames, names_in
from ecr_tasks.model.registry import RegistryToken


def test_names_are_known_until_docker_has_answered(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    names = TemporaryNames(folder)
    names.add("ecr-tasks-build:one", "ecr-tasks-build:two")
    program, log = tmp_path / "docker", tmp_path / "log"
    program.write_text(f'#!/bin/sh\necho "$*" >> "{log}"\nexec sleep "$WAIT"\n', encoding="utf-8")
    program.chmod(0o755)
    names.remove([str(program)], {**os.environ, "WAIT": "60"}, 1)
    assert names
    names.remove([str(program)], {**os.environ, "WAIT": "0"}, 60)
    assert not names
    assert log.read_text(encoding="utf-8").splitlines() == ["ecr-tasks-build:one ecr-tasks-build:two"] * 2
    folder.close()


@pytest.mark.parametrize(
    ("words", "stay"),
    [
        ("Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?", True),
        ("failed to connect to the docker API at unix:///run/docker.sock; check if the path is correct", True),
        ("Error response from daemon: No such image: ecr-tasks-build:one", False),
        ("Error response from daemon: conflict: unable to delete ecr-tasks-build:one (must be forced)", False),
    ],
)
def test_names_in_an_engine_that_is_gone_are_removed_by_the_next_run(tmp_path: Path, words: str, stay: bool) -> None:
    config = PrivateConfig({"DOCKER_CONFIG": str(tmp_path / "docker")}, tmp_path)
    config.add_names("ecr-tasks-build:one")
    config.names.remove(["sh", "-c", 'echo "$0" >&2; exit 1', words], dict(os.environ), 60)
    config.authorize(RegistryToken("host:5000", "AWS", "secret"))
    config.close()
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["names"] * stay
    following = PrivateConfig({"DOCKER_CONFIG": str(tmp_path / "docker")}, tmp_path)
    following.add_names("ecr-tasks-build:two")
    assert following.names.left == ["ecr-tasks-build:one"] * stay
    following.names.forget(following.names.all)
    following.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_no_name_in_the_file_of_a_killed_run_is_left_out(tmp_path: Path) -> None:
    """As a machine that loses its power leaves it: no program takes a null byte, and a flag would refuse them all."""
    text = "ecr-tasks-build:a\0\n--bogus\necr-tasks-build:b\n\0\0\n[::1]:5000/team/app:sha-1_a.b\n"
    (tmp_path / "names").write_text(text, encoding="utf-8")
    assert names_in(tmp_path) == ["ecr-tasks-build:b", "[::1]:5000/team/app:sha-1_a.b"]
