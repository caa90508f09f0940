"""Older local names are removed, with a line; an engine that doesn't answer is no error."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.execute.tidy_local_names import stored_images, tidy_local_names
from ecr_tasks.model.image import Image
from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import REVISION
from tests.plan.test_local_names import DAYS, IMAGES, planned
from tests.support.fakes.docker import FakeDocker
from tests.support.fakes.registry import FakeRegistry


@pytest.fixture
def docker() -> FakeDocker:
    docker = FakeDocker(FakeRegistry())
    docker.local = list(IMAGES)
    return docker


def tidied(images: Sequence[Image], keep: int, docker: FakeDocker, others: Collection[str] = ()) -> list[str]:
    """Look at the store and tidy it, in a clone that has all commits."""
    look = partial(stored_images, images, keep, docker)
    return tidy_local_names(images, keep, docker, look, is_known=lambda commit: True, others=others)


def test_a_line_says_what_is_removed(docker: FakeDocker) -> None:
    (line,) = tidied([planned()], 3, docker)
    assert line == (
        "team/app: removed 14 older local names (ECR_KEEP_LOCAL=3): sha-0000000, sha-1111111, sha-2222222, "
        "sha-3333333 +3"
    )
    assert len([name for call in docker.calls.named("remove_names") for name in call[1:]]) == 14


def test_a_build_that_another_push_is_to_come_for_stays(docker: FakeDocker) -> None:
    waiting = {"sha256:0", "sha256:6"}
    said = tidied([planned()], 3, docker, others=waiting)
    assert said[0].startswith("team/app: removed 10 older local names (ECR_KEEP_LOCAL=3): sha-1111111, ")


def test_docker_is_not_asked_what_an_image_is_that_was_published_from_here(docker: FakeDocker) -> None:
    published = {item.id: item.labels for item in IMAGES[:8]}
    incomplete = {IMAGES[8].id: {REVISION: "8" * 40}}
    look = partial(stored_images, [planned()], 3, docker, lambda one: {**published, **incomplete}.get(one, {}))
    (line,) = tidy_local_names([planned()], 3, docker, look, is_known=lambda commit: True)
    assert line.startswith("team/app: removed 14 older local names (ECR_KEEP_LOCAL=3): sha-0000000, sha-1111111, ")
    assert docker.calls.named("local_images") == [("local_images", IMAGES[8].id, IMAGES[9].id)]


def test_an_image_of_two_repositories_loses_one_name_at_a_time(docker: FakeDocker) -> None:
    repositories = ("team/one", "team/two")
    docker.local = [
        replace(item, names=tuple(f"{repository}:sha-{day * 7}" for repository in repositories))
        for day, item in zip(DAYS, IMAGES, strict=True)
    ]
    images = [replace(planned(), name=repository, repository=repository) for repository in repositories]
    tidied(images, 8, docker)
    calls = [call[1:] for call in docker.calls.named("remove_names")]
    assert calls == [tuple(f"{repository}:sha-{day * 7}" for day in "01") for repository in repositories]


def test_an_engine_that_does_not_answer_is_said(docker: FakeDocker) -> None:
    class Gone(FakeDocker):
        def local_names(self, repositories: Sequence[str]) -> Mapping[str, str]:
            raise BuildError("The engine is gone.", "Start it.")

    said = tidied([planned()], 3, Gone(FakeRegistry()))
    assert said == ["team/app: older local names are not removed: The engine is gone."]


def test_docker_is_asked_once_about_all_images(docker: FakeDocker) -> None:
    names = [f"team/image-{number}" for number in range(8)]
    docker.local = [
        LocalImage(f"sha256:{name}{day}", (f"{name}:sha-{day * 7}", f"host:1/{name}:sha-{day * 7}"), item.labels)
        for name in names
        for day, item in zip(DAYS, IMAGES, strict=True)
    ]
    docker.local.append(LocalImage("sha256:few", ("team/few:main",)))
    images = [replace(planned(), name=name, repository=name) for name in (*names, "team/few")]
    said = tidied(images, 9, docker)
    assert said == [
        "team/image-0, team/image-1, team/image-2 and 5 more: removed 2 older local names (ECR_KEEP_LOCAL=9): "
        "sha-0000000"
    ]
    first, last = docker.calls.named("remove_names")
    assert first[1:] == tuple(f"{name}:sha-0000000" for name in names)
    assert last[1:] == tuple(f"host:1/{name}:sha-0000000" for name in names)
    (looked_at,) = docker.calls.named("local_images")
    assert set(looked_at[1:]) == {item.id for item in docker.local} - {"sha256:few"}
    assert len(docker.calls.named("local_names")) == 1
