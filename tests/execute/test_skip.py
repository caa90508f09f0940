"""Tests of publishing with ECR_SKIP: the order of the tags, other runs, and failures."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.execute.build import build
from ecr_tasks.execute.push import publish
from ecr_tasks.model.receipt import Built, Published
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.snapshot import FRESH_SECONDS, Snapshot
from ecr_tasks.settings.schema import Skip
from tests.support.build import ALL_TAGS, BRANCH, FIXED, REVISION_A, SHA_TAG, manifest, repository, source
from tests.support.fakes import Calls, FakeDocker, FakeRegistry
from tests.support.inputs import (
    CURRENT_INPUTS,
    IMAGE_OF_SAME_INPUTS,
    IMAGE_WITHOUT_INPUTS,
    INPUTS_TAG,
    NAME,
    image_of,
)


class Pipeline:
    """Plans, builds and publishes an image with a fake docker and a fake registry."""

    def __init__(self, *, skip: Skip = "content", locked: bool = False, classic: bool = False) -> None:
        target = repository("IMMUTABLE_WITH_EXCLUSION", "main", "latest") if locked else repository()
        self.registry = FakeRegistry(Calls(), target)
        self.docker = FakeDocker(self.registry, classic=classic)
        self.skip: Skip = skip
        self.warnings: list[str] = []
        self.image = image_of(CURRENT_INPUTS if skip == "content" else None)
        self.calls = self.registry.calls

    def plan(self) -> Plan:
        """Return a plan without conflicts for the current state of the registry."""
        views = self.registry.describe({NAME: self.image.tag_names})
        plan = make_plan([self.image], source(), Snapshot(views), skip=self.skip)
        plan.check()
        return plan

    def build_image(self) -> Built:
        """Build the image."""
        return build([self.image], source(), self.docker, builder=None, keep={NAME: "store"})[NAME]

    def run(self, plan: Plan | None = None) -> Published:
        """Build if the plan needs it, and publish."""
        (item,) = (plan or self.plan()).images
        built = self.build_image() if item.build_needed else None
        self.calls.log.clear()
        age = FRESH_SECONDS if item.build_needed else 0.0
        return publish(item, built, self.docker, self.registry, warn=self.warnings.append, age=age)

    @property
    def tags_in_set_order(self) -> list[str]:
        """The tags that were set, in the order of the calls."""
        return self.calls.tags_set

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.registry.tags[NAME])


@pytest.mark.parametrize("classic", [False, True])
def test_a_built_image_gets_its_inputs_tag_before_the_moving_tags(classic: bool) -> None:
    pipeline = Pipeline(classic=classic)
    published = pipeline.run()
    assert published.state == "pushed"
    assert pipeline.tags_in_set_order == [SHA_TAG, INPUTS_TAG, "1.2.3", "main", "latest"]
    assert pipeline.tags == dict.fromkeys([*(tag.name for tag in ALL_TAGS), INPUTS_TAG], published.digest)
    assert INPUTS_TAG not in published.tags


@pytest.mark.parametrize("locked", [False, True])
def test_an_image_with_the_same_inputs_gets_every_tag_and_the_fixed_ones_first(locked: bool) -> None:
    pipeline = Pipeline(locked=locked)
    pipeline.registry.put(NAME, IMAGE_OF_SAME_INPUTS, INPUTS_TAG)
    pipeline.registry.put(NAME, IMAGE_WITHOUT_INPUTS, "main")
    published = pipeline.run()
    assert (published.state, published.digest) == ("retagged", IMAGE_OF_SAME_INPUTS.digest)
    assert pipeline.calls.named("push", "copy", "build") == []
    assert locked or pipeline.calls.log[0] == ("tag_digests", NAME, SHA_TAG, "1.2.3")
    assert pipeline.tags_in_set_order == [SHA_TAG, "1.2.3", "main", "latest"]
    assert pipeline.tags == dict.fromkeys([*(tag.name for tag in ALL_TAGS), INPUTS_TAG], IMAGE_OF_SAME_INPUTS.digest)
    pipeline.run()
    assert pipeline.calls.log == []


def test_a_failure_at_any_call_is_finished_by_a_second_run() -> None:
    expected = Pipeline()
    expected.run()
    for position in range(len(expected.calls.log)):
        for late in (False, True):
            pipeline = Pipeline()
            plan = pipeline.plan()
            (item,) = plan.images
            built = pipeline.build_image()
            pipeline.calls.log.clear()
            pipeline.calls.fail_at, pipeline.calls.late = position, late
            with suppress(RegistryError):
                publish(item, built, pipeline.docker, pipeline.registry, warn=pipeline.warnings.append)
            pipeline.calls.fail_at = None
            pipeline.run()
            left = [tag for tag in pipeline.tags if "upload" in tag]
            assert not left or "not removed: The network is gone." in "".join(pipeline.warnings)
            assert {tag: digest for tag, digest in pipeline.tags.items() if tag not in left} == expected.tags


def test_an_error_names_no_tag_that_is_not_set() -> None:
    pipeline = Pipeline()
    pipeline.registry.put(NAME, IMAGE_OF_SAME_INPUTS, INPUTS_TAG)
    plan = pipeline.plan()
    pipeline.calls.before["set_tag"] = lambda: setattr(pipeline.calls, "fail_at", len(pipeline.calls.log) - 1)
    with pytest.raises(RegistryError) as error:
        pipeline.run(plan)
    assert SHA_TAG not in error.value.cause


@pytest.mark.parametrize("locked", [False, True])
def test_the_inputs_tag_of_another_run_is_not_moved(locked: bool) -> None:
    for call in ("push", "images"):
        pipeline = Pipeline(locked=locked)
        pipeline.calls.after[call] = lambda pipeline=pipeline: pipeline.registry.put(
            NAME, IMAGE_OF_SAME_INPUTS, INPUTS_TAG
        )  # type: ignore[misc]
        published = pipeline.run(pipeline.plan())
        assert pipeline.tags[INPUTS_TAG] == IMAGE_OF_SAME_INPUTS.digest
        assert pipeline.tags[SHA_TAG] == published.digest != IMAGE_OF_SAME_INPUTS.digest


def test_an_image_of_other_inputs_gets_no_inputs_tag() -> None:
    pipeline = Pipeline()
    plan = pipeline.plan()
    pipeline.registry.put(NAME, manifest("another run's", REVISION_A), SHA_TAG)
    pipeline.run(plan)
    assert INPUTS_TAG not in pipeline.tags
    assert pipeline.warnings


def test_with_never_the_same_image_is_not_pushed_again() -> None:
    pipeline = Pipeline(skip="never")
    first = pipeline.run()
    second = pipeline.run()
    assert (second.state, second.digest) == ("already-published", first.digest)
    assert pipeline.calls.log == []
    pipeline.registry.put(NAME, IMAGE_WITHOUT_INPUTS, "main")
    assert (pipeline.run().state, pipeline.tags_in_set_order) == ("retagged", ["main"])
    assert pipeline.warnings == []


@pytest.mark.parametrize("classic", [False, True])
def test_with_never_another_image_under_a_fixed_tag_is_refused(classic: bool) -> None:
    pipeline = Pipeline(skip="never", classic=classic)
    pipeline.image = image_of(None, [FIXED, BRANCH])
    other_image = manifest("published", REVISION_A)
    pipeline.registry.put(NAME, other_image, SHA_TAG)
    before = pipeline.tags
    with pytest.raises(Refused) as error:
        pipeline.run()
    assert other_image.digest in error.value.cause
    built_image = manifest(f"{NAME} as built")
    assert (str(built_image.config_digest) if classic else built_image.digest) in error.value.cause
    assert "ECR_SKIP=commit" in error.value.remedy
    assert "--republish" in error.value.remedy
    assert pipeline.tags == before
    assert pipeline.calls.named("push", "set_tag") == []


@pytest.mark.parametrize(
    ("locked", "moment"),
    [(False, "before we read"), (True, "before we read"), (True, "before our push"), (False, "after our push")],
)
def test_with_never_the_image_of_another_run_is_refused(locked: bool, moment: str) -> None:
    pipeline = Pipeline(skip="never", locked=locked)
    other_image = manifest("another run's", REVISION_A)
    plan = pipeline.plan()
    when = pipeline.calls.after if moment == "after our push" else pipeline.calls.before
    call = "tag_digests" if moment == "before we read" else "push"
    when[call] = lambda: pipeline.registry.put(NAME, other_image, SHA_TAG)
    with pytest.raises(Refused) as error:
        pipeline.run(plan)
    assert other_image.digest in error.value.cause
    assert pipeline.tags_in_set_order == []
    assert pipeline.tags == {SHA_TAG: other_image.digest}


def test_with_never_a_moving_tag_moves() -> None:
    pipeline = Pipeline(skip="never")
    pipeline.image = image_of(None, [BRANCH])
    pipeline.registry.put(NAME, IMAGE_WITHOUT_INPUTS, "main")
    assert pipeline.run().state == "pushed"
