"""Tests of plan/outdated: which published images are looked at, and how each stands on its base images."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.inventory import CACHE, ImageDetail
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME, CACHE_TAG, INPUTS_TAG, StoredImage
from ecr_tasks.plan.outdated import Standing, base_names, replacements, standing, tagged_images
from tests.support.build import INDEX, MANIFEST, digest, manifest

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
PYTHON, GOLANG, NODE = (f"docker.io/library/{name}" for name in ("python:3.12", "golang:1", "node:22"))
UNTAGGED = "registry.example.com:5000/python"


def detail(name: str, *tags: str, minutes: int = 0, **facts: Any) -> ImageDetail:
    return ImageDetail(digest(name), MANIFEST, tags, pushed=START + timedelta(minutes=minutes), **facts)


def on(*bases: str) -> StoredImage:
    """Return an image for several platforms, each on one of these base images as it was at the build."""
    entries = [
        {"digest": digest(name), "annotations": {BASE_NAME: name, BASE_DIGEST: digest(name)}} for name in bases
    ]
    text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    return StoredImage(digest(text), text, INDEX)


def stands(image: StoredImage) -> Standing:
    """Return how an image stands where python is what it was, golang has moved and node's registry doesn't answer."""
    now: dict[str, str | EcrTasksError] = {PYTHON: digest(PYTHON), GOLANG: digest("another")}
    return standing("team/app", detail("app", "main"), image, {**now, NODE: RegistryError("No answer.", "Wait.")})


@pytest.mark.parametrize(
    ("bases", "state", "name"),
    [
        ([PYTHON], "current", PYTHON),
        ([PYTHON, GOLANG], "moved", GOLANG),
        ([NODE, GOLANG], "moved", GOLANG),
        ([PYTHON, NODE], "unknown", NODE),
        ([PYTHON, UNTAGGED], "unknown", UNTAGGED),
    ],
)
def test_of_several_bases_one_that_has_moved_decides_then_one_of_which_nothing_is_known(
    bases: list[str], state: str, name: str
) -> None:
    found = stands(on(*bases))
    assert (found.state, found.name) == (state, name)


def test_the_port_of_a_registry_is_no_tag_that_could_move() -> None:
    assert base_names(on(UNTAGGED, PYTHON)) == (PYTHON,)
    assert stands(on(UNTAGGED)).because == "its base image has no tag that could move"


def test_the_newest_images_are_looked_at_and_neither_what_is_archived_nor_what_is_no_image() -> None:
    details = [
        detail("old", "1.0.0", minutes=1),
        detail("new", "1.2.0", minutes=3),
        detail("between", "1.1.0", minutes=2),
        detail("archived", "0.9.0", minutes=4, status="ARCHIVED"),
        detail("cache", "cache-of-ci", minutes=5, artifact_type=CACHE),
        detail("untagged", minutes=6),
        detail("inputs", f"{INPUTS_TAG}0a", f"{CACHE_TAG}-main", minutes=7),
    ]
    found = tagged_images(details, None, None)
    assert [item.tags[0] for item in found] == ["1.2.0", "1.1.0", "1.0.0"]
    assert tagged_images(details, None, 2) == found[:2]
    assert tagged_images(details, "1.0.*", 1) == found[2:]


def test_images_are_replaced_by_the_last_revision_in_whatever_order_they_are_listed() -> None:
    first, second, third = detail("first", "1.2.3"), detail("second", "1.2.3-r2"), detail("third", "1.2.3-r3")
    expected = dict.fromkeys((first.digest, second.digest), "1.2.3-r3")
    assert replacements([first, second, third]) == replacements([third, second, first]) == expected


def test_the_tag_of_an_images_inputs_needs_no_revision() -> None:
    first = detail("first", "1.2.3", f"{INPUTS_TAG}0a")
    assert replacements([first, detail("second", "1.2.3-r2", f"{INPUTS_TAG}0b")]) == {first.digest: "1.2.3-r2"}


def test_an_image_of_which_one_tag_has_no_revision_is_not_replaced() -> None:
    assert replacements([detail("first", "1.2.3", "stable"), detail("second", "1.2.3-r2")]) == {}


def test_an_image_that_says_nothing_of_its_base_is_of_unknown_state() -> None:
    assert stands(manifest("silent")) == Standing(
        "team/app", digest("app"), ("main",), because="it doesn't say what it stands on"
    )
