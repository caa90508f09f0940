"""Lifecycle and repository policies: the default, files with a mistake, and two texts that say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.cache import CACHE_TAG
from ecr_tasks.errors import SettingsError
from ecr_tasks.local import lifecycle
from ecr_tasks.repository.policies import (
    CACHE_DAYS,
    UNTAGGED_DAYS,
    default_lifecycle,
    read_lifecycle,
    read_policy,
    same,
)

NOW = 2_000_000_000.0
EXPIRE = {"type": "expire"}
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
    "action": EXPIRE,
}


def image(digest: str, *tags: str, days: float = 1000, **more: Any) -> lifecycle.Candidate:
    return lifecycle.Candidate(digest, list(tags), NOW - days * lifecycle.DAY, **more)


def test_the_default_policy_takes_untagged_and_cache_images_and_nothing_else() -> None:
    images = [
        image("release", "1.2.3", "latest"),
        image("commit", "sha-1f2e3d4"),
        image("index", "2.0.0"),
        image("child", parents=["index"]),
        image("signature", subject="release"),
        image("untagged"),
        image("new", days=UNTAGGED_DAYS - 1),
        image("cache", CACHE_TAG),
    ]
    outcomes = lifecycle.evaluate(lifecycle.parse(default_lifecycle(CACHE_TAG)), images, NOW)
    assert {one.digest for one in outcomes} == {"untagged", "cache"}
    fresh = lifecycle.evaluate(
        lifecycle.parse(default_lifecycle(CACHE_TAG)), [image("cache", CACHE_TAG, days=CACHE_DAYS - 1)], NOW
    )
    assert fresh == []


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.json"
    path.write_text(text, encoding="utf-8")
    return path


def rules(*found: object) -> str:
    return json.dumps({"rules": found})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ":1:1: "),
        ('{"rules":\n [1,]}', ":2:"),
        ("[]", "must be a JSON object"),
        (rules(), "1 to 50"),
        (rules(*[RULE] * 51), "1 to 50"),
        (rules(1), "is no object"),
        (rules({**RULE, "rulePriority": 0}), "rulePriority from 1"),
        (rules(RULE, RULE), "(number 2) that has the rulePriority 1 of another"),
        (rules({**RULE, "selection": {"tagStatus": "all"}}), "tagged, untagged or any"),
        (rules({**RULE, "selection": {**RULE["selection"], "tagStatus": "tagged"}}), "needs tagPatternList"),  # type: ignore[dict-item]
        (rules({**RULE, "selection": {"tagStatus": "any"}}), "countType"),
        (rules({**RULE, "action": {"type": "delete"}}), "expire or transition"),
        (json.dumps({"rules": [{**RULE, "description": "x" * 31_000}]}), "ECR takes 30720"),
    ],
)
def test_a_lifecycle_policy_that_is_none_is_told_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_lifecycle(written(tmp_path, text), "ECR_LIFECYCLE_POLICY")
    assert says in caught.value.cause
    assert "ECR_LIFECYCLE_POLICY" in caught.value.cause
    assert caught.value.remedy.endswith(".")


def test_a_policy_of_few_characters_is_one_that_ecr_takes(tmp_path: Path) -> None:
    short = json.dumps({"rules": [RULE]}, separators=(",", ":"))
    text = read_lifecycle(written(tmp_path, short), "ECR_LIFECYCLE_POLICY")
    assert len(text) >= 100
    assert same(text, short)


def test_a_file_that_is_not_text_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="can't be read"):
        read_policy(path, "ECR_REPOSITORY_POLICY")
    with pytest.raises(SettingsError, match="can't be read"):
        read_policy(written(tmp_path, "[" * 200_000), "ECR_REPOSITORY_POLICY")


def test_what_differs_only_in_writing_is_the_same() -> None:
    assert same('{"a": ["x", "y"], "b": ["z"]}', '{"b":"z","a":["y","x"]}')
    assert not same('{"a": "x"}', '{"a": "y"}')
    assert not same(None, "{}")
    assert same(None, None)
