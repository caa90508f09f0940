"""Tests of `bases` on a command line: the list, the lock, and the builds on it."""

from __future__ import annotations

import json
from typing import NoReturn

import pytest

from ecr_tasks.errors import BuildError
from tests.support.build import REVISION_A, manifest
from tests.tasks.conftest import Project

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PYTHON = "docker.io/library/python:3.12"


def on_python(project: Project) -> Project:
    """Let the project's image stand on another one, which its registry has."""
    project.write("Dockerfile", "FROM python:3.12\n")
    project.commit()
    project.docker.registry_bases[PYTHON] = A
    return project


def test_bases_are_listed_without_asking_anybody(project: Project) -> None:
    result = on_python(project).inv("bases", "--json")
    (base,) = result.document["bases"]
    assert (base["name"], base["written"], base["digest"], base["state"]) == (
        PYTHON,
        "python:3.12",
        None,
        "not locked",
    )
    assert not project.calls.log


def test_what_is_locked_is_listed_so_without_asking_anybody(project: Project) -> None:
    on_python(project).inv("bases", "--update")
    project.docker.registry_bases[PYTHON] = B  # it has moved since
    (base,) = project.inv("bases", "--json").document["bases"]
    assert (base["digest"], base["state"], project.calls.log) == (A, "locked", [])


def test_update_locks_and_builds_take_what_is_locked(project: Project) -> None:
    on_python(project).inv("bases", "--update")
    assert json.loads((project.path / "ecr-bases.lock").read_text())["bases"] == {PYTHON: A}
    project.commit()
    project.docker.registry_bases[PYTHON] = B  # it has moved since
    assert project.inv("build", "push").code == 0
    assert project.docker.inputs[-1].definition.bases == {"python:3.12": f"docker-image://{PYTHON}@{A}"}
    result = project.inv("bases", "--check")
    assert result.code == 6
    assert f"ecr-bases.lock is not up to date: {PYTHON}." in result.stderr
    assert "has moved" in result.stdout
    assert "inv bases --update" in result.stderr
    project.inv("bases", "--update")
    assert project.inv("bases", "--check").code == 0


def test_update_says_which_base_is_no_longer_used(project: Project) -> None:
    on_python(project).inv("bases", "--update")
    project.write("Dockerfile", "FROM scratch\n")
    result = project.inv("bases", "--update")
    assert f"wrote ecr-bases.lock: {PYTHON} (no longer used); commit it" in result.stderr


def test_an_image_that_is_also_written_with_a_digest_is_locked_all_the_same(project: Project) -> None:
    on_python(project)
    project.write("Dockerfile", f"FROM python:3.12\nCOPY --from=python:3.12@{B} /x /x\n")
    bases = project.inv("bases", "--update", "--json").document["bases"]
    states = {base["written"]: base["state"] for base in bases}
    assert states == {"python:3.12": "not locked", f"python:3.12@{B}": "fixed in the Dockerfile"}
    assert json.loads((project.path / "ecr-bases.lock").read_text())["bases"] == {PYTHON: A}
    project.commit()
    assert project.inv("build").code == 0


def test_without_an_engine_this_machines_platform_decides_which_base_it_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def engine(builder: str | None) -> NoReturn:
        raise BuildError("There is no engine.", "Start it.")

    project.write("Dockerfile", "ARG TARGETARCH\nFROM team/$TARGETARCH:1\n")
    monkeypatch.setattr(project.docker, "engine", engine)
    monkeypatch.setattr("ecr_tasks.runner.images.machine", lambda: "aarch64")
    (base,) = project.inv("bases", "--json").document["bases"]
    assert base["name"] == "docker.io/team/arm64:1"


def test_a_check_without_a_lock_exits_with_6_and_writes_nothing(project: Project) -> None:
    result = on_python(project).inv("bases", "--check")
    assert (result.code, (project.path / "ecr-bases.lock").exists()) == (6, False)


def test_a_build_on_what_the_lock_lacks_is_refused_before_anything_moves(project: Project) -> None:
    on_python(project).inv("bases", "--update")
    project.write("Dockerfile", "FROM python:3.13\n")
    project.commit()
    assert "ecr-bases.lock lacks docker.io/library/python:3.13" in project.inv("build", "push").failed(6)
    assert project.docker.builds == 0


def test_a_registry_that_gives_no_digest_leaves_the_lock_as_it_is(project: Project) -> None:
    on_python(project).inv("bases", "--update")
    project.docker.registry_bases.clear()
    result = project.inv("bases", "--update")
    assert result.code == 5
    assert f"There is no {PYTHON}" in result.stderr
    assert result.stderr.count(PYTHON) == 1
    assert json.loads((project.path / "ecr-bases.lock").read_text())["bases"] == {PYTHON: A}


def test_only_what_no_registry_has_is_left_to_the_engines_store(project: Project) -> None:
    project.docker.store["python:3.12"] = manifest("base", REVISION_A)
    on_python(project).docker.registry_bases.clear()
    project.docker.base_error = BuildError("The registry answers 503.", "Wait.")
    assert "answers 503" in project.inv("bases", "--update").failed(3)
    assert not (project.path / "ecr-bases.lock").exists()
    project.docker.base_error = None
    assert "only in the engine's store" in project.inv("bases", "--update").stderr
    assert json.loads((project.path / "ecr-bases.lock").read_text())["bases"] == {PYTHON: None}


def test_an_uncommitted_lock_makes_the_tree_dirty(project: Project) -> None:
    on_python(project).inv("bases", "--update")
    project.inv("build", "push")
    assert [tag for tag in project.tags if not tag.endswith("-dirty")] == []


def test_check_and_update_together_are_refused(project: Project) -> None:
    project.inv("bases", "--check", "--update").failed(2)


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\n", '{"schema": 2, "bases": {}}'])
@pytest.mark.parametrize("dockerfile", ["FROM python:3.12\n", "FROM scratch\n"])
def test_update_writes_a_malformed_lock_anew_as_its_remedy_says(project: Project, text: str, dockerfile: str) -> None:
    on_python(project)
    project.write("Dockerfile", dockerfile)
    project.write("ecr-bases.lock", text)
    for flags in ((), ("--check",)):
        assert "let `inv bases --update` write it anew" in project.inv("bases", *flags).failed(2)
    result = project.inv("bases", "--update")
    assert result.code == 0, result.stderr
    assert "All of it is locked anew." in result.stderr
    locked = {PYTHON: A} if "python" in dockerfile else {}
    assert json.loads((project.path / "ecr-bases.lock").read_text())["bases"] == locked


@pytest.mark.parametrize("lock", ["a link to nothing", "no text in UTF-8"])
def test_a_lock_that_cannot_be_read_is_no_missing_one_and_is_written_anew(project: Project, lock: str) -> None:
    path = on_python(project).path / "ecr-bases.lock"
    if lock == "a link to nothing":
        path.symlink_to("moved.lock")
    else:
        path.write_bytes(b"\xff{")
    for words in (("bases",), ("bases", "--check"), ("build",)):
        assert f"ecr-bases.lock is {lock}." in project.inv(*words).failed(2)
    assert project.inv("bases", "--update").code == 0
    assert json.loads(path.read_text())["bases"] == {PYTHON: A}


def test_a_lock_may_begin_with_a_byte_order_mark(project: Project) -> None:
    on_python(project).inv("bases", "--update")
    path = project.path / "ecr-bases.lock"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert project.inv("bases", "--check").code == 0
