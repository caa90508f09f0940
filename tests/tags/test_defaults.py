"""Without ECR_TAGS: which tags, labels and annotations a source gets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.source.git.read import NO_REPOSITORY
from ecr_tasks.tags.from_settings import tag_set
from ecr_tasks.tags.tag_set import as_tag
from tests.support.build import OCI, REVISION_A, SHA_TAG, dirty, settings, source, tags

GRAMMAR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
NAMES = st.one_of(st.text(), st.text(alphabet="aZ0_.-/+v\n é", max_size=300))
VERSIONS = st.from_regex(r"v?[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-rc\.[0-9])?(\+b[0-9])?", fullmatch=True)


def named(**changes: object) -> dict[str, str]:
    """Return the tags of a source, as name → kind."""
    return {tag.name: tag.kind for tag in tags(source(**changes))}


def test_a_commit_on_a_branch_gets_a_fixed_sha_tag_and_a_moving_branch_tag() -> None:
    assert named() == {SHA_TAG: "fixed", "main": "moving"}


def test_a_release_also_gets_its_version_and_latest() -> None:
    kinds = named(tag="v1.2.3", release_tags=("v1.2.2", "v1.2.3"))
    assert kinds == {SHA_TAG: "fixed", "1.2.3": "fixed", "main": "moving", "latest": "moving"}


def test_a_detached_head_gets_no_branch_tag() -> None:
    assert named(branch=None) == {SHA_TAG: "fixed"}


@pytest.mark.parametrize("tag", ["nightly", "1.2", "v1", "release-1.2.3", "1.02.3"])
def test_a_git_tag_that_is_no_semantic_version_gives_no_tag(tag: str) -> None:
    assert named(tag=tag, tags=(tag,)) == {SHA_TAG: "fixed", "main": "moving"}


def test_a_patch_release_of_an_older_line_leaves_latest_alone() -> None:
    """metadata-action#80 and #326: people lost their `latest` to 1.9.1 after 2.0.0."""
    assert "latest" not in named(tag="v1.9.1", release_tags=("v1.9.0", "v1.9.1", "v2.0.0"))


def test_versions_are_compared_as_numbers() -> None:
    assert "latest" in named(tag="v1.10.0", release_tags=("v1.10.0", "v1.9.0"))


def test_a_pre_release_never_is_latest() -> None:
    kinds = named(tag="v2.0.0-rc.1", release_tags=("v2.0.0-rc.1",))
    assert kinds == {SHA_TAG: "fixed", "2.0.0-rc.1": "fixed", "main": "moving"}


def test_a_higher_pre_release_does_not_keep_a_release_from_latest() -> None:
    assert "latest" in named(tag="v1.2.3", release_tags=("v1.2.3", "v2.0.0-rc.1"))


def test_an_uncommitted_tree_gets_one_moving_tag_even_on_a_release() -> None:
    default_tags = tags(dirty(tag="v1.2.3", release_tags=("v1.2.3",)))
    assert [(tag.name, tag.kind) for tag in default_tags] == [(f"{SHA_TAG}-dirty", "moving")]
    assert "app.py" in default_tags[0].because


def test_a_folder_without_a_commit_gets_one_moving_tag() -> None:
    assert [(tag.name, tag.kind) for tag in tags(NO_REPOSITORY)] == [("unversioned", "moving")]


@pytest.mark.parametrize("branch", [SHA_TAG, "1.2.3", "latest"])
def test_a_branch_named_like_another_tag_changes_nothing_about_that_tag(branch: str) -> None:
    default_tags = tags(source(branch=branch, tag="v1.2.3", release_tags=("v1.2.3",)))
    assert default_tags[0].name == SHA_TAG
    assert {tag.name: tag.kind for tag in default_tags} == {SHA_TAG: "fixed", "1.2.3": "fixed", "latest": "moving"}


def test_a_branch_name_becomes_a_tag_that_people_recognise() -> None:
    assert as_tag("feature/new login #42") == "feature-new-login-42"
    assert as_tag("dependabot/npm_and_yarn/left-pad-1.3.0") == "dependabot-npm_and_yarn-left-pad-1.3.0"


def test_build_metadata_is_no_part_of_a_version() -> None:
    """As node-semver, and so metadata-action, has it: what differs in it only is one version."""
    assert "1.2.3" in named(tag="v1.2.3+build.5", release_tags=("v1.2.3+build.5",))


@given(NAMES, st.one_of(st.none(), NAMES, VERSIONS), st.booleans())
def test_no_git_name_gives_a_tag_that_docker_refuses(branch: str, tag: str | None, changed: bool) -> None:
    releases = (tag,) if tag else ()
    default_tags = tags(source(branch=branch, tag=tag, release_tags=releases, dirty=changed))
    assert all(GRAMMAR.fullmatch(item.name) for item in default_tags)
    assert len({item.name for item in default_tags}) == len(default_tags)
    assert default_tags[0].name == (f"{SHA_TAG}-dirty" if changed else SHA_TAG)


@given(NAMES)
def test_a_name_that_is_a_tag_already_stays_itself(name: str) -> None:
    assert (as_tag(name) == name) == bool(GRAMMAR.fullmatch(name))


def test_labels_say_where_an_image_came_from() -> None:
    state = source(tag="v1.2.3", release_tags=("v1.2.3",))
    result = tag_set(settings(), state, {}, title="team/app")
    assert result.labels == {
        OCI + "title": "app",
        OCI + "version": "1.2.3",
        OCI + "revision": REVISION_A,
        OCI + "created": "2024-05-06T07:08:09.000Z",
        OCI + "source": "https://git.example.com/team/app",
        OCI + "url": "https://git.example.com/team/app",
    }
    assert result.annotations == result.labels


@pytest.mark.parametrize(("branch", "version"), [("main", "main"), ("feature/x", "feature-x"), (None, SHA_TAG)])
def test_the_version_is_the_branch_and_else_the_commit(branch: str | None, version: str) -> None:
    result = tag_set(settings(), source(branch=branch), {})
    assert result.version == result.labels[OCI + "version"] == version


def test_what_is_not_known_gives_no_label() -> None:
    result = tag_set(settings(), NO_REPOSITORY, {}, title="app")
    assert result.labels == {OCI + "title": "app", OCI + "version": "unversioned"}


def test_without_an_image_the_title_is_the_repositorys() -> None:
    assert tag_set(settings(), source(), {}).labels[OCI + "title"] == "app"


def test_the_users_labels_come_on_top() -> None:
    state = settings(labels={"team": "web", OCI + "title": "The App"})
    result = tag_set(state, source(), {}, title="app", labels={"team": "bake", "file": "bake"})
    assert result.labels["team"] == "web"
    assert result.labels["file"] == "bake"
    assert result.labels[OCI + "title"] == "The App"
    assert result.labels[OCI + "revision"] == REVISION_A


def test_annotations_have_the_same_keys_and_additions_of_their_own() -> None:
    state = settings(labels={OCI + "title": "Labelled", "team": "web"}, annotations={"note": "x"})
    result = tag_set(state, source(), {}, title="app")
    assert result.annotations["note"] == "x"
    assert result.annotations[OCI + "title"] == "app"
    assert "team" not in result.annotations
