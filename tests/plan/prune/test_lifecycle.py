"""Tests of plan/prune/lifecycle: the policy is one that ECR takes, and it expires nothing that a guard names."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.local_ecr import lifecycle_policy
from ecr_tasks.plan.prune.decide import decide
from ecr_tasks.plan.prune.lifecycle import as_lifecycle_policy
from ecr_tasks.plan.prune.protect import Facts
from tests.plan.prune.inventories import NOW, image, rules

TEXTS = [
    "type=untagged,older=14d",
    "type=untagged,older=3d,newest=7",
    "type=untagged,newest=7",
    "type=cache,older=30d",
    "type=tags,pattern=sha-*,older=36h",
    "type=tags,pattern=*,newest=50",
    "type=tags,pattern=a*b*c*d*e*,newest=50",
    "type=tags,pattern=x-*,newest=5,older=9d",
    "type=gone,pattern=pr-*",
    "type=archived,older=120d",
    "type=keep,pattern=prod*",
    "type=keep,pulled=30d",
    "type=keep,pattern=prod,releases=3",
]


@given(st.lists(st.sampled_from(TEXTS), min_size=1, unique=True), st.booleans())
def test_ecr_takes_the_policy_and_what_is_left_out_is_told(texts: list[str], archive: bool) -> None:
    texts = [*texts, "type=gone,pattern=pr-*"] if all("keep" in text for text in texts) else texts
    policy, differences = as_lifecycle_policy(rules("\n".join(texts) + "\n"), archive=archive)
    told = "\n".join(differences)
    written = json.dumps(policy)
    for text in texts:
        assert text in told or text in written or (policy is None and "keep" in text)
    if policy is not None:
        parsed = lifecycle_policy.parse(json.dumps(policy))
        release = lifecycle_policy.Candidate("sha256:1", ["sha-1", "1.2.3"], 0.0)
        assert lifecycle_policy.evaluate(parsed, [release], 10**9) == {}


def test_what_ecr_would_expire() -> None:
    policy, _ = as_lifecycle_policy(rules("type=tags,pattern=sha-*,older=30d;type=keep,pattern=prod*"))
    parsed = lifecycle_policy.parse(json.dumps(policy))
    images = [
        lifecycle_policy.Candidate(name, tags, 0.0)
        for name, tags in {"a": ["sha-1"], "b": ["sha-2", "prod"], "c": ["other"], "d": ["sha-3", "1.2.3"]}.items()
    ]
    assert set(lifecycle_policy.evaluate(parsed, images, 31 * 86400)) == {"a"}
    assert lifecycle_policy.evaluate(parsed, images, 29 * 86400) == {}


def test_a_signature_that_only_its_tag_links_to_an_image_is_not_expired() -> None:
    policy, differences = as_lifecycle_policy(rules("type=tags,pattern=*,older=2d"))
    images = [lifecycle_policy.Candidate(name, [f"sha256-{'a' * 64}.{name}"], 0.0) for name in ("sig", "att", "sbom")]
    images.append(lifecycle_policy.Candidate("image", ["main"], 0.0))
    assert set(lifecycle_policy.evaluate(lifecycle_policy.parse(json.dumps(policy)), images, 10**9)) == {"image"}
    assert any("sha256-*" in sentence for sentence in differences)


@given(
    st.lists(st.tuples(st.sampled_from(["", "sha", "pr", "main", "keep", "1.2."]), st.integers(1, 60)), max_size=20),
    st.sets(
        st.sampled_from(
            [
                *("type=untagged,older=14d", "type=tags,pattern=sha-*,older=30d", "type=tags,pattern=pr-*,newest=2"),
                *("type=tags,pattern=main-*,older=48h", "type=keep,pattern=keep-*"),
            ]
        ),
        min_size=1,
    ),
)
def test_of_images_with_one_tag_ecr_expires_what_prune_deletes(drawn: list[tuple[str, int]], texts: set[str]) -> None:
    """Nothing is told that is about such images, each matched by one rule and a day old at least."""
    chosen = rules("\n".join([*sorted(texts), "type=tags,pattern=other,older=1d"]) + "\n")
    details = [
        image(f"i{number}", *([f"{prefix}-{number}"] if prefix else []), days=days + 0.7 + number / 1000)
        for number, (prefix, days) in enumerate(drawn)
    ]
    policy, _ = as_lifecycle_policy(chosen)
    candidates = [
        lifecycle_policy.Candidate(item.digest, [*item.tags], item.pushed.timestamp())
        for item in details
        if item.pushed
    ]
    expired = lifecycle_policy.evaluate(lifecycle_policy.parse(json.dumps(policy)), candidates, NOW.timestamp())
    facts = Facts(NOW, is_release=lambda tag: tag.startswith("1.2."))
    assert {*expired} == {verdict.detail.digest for verdict in decide(details, chosen, facts).all_going}


def test_a_part_of_a_day_is_told() -> None:
    _, differences = as_lifecycle_policy(rules("type=tags,pattern=a-*,older=36h;type=tags,pattern=b-*,older=48h"))
    assert [sentence for sentence in differences if "It counts days" in sentence] == [
        "It counts days, here 2: type=tags,pattern=a-*,older=36h"
    ]


def test_what_is_too_much_for_a_policy_is_told() -> None:
    texts = [f"type=tags,pattern=a{number}-*,older=9d" for number in range(52)]
    policy, differences = as_lifecycle_policy(rules("\n".join(texts) + "\n"))
    lifecycle_policy.parse(json.dumps(policy))
    assert [text for text in differences if "ECR takes 50 rules" in text] == [
        f"ECR takes 50 rules, so this one is left out: {text}" for text in texts[48:]
    ]
    kept = "\n".join(f"type=keep,pattern=k{number}" for number in range(50))
    policy, differences = as_lifecycle_policy(rules(f"{kept}\n{texts[0]}\n"))
    assert policy is None  # no rule expires anything that a guard which doesn't fit would keep
