"""Tests of `build` and `push` on a command line with image stores and builders that can't hold every image."""

from __future__ import annotations

import pytest

from tests.support.fakes import FakeDocker
from tests.tasks.conftest import Project

PLATFORMS = "linux/amd64,linux/arm64"
DOTENV = "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n"
KEPT = "the builder beside keeps linux/arm64 until the push, the local store has linux/amd64"


def beside(docker: FakeDocker, *, nodes: int = 1, classic: bool = False) -> None:
    """Choose a builder beside the engine."""
    docker.builder, docker.driver, docker.nodes, docker.classic = "beside", "docker-container", nodes, classic


@pytest.mark.parametrize(("nodes", "classic"), [(1, True), (2, True), (2, False)])
@pytest.mark.parametrize("preset", ["default", "supply-chain"])
def test_what_no_store_holds_is_built_once_and_pushed_by_its_builder(
    project: Project, nodes: int, classic: bool, preset: str
) -> None:
    beside(project.docker, nodes=nodes, classic=classic)
    project.write(".env", f"{DOTENV}ECR_PLATFORMS={PLATFORMS}\nECR_PRESET={preset}\n")
    built = project.inv("build")
    assert built.code == 0, built.stderr
    assert KEPT in built.stderr
    assert ("the push makes the attestations" in built.stderr) == (preset == "supply-chain")
    digest = project.receipt["images"][0]["digest"]
    pushed = project.inv("push")
    assert pushed.code == 0, pushed.stderr
    image = project.receipt["images"][0]
    assert digest in (None, image["digest"])
    assert image["platforms"] == PLATFORMS.split(",")
    assert set(project.tags.values()) == {image["digest"]}
    assert [build_input.push for build_input in project.docker.inputs] == [False, False, True, True]
    builds = project.docker.builds
    assert project.inv("build", "push").stdout == pushed.stdout
    assert project.docker.builds == builds


@pytest.mark.parametrize("tasks", [("build",), ("push",), ("build", "push")])
def test_what_neither_store_nor_builder_can_hold_is_refused_before_a_build(
    project: Project, tasks: tuple[str, ...]
) -> None:
    project.docker.classic = True
    project.write(".env", f"{DOTENV}ECR_PLATFORMS={PLATFORMS}\n")
    result = project.inv(*tasks)
    assert "classic image store can't hold several platforms" in result.stderr + result.stdout
    assert "inv builder.create" in result.stderr + result.stdout
    assert (result.code, project.docker.builds, project.tags) == (3, 0, {})
    planned = project.inv("plan")
    assert "classic image store can't hold several platforms" in planned.stdout + planned.stderr
    printed = project.inv("commands")
    assert "classic image store can't hold several platforms" in printed.stderr
    assert (printed.code, printed.stdout) == (3, "")


def test_a_push_builds_anew_when_the_builder_is_gone(project: Project) -> None:
    beside(project.docker, classic=True)
    project.write(".env", f"{DOTENV}ECR_PLATFORMS={PLATFORMS}\n")
    project.inv("build")
    project.docker.builders.discard("beside")
    project.docker.builder = "other"
    assert project.inv("push").code == 0
    assert project.receipt["images"][0]["local"]["builder"] == "other"


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_cache_that_several_nodes_write_is_warned_of(project: Project, nodes: int) -> None:
    beside(project.docker, nodes=nodes)
    cache = "ECR_CACHE=type=registry,ref=example.com/cache"
    project.write(".env", f"{DOTENV}ECR_PLATFORMS={PLATFORMS}\n{cache}\n")
    result = project.inv("build", "push")
    assert result.code == 0, result.stderr
    assert ("each of the builder's 2 nodes writes the cache" in result.stderr) == (nodes == 2)


def test_local_is_the_engines_platform(project: Project) -> None:
    project.write(".env", f"{DOTENV}ECR_PLATFORMS=local,amd64\n")
    assert project.inv("build", "push").code == 0
    assert [item.definition.platforms for item in project.docker.inputs] == [("linux/amd64",)]
