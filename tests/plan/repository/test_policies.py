"""Lifecycle and repository policies: the default, files with a mistake, and two texts that say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.local_ecr import lifecycle
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.plan.repository.policies import (
    CACHE_DAYS,
    UNTAGGED_DAYS,
    default_lifecycle,
    read_lifecycle,
    read_policy,
    same,
)

NOW = 2_000_000_000.0
EXPIRE = {"type": "expire"}
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
RULE = {"rulePriority": 1, "selection": SELECTION, "action": EXPIRE}
TAGGED = {**RULE, "selection": {**SELECTION, "tagStatus": "tagged", "tagPrefixList": ["v"]}}


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


def selecting(**changes: object) -> str:
    return rules({**RULE, "selection": {**SELECTION, **changes}})


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
        (selecting(tagStatus="tagged"), "needs tagPatternList"),
        (rules({**RULE, "selection": {"tagStatus": "any"}}), "countType"),
        (rules({**RULE, "colour": "red"}), "the key 'colour'"),
        (selecting(tagprefixList=["v"]), "the key 'tagprefixList' in its selection"),
        (selecting(tagStatus="untagged", tagPrefixList=["v"]), "only there"),
        (selecting(tagStatus="tagged", tagPrefixList=["v"], tagPatternList=["v*"]), "only there"),
        (selecting(tagStatus="tagged", tagPatternList=[]), "no list of strings"),
        (selecting(tagStatus="tagged", tagPatternList="v*"), "no list of strings"),
        (selecting(tagStatus="tagged", tagPatternList=["*a*b*c*d*"]), "the 4 wildcards"),
        (selecting(countType="sinceImageMoved", countUnit="days"), "no countType that is imageCountMoreThan, "),
        (selecting(countNumber=0), "countNumber from 1"),
        (selecting(countNumber=True), "countNumber from 1"),
        (selecting(countUnit="days"), "none with imageCountMoreThan"),
        (selecting(countType="sinceImagePushed"), "needs the countUnit days"),
        (selecting(countType="sinceImagePulled", countUnit="hours"), "needs the countUnit days"),
        (rules({**RULE, "action": {"type": "transition"}}), "targetStorageClass archive"),
        (rules({**RULE, "action": {**EXPIRE, "targetStorageClass": "archive"}}), "targetStorageClass archive"),
        (rules(RULE, {**TAGGED, "rulePriority": 2}), "must be the last one"),
        (rules(RULE, {**RULE, "rulePriority": 2}), "has the tagStatus any of another one"),
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


ARCHIVED = {**SELECTION, "tagStatus": "untagged", "storageClass": "archive"}


@pytest.mark.parametrize(
    "found",
    [
        [RULE],
        [{**RULE, "rulePriority": 9, "description": "the rest"}, TAGGED, {**TAGGED, "rulePriority": 2}],
        [
            {**RULE, "selection": {**SELECTION, "tagStatus": "untagged"}},
            {**RULE, "rulePriority": 2, "selection": ARCHIVED},
        ],
        [
            {
                **RULE,
                "selection": {**SELECTION, "countType": "sinceImagePulled", "countUnit": "days"},
                "action": {"type": "transition", "targetStorageClass": "archive"},
            }
        ],
    ],
)
def test_what_is_a_lifecycle_policy_passes(tmp_path: Path, found: list[object]) -> None:
    lifecycle.parse(read_lifecycle(written(tmp_path, rules(*found)), "ECR_LIFECYCLE_POLICY"))


@pytest.mark.parametrize("document", [{}, {"Statement": []}, {"Statement": [{}]}, {"Statement": {"Effect": "allow"}}])
def test_a_repository_policy_without_statements_is_told_before_anything_is_set(
    tmp_path: Path, document: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match='"Statement"'):
        read_policy(written(tmp_path, json.dumps(document)), "ECR_REPOSITORY_POLICY")


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
