"""Tests of pushes of so many images that they are built in several bakes: one is pushed while the next is built."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

import ecr_tasks
from ecr_tasks.clients.docker.push_lock import PushLocks
from ecr_tasks.errors import AwsError, BuildError, RegistryError
from ecr_tasks.model.image import BuildInput
from ecr_tasks.model.ports import BuildResult
from tests.support.build import REVISION_B, manifest
from tests.tasks.conftest import Project
from tests.tasks.several_images import several

NAMES = ("a", "b", "c", "d", "e", "f")
"""Two are built in one bake, in this order."""

BUILD_PUSH = ("build", "push")


@pytest.fixture
def app(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr("ecr_tasks.plan.batches.MOST", 2)
    several(project, *NAMES)
    return project


@pytest.fixture
def during(app: Project, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], object]]:
    """Return where a test writes what happens while an image is built, by its name."""
    actions: dict[str, Callable[[], object]] = {}
    build = app.docker.build

    def act_and_build(inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        for item in inputs:
            actions.get(item.name, lambda: None)()
        return build(inputs, builder)

    monkeypatch.setattr(app.docker, "build", act_and_build)
    return actions


def published(app: Project) -> list[str]:
    """Return the images that the registry has under a tag."""
    return [name for name in NAMES if app.registry.tags[f"team/{name}"]]


def outcomes(app: Project) -> dict[str, str]:
    return {image["name"]: image["outcome"] for image in app.receipt["images"]}


def built(app: Project) -> list[str]:
    return [name for call in app.calls.named("build") for name in call[1:]]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happens"
        time.sleep(0.01)


def wait_until_published(app: Project, *names: str) -> Callable[[], None]:
    """Return what waits until these images have their last tag."""
    return lambda: wait_for(lambda: all("main" in app.registry.tags[f"team/{name}"] for name in names))


def fail(*names: str) -> BuildError:
    error = BuildError(f"{names[0]}: no such file.", "Mend it.")
    error.about = names
    return error


def raises(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize("words", [BUILD_PUSH, ("push",)])
def test_the_images_of_a_bake_are_published_while_the_next_are_built(
    app: Project, during: dict[str, Callable[[], object]], words: tuple[str, ...]
) -> None:
    during["e"] = wait_until_published(app, "a", "b")
    result = app.inv(*words)
    assert result.code == 0, result.stderr
    assert [line.partition("@")[0].rpartition("/")[2] for line in result.stdout.splitlines()] == [*NAMES]
    assert set(outcomes(app).values()) == {"published"}
    assert result.stderr.splitlines()[-1] == "6 images: 6 pushed"
    assert app.inv(*BUILD_PUSH).code == 0
    assert (built(app), app.calls.named("push")) == ([], [])


def test_what_needs_no_build_gets_its_tags_meanwhile(app: Project, during: dict[str, Callable[[], object]]) -> None:
    assert app.inv(*BUILD_PUSH, "--image", "e", "--image", "f").code == 0
    tags = app.registry.tags
    before = {name: tags[name]["main"] for name in ("team/e", "team/f")}
    for name in before:
        app.registry.put(name, manifest("the last release", REVISION_B), "main")
    during["c"] = lambda: wait_for(lambda: all(tags[name]["main"] == before[name] for name in before))
    result = app.inv(*BUILD_PUSH)
    assert result.code == 0, result.stderr
    assert result.stderr.splitlines()[-1] == "6 images: 4 pushed, 2 tags set"


def test_each_image_is_looked_at_before_its_push(app: Project) -> None:
    assert app.inv(*BUILD_PUSH).code == 0
    for name in NAMES:
        digest = manifest(f"{name} as built", app.revision).digest
        steps = [
            call[0]
            for call in app.calls.named("build", "image_configs", "push")
            if digest in call or name in call or (call[0] == "push" and f"/{name}:" in call[1])
        ]
        assert steps == ["build", "image_configs", "push"]


def test_an_image_that_fails_in_a_later_bake_leaves_the_others_published(
    app: Project, during: dict[str, Callable[[], object]]
) -> None:
    during["c"] = raises(fail("c"))
    result = app.inv(*BUILD_PUSH)
    assert result.code == 3
    assert "1 of 6 images failed (5 are published):" in result.stderr
    assert " c: c: no such file." in result.stderr
    assert outcomes(app) == {name: "failed" if name == "c" else "published" for name in NAMES}
    del during["c"]
    assert app.inv(*BUILD_PUSH).code == 0
    assert built(app) == ["c"]


@pytest.mark.parametrize("words", [BUILD_PUSH, ("push",)])
def test_fail_fast_ends_with_the_bake_that_fails(
    app: Project, during: dict[str, Callable[[], object]], words: tuple[str, ...]
) -> None:
    def wait_and_fail() -> None:
        wait_until_published(app, "a", "b")()
        raise fail("d")

    during["d"] = wait_and_fail
    result = app.inv(*words, "--fail-fast")
    assert result.code == 3
    assert "1 of 6 images failed (2 are published, 3 are not done):" in result.stderr
    assert outcomes(app) == {**dict.fromkeys(NAMES, "not-begun"), "a": "published", "b": "published", "d": "failed"}
    assert len(result.stdout.splitlines()) == 2


def test_fail_fast_of_the_build_publishes_nothing(app: Project, during: dict[str, Callable[[], object]]) -> None:
    during["d"] = raises(fail("d"))
    result = app.inv("build", "--fail-fast", "push")
    assert result.code == 3
    assert (built(app), published(app)) == (["a", "b"], [])
    assert "1 of 6 images failed (2 are built, 3 are not done):" in result.stderr
    built_by_then = {"a": "built", "b": "built", "d": "failed"}
    assert outcomes(app) == {**dict.fromkeys(NAMES, "not-begun"), **built_by_then}


def test_fail_fast_pushes_nothing_after_a_repository_that_cant_be_created(app: Project) -> None:
    for name in ("team/e", "team/f"):
        del app.registry.repositories[name], app.registry.stored[name], app.registry.tags[name]
    refusals = iter([AwsError("It may not.", "Let it.")])

    def refuse_first() -> None:
        for error in refusals:
            raise error

    app.calls.before["create"] = refuse_first
    result = app.inv(*BUILD_PUSH, "--fail-fast", ECR_CREATE_REPOSITORY="true")
    assert result.code == 4
    assert (app.calls.named("push"), [*outcomes(app).values()].count("failed")) == ([], 1)
    assert set(outcomes(app).values()) == {"failed", "built"}


def test_fail_fast_builds_no_more_after_a_push_that_fails(
    app: Project, during: dict[str, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: set[str] = set()

    class Locks(PushLocks):
        def release(self, reference: str) -> None:  # which comes after an image's error is noted
            ended.add(reference.rpartition(":")[0])
            super().release(reference)

    def push_ended() -> bool:
        begun = {reference.rpartition(":")[0] for _, reference in app.calls.named("push")}
        return bool(begun) and begun <= ended

    def fail_during_the_next_bake() -> None:
        assert begun.wait(30)
        raise RegistryError("It is full.", "Make room.")

    def wait_for_failure() -> None:
        begun.set()
        wait_for(push_ended)

    begun = Event()
    monkeypatch.setattr("ecr_tasks.clients.docker.push_lock.PushLocks", Locks)
    app.calls.before["push"] = fail_during_the_next_bake
    during["c"] = wait_for_failure
    result = app.inv("push", "--fail-fast")
    assert result.code == 5
    assert built(app) == ["a", "b", "c", "d"]
    assert "failed" in outcomes(app).values()
    assert outcomes(app)["e"] == outcomes(app)["f"] == "not-begun"


def test_an_interruption_of_a_later_bake_keeps_what_is_published(
    app: Project, during: dict[str, Callable[[], object]]
) -> None:
    def interrupt() -> None:
        wait_until_published(app, "a", "b")()
        raise KeyboardInterrupt

    during["e"] = interrupt
    assert "Interrupted" in app.inv(*BUILD_PUSH).failed(130)
    assert {"a", "b"} <= {name for name, outcome in outcomes(app).items() if outcome == "published"}
    assert outcomes(app)["e"] == "not-begun"
    del during["e"]
    before = published(app)
    assert app.inv(*BUILD_PUSH).code == 0
    assert built(app) == [name for name in NAMES if name not in before]
    assert set(outcomes(app).values()) == {"published"}


def test_what_was_built_before_a_run_was_killed_is_left_to_the_next_one(
    app: Project, during: dict[str, Callable[[], object]]
) -> None:
    folder, kept = app.path / ".ecr-tasks", app.path.parent / "kept"
    during["c"] = lambda: shutil.copytree(folder, kept)
    assert app.inv(*BUILD_PUSH).code == 0
    for name in NAMES:  # nothing was pushed until then
        app.registry.stored[f"team/{name}"], app.registry.tags[f"team/{name}"] = {}, {}
    shutil.rmtree(folder)
    kept.rename(folder)
    del during["c"]
    assert app.inv("push").code == 0
    assert built(app) == ["c", "d", "e", "f"]


def test_a_source_that_changes_later_ends_the_run_with_what_is_published(
    app: Project, during: dict[str, Callable[[], object]], github: dict[str, str]
) -> None:
    def commit() -> None:
        wait_until_published(app, "a", "b")()
        app.write("new.txt", "new")
        app.commit()

    during["c"] = commit
    assert "Another commit was checked out during the build" in app.inv(*BUILD_PUSH, **github).failed(6)
    assert published(app) == ["a", "b"]
    assert outcomes(app) == {**dict.fromkeys(NAMES, "not-begun"), "a": "published", "b": "published"}
    assert "sha256:" not in Path(github["GITHUB_OUTPUT"]).read_text("utf-8")
    assert "### `a`: published" in Path(github["GITHUB_STEP_SUMMARY"]).read_text("utf-8")


def test_a_repository_that_is_missing_is_created_when_everything_is_built(
    app: Project, during: dict[str, Callable[[], object]]
) -> None:
    for stored in (app.registry.repositories, app.registry.stored, app.registry.tags):
        del stored["team/f"]
    during["e"] = lambda: time.sleep(0.2)
    assert app.inv(*BUILD_PUSH, ECR_CREATE_REPOSITORY="true").code == 0
    steps = [call[0] for call in app.calls.named("build", "create", "push")]
    assert steps == ["build"] * 3 + ["create"] + ["push"] * 6


@pytest.mark.parametrize("line", [("build", "own", "push"), ("build", "--json", "push"), ("build", "release")])
def test_what_stands_between_build_and_push_sees_every_image_built_and_none_pushed(
    app: Project, during: dict[str, Callable[[], object]], line: tuple[str, ...]
) -> None:
    def own(c: Context) -> None:
        assert len(built(app)) == 6
        assert app.calls.named("push") == []

    def release(c: Context) -> None:
        own(c)
        ecr_tasks.push(c)

    others = [*ecr_tasks.ns.tasks.values(), *ecr_tasks.ns.collections.values()]
    app.namespace = Collection(task(own, name="own"), task(release), *others)
    during["e"] = lambda: time.sleep(0.2)
    result = app.inv(*line)
    assert result.code == 0, result.stderr
    steps = [call[0] for call in app.calls.named("build", "push")]
    assert steps == ["build"] * 3 + ["push"] * 6


def test_a_push_of_the_users_own_sees_every_image_built(app: Project) -> None:
    seen = []

    def own(c: Context) -> None:
        seen.append((len(built(app)), len(app.calls.named("push"))))
        ecr_tasks.push(c)

    app.namespace = Collection(ecr_tasks.build, task(own, name="push"))
    assert app.inv(*BUILD_PUSH).code == 0
    assert seen == [(6, 0)]


def test_the_groups_of_a_log_stand_beside_each_other(
    app: Project, during: dict[str, Callable[[], object]], github: dict[str, str]
) -> None:
    during["e"] = wait_until_published(app, "a", "b")
    result = app.inv(*BUILD_PUSH, **github)
    assert result.code == 0, result.stderr
    marks = [line for line in result.stderr.splitlines() if line.startswith(("::group::", "::endgroup::"))]
    assert [mark.startswith("::group::") for mark in marks] == [True, False] * (len(marks) // 2)
    assert all(result.stderr.count(f"::group::Publish {name}\n") == 1 for name in NAMES)
