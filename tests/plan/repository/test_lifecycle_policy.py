"""Lifecycle policies: the default, and files with and without a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.local_ecr import lifecycle_policy
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.plan.repository.lifecycle_policy import CACHE_DAYS, UNTAGGED_DAYS, default_lifecycle, read_lifecycle
from ecr_tasks.plan.repository.repository_policy import same
from tests.plan.repository.files import write_policy

NOW = 2_000_000_000.0
EXPIRE = {"type": "expire"}
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
RULE = {"rulePriority": 1, "selection": SELECTION, "action": EXPIRE}
TAGGED = {**RULE, "selection": {**SELECTION, "tagStatus": "tagged", "tagPrefixList": ["v"]}}


def image(digest: str, *tags: str, days: float = 1000, **more: Any) -> lifecycle_policy.Candidate:
    return lifecycle_policy.Candidate(digest, list(tags), NOW - days * lifecycle_policy.DAY, **more)


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
    outcomes = lifecycle_policy.evaluate(lifecycle_policy.parse(default_lifecycle(CACHE_TAG)), images, NOW)
    assert set(outcomes) == {"untagged", "cache"}
    fresh = lifecycle_policy.evaluate(
        lifecycle_policy.parse(default_lifecycle(CACHE_TAG)), [image("cache", CACHE_TAG, days=CACHE_DAYS - 1)], NOW
    )
    assert fresh == {}


def rules(*rules: object) -> str:
    return json.dumps({"rules": rules})


def selecting(**changes: object) -> str:
    return rules({**RULE, "selection": {**SELECTION, **changes}})


@pytest.mark.parametrize(
    ("text", "problem"),
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
def test_a_lifecycle_policy_that_is_none_is_told_where(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_lifecycle(write_policy(tmp_path, text), "ECR_LIFECYCLE_POLICY")
    assert problem in caught.value.cause
    assert "ECR_LIFECYCLE_POLICY" in caught.value.cause
    assert caught.value.remedy.endswith(".")


ARCHIVED = {**SELECTION, "tagStatus": "untagged", "storageClass": "archive"}


@pytest.mark.parametrize(
    "listed",
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
def test_what_is_a_lifecycle_policy_passes(tmp_path: Path, listed: list[object]) -> None:
    lifecycle_policy.parse(read_lifecycle(write_policy(tmp_path, rules(*listed)), "ECR_LIFECYCLE_POLICY"))


def test_a_policy_of_few_characters_is_one_that_ecr_takes(tmp_path: Path) -> None:
    short = json.dumps({"rules": [RULE]}, separators=(",", ":"))
    text = read_lifecycle(write_policy(tmp_path, short), "ECR_LIFECYCLE_POLICY")
    assert len(text) >= 100
    assert same(text, short)
