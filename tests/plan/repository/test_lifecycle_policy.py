"""Lifecycle policies: the default, and files with and without a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError
from ecr_tasks.local_ecr import lifecycle_policy
from ecr_tasks.local_ecr.errors import EcrError
from ecr_tasks.model.manifest import CACHE_TAG, CACHE_TAGS
from ecr_tasks.model.tag import PART_TAG
from ecr_tasks.plan.repository.lifecycle_policy import (
    CACHE_DAYS,
    PART_DAYS,
    UNTAGGED_DAYS,
    default_lifecycle,
    read_lifecycle,
)
from ecr_tasks.plan.repository.repository_policy import same
from tests.plan.repository.files import write_policy

NOW = 2_000_000_000.0
EXPIRE = {"type": "expire"}
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
RULE = {"rulePriority": 1, "selection": SELECTION, "action": EXPIRE}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
ARCHIVED = {
    **SELECTION,
    "countType": "sinceImageTransitioned",
    "countUnit": "days",
    "countNumber": 90,
    "storageClass": "archive",
}
EXPIRE_ARCHIVED = {**RULE, "selection": ARCHIVED}
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
        image("branch's cache", f"{CACHE_TAG}-feature-x"),
        image("part of the index", f"{PART_TAG}1f2e3d4-0a1b-linux-arm64", parents=["index"]),
        image("part that nobody completed", f"{PART_TAG}1f2e3d4-0a1b-linux-amd64"),
        image("part that another runner completes", f"{PART_TAG}2f2e3d4-0a1b-linux-amd64", days=PART_DAYS - 1),
    ]
    outcomes = lifecycle_policy.evaluate(lifecycle_policy.parse(default_lifecycle(CACHE_TAGS)), images, NOW)
    assert set(outcomes) == {"untagged", "cache", "branch's cache", "part that nobody completed"}
    fresh = lifecycle_policy.evaluate(
        lifecycle_policy.parse(default_lifecycle(CACHE_TAGS)), [image("cache", CACHE_TAG, days=CACHE_DAYS - 1)], NOW
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
        (rules({**RULE, "description": 1}), "a description that is no text"),
        (json.dumps({"rules": [RULE], "version": 1}), "has the key 'version'"),
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
        (
            rules({**RULE, "action": {"type": "transition", "targetStorageClass": "deep"}}),
            "targetStorageClass archive",
        ),
        (rules(RULE, {**TAGGED, "rulePriority": 2}), "must be the last one"),
        (rules(EXPIRE_ARCHIVED, {**EXPIRE_ARCHIVED, "rulePriority": 2}), "has the tagStatus any of another one"),
        (rules(TAGGED, {**TAGGED, "rulePriority": 2}), "has the tagPrefixList of another one"),
        (selecting(countType="sinceImagePulled", countUnit="days"), "only an action of the type transition"),
        (
            selecting(storageClass="archive"),
            "needs the storageClass archive with the countType sinceImageTransitioned",
        ),
        (selecting(countType="sinceImageTransitioned", countUnit="days", countNumber=90), "needs the storageClass"),
        (selecting(**{**ARCHIVED, "countNumber": 89}), "a countNumber below 90"),
        (rules({**RULE, "selection": ARCHIVED, "action": ARCHIVE}), "only an action of the type expire"),
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


PULLED = {**SELECTION, "countType": "sinceImagePulled", "countUnit": "days"}
VERSIONS = {**SELECTION, "tagStatus": "tagged", "tagPrefixList": ["v", "w"]}


@pytest.mark.parametrize(
    "listed",
    [
        [RULE],
        [
            {**RULE, "rulePriority": 9, "description": "the rest"},
            TAGGED,
            {**TAGGED, "rulePriority": 2, "selection": VERSIONS},
        ],
        [{**RULE, "action": ARCHIVE}, {**EXPIRE_ARCHIVED, "rulePriority": 2}],
        [
            {**RULE, "rulePriority": 1, "selection": {**PULLED, "storageClass": "standard"}, "action": ARCHIVE},
            {**RULE, "rulePriority": 2, "selection": {**ARCHIVED, "tagStatus": "untagged"}},
            {**RULE, "rulePriority": 3, "selection": {**ARCHIVED, "tagStatus": "tagged", "tagPrefixList": ["v"]}},
        ],
        [{**RULE, "selection": {**PULLED, "countNumber": 1}, "action": ARCHIVE}],
    ],
)
def test_what_is_a_lifecycle_policy_passes(tmp_path: Path, listed: list[object]) -> None:
    lifecycle_policy.parse(read_lifecycle(write_policy(tmp_path, rules(*listed)), "ECR_LIFECYCLE_POLICY"))


def test_a_policy_of_few_characters_is_one_that_ecr_takes(tmp_path: Path) -> None:
    short = json.dumps({"rules": [RULE]}, separators=(",", ":"))
    text = read_lifecycle(write_policy(tmp_path, short), "ECR_LIFECYCLE_POLICY")
    assert len(text) >= 100
    assert same(text, short)


def mostly(value: object, *others: object) -> st.SearchStrategy[object]:
    """Return a strategy that draws ``value`` more often than each of the others."""
    return st.sampled_from([value] * 4 + [*others])


SELECTIONS = st.fixed_dictionaries(
    {
        "tagStatus": st.sampled_from(["any", "untagged", "tagged"]),
        "countType": st.sampled_from([*lifecycle_policy.SCHEMAS, "sinceImagePushed"])
        | mostly("imageCountMoreThan", 1),
        "countNumber": mostly(90, 89, 0, True, "90", 1.5),
    },
    optional={
        "countUnit": mostly("days", "hours"),
        "storageClass": mostly("archive", "standard", "cold"),
        "tagPrefixList": mostly(["v"], ["w"], ["v", "w"], [], "v", [""], [1]),
        "tagPatternList": mostly(["v*"], ["*a*b*c*d*"], [], [None]),
        "colour": st.just("red"),
    },
)
ACTIONS = st.sampled_from([EXPIRE, EXPIRE, ARCHIVE, ARCHIVE, {"type": "burn"}, {"type": "transition"}, {}, None])
RULES = st.lists(
    st.fixed_dictionaries(
        {"rulePriority": mostly(1, 2, 3, 0, True), "selection": SELECTIONS, "action": ACTIONS},
        optional={"description": mostly("", 1), "colour": st.just("red")},
    ),
    max_size=3,
)


def possible(selection: dict[str, object]) -> dict[str, object]:
    """Return a selection with the members that its tagStatus and its countType ask for."""
    lists = {"tagPrefixList": ["v"]} if selection["tagStatus"] == "tagged" else {}
    kept = {
        key: value for key, value in selection.items() if key not in ("tagPatternList", "tagPrefixList", "countUnit")
    }
    return {**kept, **lists, **({} if kept["countType"] == "imageCountMoreThan" else {"countUnit": "days"})}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RULES, st.booleans())
def test_the_check_takes_what_the_local_ecr_takes(tmp_path: Path, listed: list[dict[str, Any]], mend: bool) -> None:
    if mend:
        listed = [{**rule, "selection": possible(rule["selection"])} for rule in listed]
    path = write_policy(tmp_path, rules(*listed))
    try:
        text = read_lifecycle(path, "ECR_LIFECYCLE_POLICY")
    except SettingsError as error:
        refusal = error.cause
    else:
        lifecycle_policy.parse(text)
        return
    with pytest.raises(EcrError, match="Lifecycle policy validation failure"):
        lifecycle_policy.parse(rules(*listed))
    assert "ECR_LIFECYCLE_POLICY" in refusal
