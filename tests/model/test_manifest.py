"""What the tags of an image tell of its commit where its manifest was not read."""

from __future__ import annotations

import pytest

from ecr_tasks.model.manifest import INPUTS_DIGITS, INPUTS_TAG, StoredImage

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
