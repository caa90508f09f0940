"""Tests of plan/promotion: which images are of another commit than most of those that are promoted together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.plan.promotion import of_other_commits
from tests.support.build import manifest


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"web": "sha-a1b2c3d", "worker": "sha-a1b2c3d"}, None),
        ({"web": "sha-a1b2c3d", "worker": "a1b2c3d4e5"}, None),  # the same commit, longer
        ({"web": "sha-a1b2c3d", "worker": "1.2.3"}, None),  # which names no commit
        (
            {"web": "sha-a1b2c3d", "worker": "sha-a1b2c3d", "cron": "sha-b1b2c3d", "proxy": "1.2.3"},
            ("a1b2c3d", ["cron"]),
        ),
        ({"web": "1.2.3", "worker": "main"}, None),
        ({}, None),
    ],
)
def test_an_image_is_of_another_commit_where_its_tags_name_one(
    tags: dict[str, str], expected: tuple[str, list[str]] | None
) -> None:
    images = {name: replace(manifest(name), tags=(tag,)) for name, tag in tags.items()}
    assert of_other_commits(images) == expected
