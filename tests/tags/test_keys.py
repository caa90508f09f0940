"""The keys that every rule can have (enable, priority, prefix, suffix, kind), and the flavor."""

from __future__ import annotations

import pytest

from ecr_tasks.source.source_state import SourceState
from tests.support.build import SHA_TAG, source
from tests.tags.build import apply, names, only, pull_request, push, pushed_tag, why

SEMVER = "type=semver,pattern={{version}}"


def test_priorities_order_the_types() -> None:
    rules = f"type=sha;raw;type=ref,event=branch;type=edge;type=match,pattern=v,value=v;{SEMVER},value=1.2.3"
    result = apply(f"{rules};type=schedule", push(event="schedule"))
    assert [tag.name for tag in result.tags] == ["nightly", "1.2.3", "v", "edge", "main", "raw", SHA_TAG]
    assert result.version == "nightly"
    assert [result.rule for result in result.rules][-1] == "flavor latest=auto"


def test_a_priority_of_its_own_moves_a_rule_and_decides_the_version() -> None:
    result = apply("type=edge;a,priority=700;b,priority=1.5;c,priority=-1;type=sha,priority=1e3;d,priority=")
    assert [tag.name for tag in result.tags] == [SHA_TAG, "edge", "a", "b", "d", "c"]
    assert result.version == result.labels["org.opencontainers.image.version"] == SHA_TAG


@pytest.mark.parametrize(
    ("enable", "enabled"),
    [("true", True), ("false", False), ("{{is_default_branch}}", True), ("{{is_not_default_branch}}", False)],
)
def test_enable(enable: str, enabled: bool) -> None:
    assert names(f"a,enable={enable};b,priority=1") == (["a", "b"] if enabled else ["b"])
    if not enabled:
        assert why(f"a,enable={enable};b,priority=1") == "it is not enabled"


def test_prefix_and_suffix() -> None:
    assert names("a,prefix=x-,suffix=-y") == ["x-a-y"]
    assert names("type=ref,event=pr,prefix=", pull_request()) == ["7"]
    assert names("type=ref,event=pr,suffix=-{{base_ref}}", pull_request()) == ["pr-7-main"]
    assert names("type=sha,prefix={{branch}}-", push("a/b")) == ["a-b-a1b2c3d"]


def test_the_flavors_prefix_and_suffix_count_where_a_rule_has_none() -> None:
    flavor = "prefix=p-,suffix=-s"
    assert names("a", flavor=flavor) == ["p-a-s"]
    assert names("a,prefix=,suffix=-t", flavor=flavor) == ["a-t"]
    assert names("type=sha", flavor=flavor) == [f"{SHA_TAG}-s"]
    assert names("type=ref,event=pr", pull_request(), flavor=flavor) == ["pr-7-s"]


@pytest.mark.parametrize(
    ("flavor", "latest"),
    [
        ("latest=true", "latest"),
        ("latest=true\nprefix=p-\nsuffix=-s", "latest"),
        ("latest=true\nprefix=p-,onlatest=true\nsuffix=-s,onlatest=false", "p-latest"),
        ("latest=true;prefix=p-;suffix=-s,onlatest=true", "latest-s"),
        ("latest=true,prefix={{branch}}-,onlatest=true", "main-latest"),
        ("prefix=p-,onlatest=true", None),
        ("latest=false", None),
    ],
)
def test_latest_by_flavor(flavor: str, latest: str | None) -> None:
    result = apply("a,prefix=", flavor=flavor)
    assert result.rules[-1].tag == latest
    assert [tag.name for tag in result.tags][1:] == ([latest] if latest else [])


@pytest.mark.parametrize(
    ("rules", "state", "latest"),
    [
        (SEMVER, pushed_tag("v1.0.0"), True),
        (SEMVER, pushed_tag("v1.0.0-rc.1"), False),
        ("type=pep440,pattern={{version}}", pushed_tag("1.0"), True),
        ("type=pep440,pattern={{version}}", pushed_tag("1.0.post1"), False),
        ("type=ref,event=tag", pushed_tag("sometag"), True),
        ("type=match,pattern=\\d.\\d.\\d", pushed_tag("v2.0.8-beta.67"), True),
        ("type=ref,event=branch", push(), False),
        ("type=ref,event=pr", pull_request(), False),
        ("type=edge", push(), False),
        ("foo", pushed_tag("v1.0.0"), False),
        ("type=sha", pushed_tag("v1.0.0"), False),
        # The first rule that gives a tag decides.
        (f"foo,priority=901;{SEMVER}", pushed_tag("v1.0.0"), False),
        (f"foo;type=schedule;{SEMVER}", pushed_tag("v1.0.0"), True),
    ],
)
def test_latest_auto(rules: str, state: SourceState, latest: bool) -> None:
    assert ("latest" in names(rules, state)) is latest


def test_one_name_is_one_tag_and_the_stricter_kind_counts() -> None:
    result = apply("latest;type=sha;sha-a1b2c3d,priority=1000", pushed_tag("v1.0.0"), flavor="latest=true")
    assert [(tag.name, tag.kind) for tag in result.tags] == [(SHA_TAG, "fixed"), ("latest", "moving")]


@pytest.mark.parametrize(
    ("rule", "state", "kind"),
    [
        ("type=sha", push(), "fixed"),
        ("type=sha,kind=moving", push(), "moving"),
        ("type=ref,event=branch", push(), "moving"),
        ("type=ref,event=branch,kind=fixed", push(), "fixed"),
        ("type=ref,event=branch,suffix=-{{sha}}", push(), "fixed"),
        ("type=ref,event=pr", pull_request(), "moving"),
        ("type=edge", push(), "moving"),
        (SEMVER, pushed_tag("v1.2.3"), "fixed"),
        ("type=semver,pattern={{raw}}", pushed_tag("v1.2.3"), "fixed"),
        ("type=semver,pattern={{major}}.{{minor}}.{{patch}}", pushed_tag("v1.2.3"), "fixed"),
        ("type=semver,pattern={{major}}.{{minor}}", pushed_tag("v1.2.3"), "moving"),
        ("type=semver,pattern={{major}}", pushed_tag("v1.2.3-rc.1"), "fixed"),
        ("type=pep440,pattern={{version}}", pushed_tag("1.2"), "fixed"),
        ("type=pep440,pattern={{major}}.{{minor}}.{{patch}}", pushed_tag("1.2.3"), "fixed"),
        ("type=pep440,pattern={{major}}.{{minor}}.{{patch}}", pushed_tag("1.2.3.4"), "moving"),
        ("type=pep440,pattern={{major}}", pushed_tag("1.2"), "moving"),
        ("type=ref,event=tag", pushed_tag("v1.2.3"), "fixed"),
        ("type=ref,event=tag", pushed_tag("release1"), "fixed"),
        ("type=ref,event=tag", pushed_tag("v1"), "moving"),
        ("type=ref,event=tag", pushed_tag("stable"), "moving"),
        ("type=match,pattern=v(.*),group=1", pushed_tag("v1.2.3"), "fixed"),
        ("type=match,pattern=\\d.\\d.\\d", pushed_tag("p1/v1.2.3"), "fixed"),
        ("type=match,pattern=\\d.\\d", pushed_tag("v1.2.3"), "moving"),
        ("type=match,pattern=\\d+", pushed_tag("20200110-RC2"), "moving"),
        ("type=match,pattern=[a-z]+$", pushed_tag("v1.2.3-stable"), "moving"),
        ("foo", push(), "moving"),
        ("foo-{{sha}}", push(), "fixed"),
        ("foo-{{tag}}", pushed_tag("v1.2.3"), "fixed"),
        ("foo-{{tag}}", pushed_tag("v1"), "moving"),
        ("{{date 'YYYYMMDD'}}", push(), "moving"),
        ("{{date 'YYYYMMDD-HHmmss'}}", push(), "fixed"),
        ("{{commit_date 'X'}}", push(), "fixed"),
        ("type=schedule", push(event="schedule"), "moving"),
        ("type=schedule,pattern={{date 'YYYYMMDDHHmmss'}}", push(event="schedule"), "fixed"),
    ],
)
def test_kinds(rule: str, state: SourceState, kind: str) -> None:
    assert only(rule, state).kind == kind


@pytest.mark.parametrize(
    ("rules", "publishing"),
    [
        ("type=ref,event=branch;type=sha", SHA_TAG),
        ("x-{{sha}};{{date 'X'}},priority=999", "x-a1b2c3d"),
        ("{{date 'X'}},priority=1;type=ref,event=branch", "1715033289"),
        ("x-{{sha}},priority=999;type=sha,prefix=", "a1b2c3d"),
        ("foo;type=ref,event=branch", "main"),
        ("foo;type=sha,kind=moving", "foo"),
    ],
)
def test_the_tag_to_publish_under_is_a_fixed_one_if_there_is_one(rules: str, publishing: str) -> None:
    result = apply(rules)
    assert result.publishing == result.in_publishing_order[0]
    assert result.in_publishing_order[0].name == publishing
    assert sorted(tag.name for tag in result.in_publishing_order) == sorted(tag.name for tag in result.tags)


@pytest.mark.parametrize("rules", ["type=sha;type=ref,event=branch;latest", f"{SEMVER};latest"])
def test_an_uncommitted_tree_gets_only_its_dirty_tag(rules: str) -> None:
    state = source(dirty=True, changed=("a", "b", "c", "d"), tag="v1.2.3", release_tags=("v1.2.3",))
    result = apply(rules, state, flavor="latest=true")
    assert [(tag.name, tag.kind) for tag in result.tags] == [(f"{SHA_TAG}-dirty", "moving")]
    assert result.tags[0].because == "uncommitted changes (a, b, c, …)"
    assert result.version == f"{SHA_TAG}-dirty"
    assert all(result.tag is None for result in result.rules if not result.rule.startswith(("type=sha", "unc")))


def test_each_sha_rule_has_its_dirty_tag() -> None:
    result = apply(
        f"type=sha;type=sha,prefix={'x' * 200};type=sha,enable=false", source(dirty=True), flavor="suffix=-a"
    )
    assert [tag.name for tag in result.tags] == [f"{SHA_TAG}-a-dirty", "x" * 122 + "-dirty"]
