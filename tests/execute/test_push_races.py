"""Tests of execute/push when several runs publish the same commit: all tags are on the image of one run."""

from __future__ import annotations

import pytest

from ecr_tasks.model.image import Keep
from tests.support.build import SHA_TAG
from tests.support.publishing import NAME, OTHER_RUN_IMAGE, VARIANTS, Publisher, all_tags_at


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_image_of_another_run_before_our_push_is_published(variant: str) -> None:
    publisher = Publisher(**VARIANTS[variant])  # type: ignore[arg-type]
    item = publisher.plan()
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    published = publisher.publish(item)
    assert publisher.calls.named("push") == []
    assert published.digest == OTHER_RUN_IMAGE.digest
    assert published.state != "pushed"
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)
    assert OTHER_RUN_IMAGE.digest in "".join(publisher.warnings)


@pytest.mark.parametrize("keep", ["store", "builder"])
@pytest.mark.parametrize("classic", [False, True])
def test_the_image_of_another_run_during_our_push_is_published_in_an_immutable_repository(
    keep: Keep, classic: bool
) -> None:
    publisher = Publisher(locked=True, keep=keep, classic=classic)
    during = "push" if keep == "store" else "build"
    publisher.calls.before[during] = lambda: publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    published = publisher.run()
    assert published.digest == OTHER_RUN_IMAGE.digest
    assert published.state != "pushed"
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)
    assert publisher.warnings


def test_the_image_of_another_run_after_our_push_is_published_in_a_mutable_repository() -> None:
    publisher = Publisher()
    publisher.calls.after["push"] = lambda: publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    published = publisher.run()
    assert published.digest == OTHER_RUN_IMAGE.digest
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)
    assert publisher.warnings


def test_the_same_image_of_another_run_gives_no_warning() -> None:
    publisher = Publisher()
    publisher.calls.before["image"] = lambda: publisher.registry.put(NAME, publisher.built_image, SHA_TAG)
    assert publisher.run().digest == publisher.built_image.digest
    assert publisher.calls.named("push") == []
    assert publisher.warnings == []
    assert publisher.tags == all_tags_at(publisher.built_image.digest)
