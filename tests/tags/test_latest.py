"""`latest`, `1` and `1.2` move to higher releases only (metadata-action#80, #326), unless rule or flavor differ."""

from __future__ import annotations

import pytest

from ecr_tasks.source.source_state import SourceState
from tests.tags.build import apply, names, push, pushed_tag

RULES = "type=semver,pattern={{version}};type=semver,pattern={{major}}.{{minor}};type=semver,pattern={{major}}"


def test_the_highest_release_gets_all() -> None:
    assert names(RULES, pushed_tag("v1.2.3", "v1.2.2", "v0.9.0")) == ["1.2.3", "1.2", "1", "latest"]


def test_a_patch_of_an_older_line_moves_what_stands_for_that_line() -> None:
    assert names(RULES, pushed_tag("v1.9.1", "v1.9.0", "v2.0.0")) == ["1.9.1", "1.9", "1"]
    assert names(RULES, pushed_tag("v1.8.5", "v1.9.0", "v2.0.0")) == ["1.8.5", "1.8"]
    result = apply(RULES, pushed_tag("v1.8.5", "v1.9.0", "v2.0.0"))
    assert result.rules[2].because == "1 stays with the higher release v1.9.0"
    assert result.rules[-1].because == "latest stays with the higher release v2.0.0"


def test_numbers_are_compared_as_numbers_and_pre_releases_do_not_count() -> None:
    assert "latest" in names(RULES, pushed_tag("v1.10.0", "v1.9.0", "v2.0.0-rc.1"))


def test_the_flavor_switches_it_off() -> None:
    state = pushed_tag("v1.8.5", "v1.9.0", "v2.0.0")
    assert names(RULES, state, "latest=auto,forward=false") == ["1.8.5", "1.8", "1", "latest"]


def test_a_rule_switches_it_for_itself() -> None:
    state = pushed_tag("v1.8.5", "v1.9.0")
    assert names("type=semver,pattern={{major}},forward=false", state) == ["1"]
    assert names("type=semver,pattern={{major}},forward=true", state, "forward=false") == []


def test_latest_asked_for_is_not_held_back() -> None:
    state = pushed_tag("v1.8.5", "v1.9.0")
    assert names("type=semver,pattern={{version}}", state, "latest=true") == ["1.8.5", "latest"]
    assert names("type=sha,enable=false;latest", state) == ["latest"]


def test_every_rule_that_may_give_latest_looks_ahead() -> None:
    state = pushed_tag("v1.9.1", "v2.0.0")
    assert names("type=ref,event=tag", state) == ["v1.9.1"]
    assert names("type=match,pattern=\\d.\\d.\\d", state) == ["1.9.1"]
    assert names("type=pep440,pattern={{version}}", state) == ["1.9.1"]
    assert names("type=semver,pattern={{version}},value=1.9.1", push(release_tags=("v2.0.0",))) == ["1.9.1"]


def test_what_is_not_comparable_is_as_in_metadata_action() -> None:
    """A version that is only part of the git tag belongs to another thing than the repository's own versions."""
    assert names("type=semver,pattern={{version}},match=v(.*)", pushed_tag("p1/v1.0.0", "v2.0.0")) == [
        "1.0.0",
        "latest",
    ]
    assert names("type=ref,event=tag", pushed_tag("sometag", "v2.0.0")) == ["sometag", "latest"]


def test_a_shallow_clone_is_mentioned() -> None:
    result = apply(RULES, pushed_tag("v1.0.0", shallow=True))
    assert result.rules[-1].because.endswith("(the clone is shallow and may lack some)")


MATCHES = [
    "type=semver,pattern={{version}},match=app@(.*)",
    "type=semver,pattern={{version}},match=^app@v?([0-9.]+)$",
    "type=pep440,pattern={{version}},match=app@(.*)",
    "type=match,pattern=app@(.*),group=1",
    "type=match,pattern=app@v?(\\d+\\.\\d+\\.\\d+),group=1",
]


@pytest.mark.parametrize("rule", MATCHES)
def test_a_release_that_is_taken_out_of_a_longer_tag_holds_latest(rule: str) -> None:
    assert names(rule, repository("app@1.9.0", "app@2.0.0")) == ["1.9.0"]
    assert names(rule, repository("app@1.9.0", "app@v2.0.0", "app@1.10.0")) == ["1.9.0"]
    assert names(rule, repository("app@2.1.0", "app@2.0.0", "app@1.10.0")) == ["2.1.0", "latest"]
    assert names(rule, repository("app@1.9.0", "app@2.0.0"), "forward=false") == ["1.9.0", "latest"]
    result = apply(rule, repository("app@1.9.0", "app@2.0.0"))
    assert result.rules[-1].because == "latest stays with the higher release 2.0.0"
    assert apply(rule, repository("app@2.0.0", "app@1.9.0")).tags[-1].release is not None, "ECR's tags count as well"


@pytest.mark.parametrize("rule", MATCHES)
@pytest.mark.parametrize("other", ["lib@3.0.0", "my-app@3.0.0", "3.0.0-app", "app@2.0.0-rc.1", "app@x"])
def test_only_tags_that_match_alike_hold_latest(rule: str, other: str) -> None:
    assert names(rule, repository("app@1.9.0", other)) == ["1.9.0", "latest"]


def test_one_expression_for_several_things_keeps_them_apart() -> None:
    rule = "type=semver,pattern={{version}},match=@(.*)"
    assert names(rule, repository("app@1.9.0", "lib@2.0.0")) == ["1.9.0", "latest"]
    assert names(rule, repository("app@1.9.0", "app@2.0.0")) == ["1.9.0"]
    rule = "type=semver,pattern={{version}},match=^v([0-9.]+)-alpine$"
    assert names(rule, repository("v1.9.0-alpine", "v2.0.0-debian", "v3.0.0")) == ["1.9.0", "latest"]
    assert names(rule, repository("v1.9.0-alpine", "v2.0.0-alpine")) == ["1.9.0"]


def test_the_tags_of_a_line_stay_with_the_releases_that_match_alike() -> None:
    rules = "type=semver,pattern={{version}},match=app@(.*);type=semver,pattern={{major}}.{{minor}},match=app@(.*)"
    assert names(rules, repository("app@1.2.3", "app@1.2.5", "app@1.1.9")) == ["1.2.3"]
    assert names(rules, repository("app@1.2.5", "app@1.2.3", "lib@1.2.9")) == ["1.2.5", "1.2", "latest"]


def test_a_match_of_a_part_of_the_version_compares_the_whole() -> None:
    rule = "type=match,pattern=app@(\\d+\\.\\d+),group=1"
    assert names(rule, repository("app@1.9.1", "app@1.9.2")) == ["1.9"]
    assert names(rule, repository("app@1.9.2", "app@1.9.1", "app@2.0.0-rc.1")) == ["1.9", "latest"]


def test_python_versions_that_are_not_semantic_ones_hold_latest() -> None:
    assert names("type=pep440,pattern={{version}}", repository("1.9", "1.10")) == ["1.9"]
    assert names("type=pep440,pattern={{version}}", repository("1.10", "1.9")) == ["1.10", "latest"]


def repository(tag: str, *others: str) -> SourceState:
    """Return a push of a git tag in a repository with other tags of any kind."""
    return pushed_tag(tag, release_tags=(), repository_tags=(tag, *others))
