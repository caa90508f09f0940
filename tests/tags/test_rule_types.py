"""Every type of rule, on every event."""

from __future__ import annotations

import pytest

from ecr_tasks.source.git.read import NO_REPOSITORY
from ecr_tasks.source.source_state import SourceState
from tests.support.build import REVISION_A, SHA_TAG, source
from tests.tags.build import apply, names, only, pull_request, push, pushed_tag, why

SCHEDULE = push(event="schedule")
THEIR_DEFAULT = "type=schedule\ntype=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr"


@pytest.mark.parametrize(
    ("state", "tags"),
    [
        (push("feature/x"), ["feature-x"]),
        (pushed_tag("v1.2.3"), ["v1.2.3", "latest"]),
        (pushed_tag("nightly-build"), ["nightly-build", "latest"]),
        (pull_request(), ["pr-7"]),
        (SCHEDULE, ["nightly", "main"]),
        (push(event="manual"), ["main"]),
        (push(None, event="manual", tag="v1.2.3"), ["v1.2.3", "latest"]),
        (push(tag="v1.2.3"), ["main"]),
        (pushed_tag("v1.2.3", branch="main"), ["v1.2.3", "latest"]),
        (source(tag="v1.2.3"), ["main", "v1.2.3"]),
        (source(branch=None, tag="v1.2.3"), ["v1.2.3", "latest"]),
        (source(pull_request="7"), ["pr-7"]),
        (pull_request(None), []),
    ],
)
def test_the_default_of_metadata_action_on_every_event(state: SourceState, tags: list[str]) -> None:
    assert names(THEIR_DEFAULT, state) == tags


@pytest.mark.parametrize(
    ("rule", "tag", "expected"),
    [
        ("pattern={{version}}", "v1.2.3", "1.2.3"),
        ("pattern={{raw}}", "v1.2.3", "v1.2.3"),
        ("pattern={{major}}.{{minor}}", "v1.2.3", "1.2"),
        ("pattern=v{{major}}", "v1.2.3", "v1"),
        ("pattern={{minor}}-{{patch}}", "v1.2.3", "2-3"),
        ("pattern={{major}}", "v0.4.0", "0"),
        ("pattern={{version}}", "v2.0.0-rc.1", "2.0.0-rc.1"),
        ("pattern={{raw}}", "v2.0.0-rc.1", "v2.0.0-rc.1"),
        ("pattern={{major}}.{{minor}}", "v2.0.0-rc.1", "2.0.0-rc.1"),
        ("pattern=x{{raw}}", "v2.0.0-rc.1", "2.0.0-rc.1"),
        ("pattern={{version}}", "v1.2.3+b.5", "1.2.3"),
        ("pattern={{version}}-{{build}}", "v1.2.3+b.5", "1.2.3-b-5"),
        ("pattern={{version}},match=v(\\d.\\d.\\d)$", "p1/v1.0.0", "1.0.0"),
        ("pattern={{version}},match=x(.*)", "v1.0.0", "1.0.0"),
        ("pattern={{version}},value=v3.2.1", "v1.0.0", "3.2.1"),
        ("pattern={{version}},value=,match=", "v1.0.0", "1.0.0"),
        ("pattern={{version}}", "v1.0.0/rc1", "1.0.0-rc1"),
    ],
)
def test_semver(rule: str, tag: str, expected: str) -> None:
    assert only(f"type=semver,{rule}", pushed_tag(tag)).name == expected


@pytest.mark.parametrize("tag", ["1.2", "v1", "V1.2.3", "01.2.3", "release-1.2.3", "9007199254740992.0.0"])
def test_what_is_no_semantic_version(tag: str) -> None:
    assert why("type=semver,pattern={{version}}", pushed_tag(tag)) == f"{tag!r} is no semantic version (semver.org)"


@pytest.mark.parametrize(
    ("pattern", "tag", "expected"),
    [
        ("{{version}}", "v1.2.3", "1.2.3"),
        ("{{raw}}", "v1.2.3", "v1.2.3"),
        ("{{major}}.{{minor}}.{{patch}}", "1.2", "1.2.0"),
        ("{{major}}.{{minor}}", "1.2", "1.2"),
        ("{{version}}", "1.2.3RC2", "1.2.3rc2"),
        ("{{raw}}", "v1.2.3rc2", "v1.2.3rc2"),
        ("{{major}}.{{minor}}", "1.1beta2", "1.1b2"),
        ("{{major}}", "1.2post1", "1.2.post1"),
        ("{{major}}", "1.0dev4", "1.0.dev4"),
        ("{{version}}", "1!2.0", "1-2.0"),
        ("{{version}}", "1.0+ubuntu.1", "1.0-ubuntu-1"),
    ],
)
def test_pep440(pattern: str, tag: str, expected: str) -> None:
    assert only(f"type=pep440,pattern={pattern}", pushed_tag(tag)).name == expected


def test_pep440_takes_values_and_matches_too() -> None:
    assert names("type=pep440,pattern={{version}},value=p1/v1.2.3,match=v(.*)") == ["1.2.3", "latest"]
    assert "(PEP 440)" in why("type=pep440,pattern={{version}}", pushed_tag("sometag"))


@pytest.mark.parametrize(
    ("rule", "tag", "expected"),
    [
        ("pattern=\\d.\\d.\\d", "v1.2.3", "1.2.3"),
        ("pattern=v(.*),group=1", "v2.0.8-beta.67", "2.0.8-beta.67"),
        ("pattern=v(\\d.\\d),group=1", "v2.0.8-beta.67", "2.0"),
        ("pattern=\\d+", "20200110-RC2", "20200110"),
        ('"pattern=\\d{1,3}"', "20200110-RC2", "202"),
        ("pattern=/^V(.*)$/i,group=1", "v1.2", "1.2"),
        ("pattern=/\\d/g,group=2", "1.2.3", "3"),
        ("pattern=v(.*),group=1,value=v4", "v1", "4"),
    ],
)
def test_match(rule: str, tag: str, expected: str) -> None:
    assert only(f"type=match,{rule}", pushed_tag(tag)).name == expected


def test_match_says_what_does_not() -> None:
    assert "does not match 'sometag'" in why("type=match,pattern=\\d", pushed_tag("sometag"))
    assert "no group 3" in why("type=match,pattern=(v)(\\d),group=3", pushed_tag("v1"))
    assert "no group 1" in why("type=match,pattern=(x)?v,group=1", pushed_tag("v1"))
    assert "no git tag was pushed: this is a push" in why("type=match,pattern=v")


def test_schedule() -> None:
    assert names("type=schedule", SCHEDULE) == ["nightly"]
    assert names("type=schedule,pattern=", SCHEDULE) == []
    assert names("type=schedule,pattern={{date 'YYYYMMDD'}}", SCHEDULE) == ["20240506"]
    assert names("type=schedule,pattern=c-{{commit_date 'HHmm' tz='Asia/Tokyo'}}", SCHEDULE) == ["c-1608"]
    assert why("type=schedule") == "this is no scheduled run but a push"


def test_edge_is_the_default_branch_or_the_named_one() -> None:
    assert names("type=edge") == ["edge"]
    assert names("type=edge,branch=dev", push("dev")) == ["edge"]
    assert why("type=edge", push("dev")) == "branch dev is not main"
    assert "not known" in why("type=edge", push(default_branch=None))
    assert "no branch was pushed" in why("type=edge", pushed_tag("v1.0.0"))


def test_ref_says_what_is_missing() -> None:
    assert why("type=ref,event=tag") == "no git tag was pushed: this is a push"
    assert why("type=ref,event=branch", pull_request()) == "no branch was pushed: this is a pull request"
    assert why("type=ref,event=pr") == "this is no pull request but a push"


def test_sha_short_and_long() -> None:
    assert names("type=sha") == [SHA_TAG]
    assert names("type=sha,format=long") == [f"sha-{REVISION_A}"]
    assert names("type=sha,prefix=") == [SHA_TAG.removeprefix("sha-")]
    assert why("type=sha", NO_REPOSITORY) == "there is no git commit"


@pytest.mark.parametrize(
    ("length", "tag"), [("12", "sha-a1b2c3d40000"), ("100", f"sha-{REVISION_A}"), (" ", SHA_TAG)]
)
def test_the_short_length_is_metadata_actions_variable(length: str, tag: str) -> None:
    result = apply("type=sha", environ={"DOCKER_METADATA_SHORT_SHA_LENGTH": length})
    assert [one.name for one in result.tags] == [tag]


def test_a_pull_requests_head_instead_of_the_merge_where_metadata_action_is_told_so() -> None:
    state = pull_request(head="c" * 40)
    merged = apply("type=sha", state)
    head = apply("type=sha", state, environ={"DOCKER_METADATA_PR_HEAD_SHA": "true"})
    assert (merged.tags[0].name, merged.tags[0].kind) == (SHA_TAG, "fixed")
    # A merge of the head is another image than the head's own: its tag may move.
    assert (head.tags[0].name, head.tags[0].kind) == ("sha-ccccccc", "moving")
    assert head.labels["org.opencontainers.image.revision"] == "c" * 40


def test_reasons_name_the_variable_that_told() -> None:
    state = push("dev", origins={"branch": "GITHUB_REF_NAME"})
    assert only("type=ref,event=branch", state).because == "branch dev (GITHUB_REF_NAME)"
