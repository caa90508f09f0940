"""What a registry's image tells of itself, and its tags of its commit where its manifest was not read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.model.manifest import (
    BASE_DIGEST,
    BASE_NAME,
    CREATED,
    INPUTS_DIGITS,
    INPUTS_TAG,
    REVISION,
    SETTINGS,
    StoredImage,
)
from tests.support.build import digest, index, manifest

INPUTS = f"{INPUTS_TAG}{'0a' * (INPUTS_DIGITS // 2)}"


@pytest.mark.parametrize(
    ("tags", "commit"),
    [
        (["main", "sha-1a2b3c4", "1.2.3"], "1a2b3c4"),
        (["sha-1a2b3c4", "sha-1a2b3c4-r2"], "1a2b3c4"),
        (["sha-1a2b3c4", INPUTS], "1a2b3c4"),
        ([INPUTS], None),
        (["sha-1a2b3c4", "sha-4c3b2a1"], None),
        (["nightly-20241126"], None),
        (["20241126", "notsha-1184964"], None),
        (["main", "sha-1184964", "1.2.3"], "1184964"),
        (["app-sha-1184964-r2"], "1184964"),
        (["main-alpine", "sha-1a2b3c4-alpine"], "1a2b3c4"),
        (["sha-1184964-alpine-r2"], "1184964"),
        (["sha-1a2b3c4", "sha-" + "1a2b3c4d" * 5], "1a2b3c4d" * 5),
        (["sha-1a2b3c4x-alpine"], None),
        (["main-1a2b3c4-20261128"], "1a2b3c4"),
        (["main-alpine", "main-1a2b3c4-alpine"], "1a2b3c4"),
        (["main-alpine", "main-1a2b3c4-alpine-r2"], "1a2b3c4"),
        (["main-alpine", "main-1a2b3c4-20261128-alpine"], "1a2b3c4"),
        (["main-1a2b3c4-2026-11-28T22.30Z-r3"], "1a2b3c4"),
        (["main", "before-1a2b3c4-backup", "sha-4c3b2a1"], "4c3b2a1"),
        (["main", "feature-ed25519-keys", "defaced-page"], None),
        (["main", f"sha256-{'1a2b3c4d' * 8}.sig"], None),
    ],
)
def test_the_commit_that_tags_name(tags: list[str], commit: str | None) -> None:
    image = StoredImage("sha256:" + "0" * 64, "", "application/vnd.oci.image.manifest.v1+json", tags=tuple(tags))
    assert image.commit == commit


@pytest.mark.parametrize(
    ("tags", "is_named"), [(["main"], False), (["sha-0a0a0a0"], True), (["app-0a0a0a0-r2"], True), ([INPUTS], False)]
)
def test_an_image_is_of_its_labels_commit_where_a_tag_names_that_too(tags: list[str], is_named: bool) -> None:
    stored = replace(manifest("app", None), labels={REVISION: "0a" * 20}, tags=tuple(tags))
    assert stored.names_own_commit is is_named


def test_an_image_without_annotations_is_known_by_its_labels() -> None:
    said = {REVISION: "0a" * 20, CREATED: "2026-11-28T22:30:00Z", SETTINGS: "1 target=1"}
    for stored in (replace(manifest("classic", None), labels=said), manifest("app", None, said)):
        assert (stored.revision, stored.created, stored.settings) == tuple(said.values())


def test_an_image_stands_on_what_it_names_with_a_digest() -> None:
    name, base = "docker.io/library/python:3.12", digest("python")
    assert manifest("app", annotations={BASE_NAME: name, BASE_DIGEST: base}).bases == ((name, base),)
    assert manifest("app", annotations={BASE_NAME: name}).bases == ()
    assert manifest("app", annotations={BASE_DIGEST: base}).bases == ()


def test_an_image_that_was_only_looked_at_has_the_size_that_ecr_lists_and_an_index_has_none() -> None:
    image, several = (replace(item, listed_size=5) for item in (manifest("app"), index([(None, digest("app"))])))
    assert (image.size, replace(image, manifest="").size) == (32100, 5)
    assert (several.size, replace(several, manifest="").size) == (None, None)
