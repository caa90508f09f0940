"""The names that exist during a run are removed once, and once more where docker gave no answer."""

from __future__ import annotations

import os
from pathlib import Path

from ecr_tasks.clients.docker.own_folder import RunFolder
from ecr_tasks.clients.docker.temporary_names import TemporaryNames


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
