"""Policies: kept and given back; lifecycle rules checked, and really evaluated in the preview."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.local_ecr.errors import EcrError
from ecr_tasks.local_ecr.lifecycle_policy import DAY, Candidate, evaluate, parse
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient, digest_of

NOW = 1_000 * DAY
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


def rule(priority: int, status: str, kind: str, number: int, **more: Any) -> dict[str, Any]:
    selection = {"tagStatus": status, "countType": kind, "countNumber": number, **more}
    if kind != "imageCountMoreThan":
        selection.setdefault("countUnit", "days")
    return {"rulePriority": priority, "description": "x" * 20, "selection": selection, "action": {"type": "expire"}}


def policy(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": rules})


def image(name: str, days: float, *tags: str, **more: Any) -> Candidate:
    return Candidate(name, list(tags), NOW - days * DAY, **more)


def run(images: list[Candidate], *rules: dict[str, Any]) -> dict[str, int]:
    return {digest: rule.priority for digest, rule in evaluate(parse(policy(*rules)), images, NOW).items()}


def test_by_count() -> None:
    images = [image("a", 1, "v1"), image("b", 2, "v2"), image("c", 3, "v3"), image("d", 9)]
    assert run(images, rule(1, "tagged", "imageCountMoreThan", 1, tagPrefixList=["v"])) == {"b": 1, "c": 1}
    assert run(images, rule(1, "any", "imageCountMoreThan", 3)) == {"d": 1}
    assert run(images, rule(1, "untagged", "imageCountMoreThan", 1)) == {}


def test_by_age() -> None:
    images = [image("a", 13), image("b", 15), image("c", 15, pulled=NOW - DAY), image("d", 20, "v1")]
    assert run(images, rule(1, "untagged", "sinceImagePushed", 14)) == {"b": 1, "c": 1}
    unused = {**rule(1, "untagged", "sinceImagePulled", 14), "action": ARCHIVE}
    assert run(images, unused) == {"b": 1}
    assert run(images, rule(1, "any", "sinceImageTransitioned", 90, storageClass="archive")) == {}


def test_all_patterns_must_match_one_tag_each() -> None:
    images = [image("a", 1, "dev-1", "x-old"), image("b", 2, "dev-2"), image("c", 3, "dev-3.old")]
    both = rule(1, "tagged", "sinceImagePushed", 1, tagPatternList=["dev-*", "*old"])
    assert run([image("0", 5, "dev-0"), *images], both) == {"c": 1}
    aged = [image("a", 2, "dev-1", "x-old"), *images[1:]]
    assert run(aged, both) == {"a": 1, "c": 1}


def test_a_rule_of_higher_number_cannot_touch_what_an_earlier_one_selects() -> None:
    images = [image("a", 50, "prod-1"), image("b", 50, "beta-1"), image("c", 50)]
    priorities = run(
        images,
        rule(1, "tagged", "imageCountMoreThan", 1, tagPatternList=["prod*"]),
        rule(2, "any", "sinceImagePushed", 10),
    )
    assert priorities == {"b": 2, "c": 2}


def test_an_image_that_an_earlier_rule_expires_still_counts() -> None:
    images = [image("a", 1, "a1", "b1"), image("b", 2, "a2", "b2"), image("c", 3, "b3")]
    priorities = run(
        images,
        rule(1, "tagged", "imageCountMoreThan", 1, tagPatternList=["a*"]),
        rule(2, "tagged", "imageCountMoreThan", 1, tagPatternList=["b*"]),
    )
    assert priorities == {"b": 1, "c": 2}


def test_children_go_no_earlier_than_their_index() -> None:
    images = [
        image("index", 1, "v1"),
        image("child", 50, parents=["index"]),
        image("old", 50, "v0"),
        image("old child", 50, parents=["old"]),
        image("shared", 50, parents=["old", "index"]),
    ]
    untagged = rule(2, "untagged", "sinceImagePushed", 10)
    assert run(images, untagged) == {}
    priorities = run(images, rule(1, "tagged", "sinceImagePushed", 10, tagPatternList=["v*"]), untagged)
    assert priorities == {"old": 1, "old child": 2}


def test_referrers_follow_their_subject() -> None:
    images = [
        image("image", 50, "v1"),
        image("sbom", 1, subject="image"),
        image("signature", 1, subject="sbom"),
        image("young", 1, "v2"),
        image("its sbom", 50, subject="young"),
        image("orphan", 50, subject="gone"),
    ]
    priorities = run(
        images,
        rule(1, "tagged", "sinceImagePushed", 10, tagPatternList=["*"]),
        rule(2, "untagged", "sinceImagePushed", 10),
    )
    assert priorities == {"image": 1, "sbom": 1, "signature": 1, "orphan": 2}


def test_transition() -> None:
    moving = rule(1, "any", "sinceImagePushed", 10)
    moving["action"] = ARCHIVE
    outcomes = evaluate(parse(policy(moving)), [image("a", 20)], NOW)
    assert {digest: rule.action for digest, rule in outcomes.items()} == {"a": "TRANSITION"}


IMAGES = st.lists(
    st.tuples(st.integers(0, 40), st.sets(st.sampled_from(["v1", "v2", "dev-1", "dev-2"]), max_size=2)), max_size=8
)


@given(IMAGES, st.integers(1, 5))
def test_a_count_leaves_that_many_and_the_newest(ages_and_tags: list[tuple[int, set[str]]], number: int) -> None:
    images = [image(f"{index}", days, *tags) for index, (days, tags) in enumerate(ages_and_tags)]
    gone = run(images, rule(1, "any", "imageCountMoreThan", number))
    assert len(images) - len(gone) == min(number, len(images))
    kept = [item.pushed for item in images if item.digest not in gone]
    assert all(item.pushed <= min(kept) for item in images if item.digest in gone)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100,
        "[" * 101,
        '{"rules":[]}' + " " * 100,
        policy(*(rule(number, "untagged", "imageCountMoreThan", 1) for number in range(1, 52))),
        policy(rule(0, "untagged", "imageCountMoreThan", 1)),
        policy(rule(1, "untagged", "imageCountMoreThan", 0)),
        policy(rule(1, "untagged", "imageCountMoreThan", 1, countUnit="days")),
        policy(rule(1, "untagged", "sinceImagePushed", 1, countUnit="weeks")),
        policy(rule(1, "untagged", "sinceForever", 1)),
        policy(rule(1, "tagged", "imageCountMoreThan", 1)),
        policy(rule(1, "untagged", "imageCountMoreThan", 1, tagPatternList=["*"])),
        policy(rule(1, "tagged", "imageCountMoreThan", 1, tagPatternList=["*"], tagPrefixList=["a"])),
        policy(rule(1, "tagged", "imageCountMoreThan", 1, tagPatternList=["*a*b*c*d*"])),
        policy(rule(1, "tagged", "imageCountMoreThan", 1, tagPatternList=[])),
        policy(rule(1, "sometimes", "imageCountMoreThan", 1)),
        policy(rule(1, "any", "imageCountMoreThan", 1, colour="red")),
        policy({**rule(1, "any", "imageCountMoreThan", 1), "action": {"type": "burn"}}),
        policy({**rule(1, "any", "imageCountMoreThan", 1), "action": {"type": "transition"}}),
        policy({**rule(1, "any", "imageCountMoreThan", 1), "selection": None}),
        policy({**rule(1, "any", "imageCountMoreThan", 1), "colour": "red"}),
        policy(
            rule(1, "tagged", "imageCountMoreThan", 1, tagPatternList=["a"]),
            rule(1, "tagged", "imageCountMoreThan", 1, tagPatternList=["b"]),
        ),
        policy(rule(1, "any", "imageCountMoreThan", 1), rule(2, "untagged", "imageCountMoreThan", 1)),
        policy(rule(1, "any", "imageCountMoreThan", 1), rule(2, "any", "sinceImagePushed", 1)),
    ],
)
def test_policies_that_are_refused(text: str) -> None:
    with pytest.raises(EcrError, match="Lifecycle policy validation failure"):
        parse(text)


@pytest.mark.parametrize(
    "refused_rule",
    [
        rule(1, "any", "sinceImagePulled", 90),
        rule(1, "any", "imageCountMoreThan", 1, storageClass="archive"),
        {**rule(1, "any", "sinceImagePulled", 90, storageClass="archive"), "action": ARCHIVE},
        rule(1, "any", "sinceImageTransitioned", 90),
        rule(1, "any", "sinceImageTransitioned", 89, storageClass="archive"),
        {**rule(1, "any", "sinceImageTransitioned", 90, storageClass="archive"), "action": ARCHIVE},
        {**rule(1, "any", "sinceImagePushed", 1), "action": {"type": "expire", "targetStorageClass": None}},
        rule(1, "any", "sinceImagePushed", 1, storageClass=None),
        {**rule(1, "any", "sinceImagePushed", 1), "action": {**ARCHIVE, "targetStorageClass": "standard"}},
    ],
)
def test_what_none_of_the_four_schemas_takes(refused_rule: dict[str, Any]) -> None:
    with pytest.raises(EcrError, match=r"instance failed to match exactly one schema \(matched 0 out of 4\)"):
        parse(policy(refused_rule))


def test_what_the_four_schemas_take() -> None:
    archive = [{**rule(2, "any", "sinceImagePulled", 1, storageClass="standard"), "action": ARCHIVE}]
    archive.append(rule(9, "any", "sinceImageTransitioned", 90, storageClass="archive"))
    both_classes = [rule(1, "untagged", "sinceImagePushed", 1), rule(3, "untagged", "sinceImageTransitioned", 365)]
    both_classes[1]["selection"]["storageClass"] = "archive"
    assert [item.priority for item in parse(policy(*archive, *both_classes))] == [1, 2, 3, 9]
    counted = {**rule(1, "any", "imageCountMoreThan", 1), "action": ARCHIVE}
    assert parse(policy(counted))[0].action == "TRANSITION"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 100, "Could not map policyString into LifecyclePolicy."),
        ('{"rule":[]}', 'object instance has properties which are not allowed by the schema: (["rule"])'),
        ("{}", 'object has missing required properties (["rules"])'),
        ('{"rules":[{}]}', 'object has missing required properties (["action", "rulePriority", "selection"])'),
        (
            policy(rule(1, "tagged", "imageCountMoreThan", 1)),
            "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
        ),
        (
            policy(rule(1, "untagged", "imageCountMoreThan", 1), rule(2, "untagged", "sinceImagePushed", 1)),
            "Only one rule can select Untagged images per storage class.",
        ),
        (
            policy(rule(1, "any", "imageCountMoreThan", 1), rule(2, "untagged", "imageCountMoreThan", 1)),
            "Rule for tagStatus=ANY must have the lowest priority per storage class",
        ),
    ],
)
def test_the_sentences_of_ecr(text: str, reason: str) -> None:
    with pytest.raises(EcrError) as caught:
        parse(text)
    assert caught.value.message == (
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
        f"'Lifecycle policy validation failure: {reason}'"
    )


def test_the_text_is_kept(api: Any, repository: str) -> None:
    text = policy(rule(1, "untagged", "imageCountMoreThan", 1))
    assert refused(api.get_lifecycle_policy, repositoryName=repository)[0] == "LifecyclePolicyNotFoundException"
    api.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)
    kept = api.get_lifecycle_policy(repositoryName=repository)
    assert (kept["lifecyclePolicyText"], kept["lastEvaluatedAt"].timestamp()) == (text, 0.0)
    assert api.delete_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"] == text
    assert refused(api.delete_lifecycle_policy, repositoryName=repository)[0] == "LifecyclePolicyNotFoundException"
    for wrong in ("{}", "x" * 200):
        put = {"repositoryName": repository, "lifecyclePolicyText": wrong}
        assert refused(api.put_lifecycle_policy, **put)[0] == "InvalidParameterException"


def test_the_preview(api: Any, http: HttpClient, repository: str) -> None:
    digests = [digest_of(http.push_image(repository, f"v{number}", str(number).encode())) for number in range(4)]
    where = {"repositoryName": repository}
    assert refused(api.get_lifecycle_policy_preview, **where)[0] == "LifecyclePolicyPreviewNotFoundException"
    assert refused(api.start_lifecycle_policy_preview, **where)[0] == "LifecyclePolicyNotFoundException"
    text = policy(rule(7, "tagged", "imageCountMoreThan", 1, tagPatternList=["v*"]))
    assert api.start_lifecycle_policy_preview(**where, lifecyclePolicyText=text)["status"] == "IN_PROGRESS"
    preview = api.get_lifecycle_policy_preview(**where)
    assert preview["status"] == "COMPLETE"
    assert preview["summary"] == {"expiringImageTotalCount": 3, "transitioningImageTotalCounts": []}
    assert {item["imageDigest"] for item in preview["previewResults"]} == set(digests[:3])
    assert {item["appliedRulePriority"] for item in preview["previewResults"]} == {7}
    assert {item["action"]["type"] for item in preview["previewResults"]} == {"EXPIRE"}
    page = api.get_lifecycle_policy_preview(**where, maxResults=2)
    rest = api.get_lifecycle_policy_preview(**where, nextToken=page["nextToken"])
    assert [len(page["previewResults"]), len(rest["previewResults"])] == [2, 1]
    ids = [{"imageTag": "v0"}, {"imageTag": "v3"}, {"imageTag": "none"}]
    (only,) = api.get_lifecycle_policy_preview(**where, imageIds=ids)["previewResults"]
    assert only["imageTags"] == ["v0"]
    assert api.get_lifecycle_policy_preview(**where, filter={"tagStatus": "UNTAGGED"})["previewResults"] == []
    api.put_lifecycle_policy(**where, lifecyclePolicyText=text)
    api.start_lifecycle_policy_preview(**where)
    assert len(api.list_images(**where)["imageIds"]) == 4


def test_the_repository_policy(api: Any, repository: str) -> None:
    where = {"repositoryName": repository}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]})
    assert refused(api.get_repository_policy, **where)[0] == "RepositoryPolicyNotFoundException"
    assert refused(api.delete_repository_policy, **where)[0] == "RepositoryPolicyNotFoundException"
    api.set_repository_policy(**where, policyText=text)
    assert api.get_repository_policy(**where)["policyText"] == text
    assert api.delete_repository_policy(**where)["policyText"] == text
    for wrong in ("", "{}", "[]", '{"Statement":[]}', '{"Statement":[{"Effect":"Maybe"}]}'):
        assert refused(api.set_repository_policy, **where, policyText=wrong) == INVALID_POLICY
    assert refused(api.set_repository_policy, **where, policyText="x" * 10241)[0] == "InvalidParameterException"


INVALID_POLICY = (
    "InvalidParameterException",
    "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
)


@pytest.mark.parametrize(
    ("change", "is_taken"),
    [
        ({}, True),
        ({"Sid": "a", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
        ({"Principal": {"AWS": ["123456789012", "*"], "Service": "codebuild.amazonaws.com"}}, True),
        ({"Action": ["ecr:BatchGetImage", "ECR:Get*"]}, True),
        ({"Principal": None}, False),
        ({"Principal": {"User": "a"}}, False),
        ({"Principal": "123456789012"}, False),
        ({"NotPrincipal": "*"}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Action": []}, False),
        ({"Resource": "*"}, False),
        ({"NotResource": "*"}, False),
        ({"Colour": "red"}, False),
        ({"Condition": []}, False),
    ],
)
def test_statements_of_a_repository_and_of_a_registry(
    api: Any, repository: str, change: dict[str, Any], is_taken: bool
) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", **change}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]})
    put = {"repositoryName": repository, "policyText": text}
    if is_taken:
        assert api.set_repository_policy(**put)["policyText"] == text
    else:
        assert refused(api.set_repository_policy, **put) == INVALID_POLICY
    # A registry's policy says which of its resources it is about.
    if "Resource" in change:
        assert api.put_registry_policy(policyText=text)["policyText"] == text
        assert api.get_registry_policy()["policyText"] == text
        assert api.delete_registry_policy()["policyText"] == text
        assert refused(api.get_registry_policy)[0] == "RegistryPolicyNotFoundException"
    elif is_taken:
        name, reason = refused(api.put_registry_policy, policyText=text)
        assert (name, "Invalid registry policy provided" in reason) == ("InvalidParameterException", True)
