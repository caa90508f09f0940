"""Tests of model/registry and model/manifest: tag mutability, and the properties of stored images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.registry import Mutability, RegistryToken, Repository, wildcard_matches
from tests.support.build import REVISION_A, digest, index, manifest, repository

TEXTS = st.text(alphabet="ab.-_", max_size=8)
PATTERNS = st.text(alphabet="ab.-_*", max_size=8)
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM = {"os": "linux", "architecture": "arm", "variant": "v7"}
ATTESTATION = {"os": "unknown", "architecture": "unknown"}


@given(PATTERNS, TEXTS)
def test_a_wildcard_matches_any_characters_of_the_tag(pattern: str, tag: str) -> None:
    assert wildcard_matches(pattern, tag) == recursive_match(pattern, tag)


def recursive_match(pattern: str, tag: str) -> bool:
    """Match a tag in another way: try every number of characters for each ``*``."""
    if pattern.startswith("*"):
        return recursive_match(pattern[1:], tag) or (tag != "" and recursive_match(pattern, tag[1:]))
    return (pattern, tag) == ("", "") or (
        tag != "" and pattern[:1] == tag[0] and recursive_match(pattern[1:], tag[1:])
    )


@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, min_size=3, max_size=3))
def test_a_tag_made_from_a_pattern_matches_it(parts: list[str], between: list[str]) -> None:
    tag = parts[0] + "".join(gap + part for gap, part in zip(between, parts[1:], strict=False))
    assert wildcard_matches("*".join(parts), tag)


@pytest.mark.parametrize(
    ("mutability", "plain", "excluded"),
    [
        ("MUTABLE", False, False),
        ("IMMUTABLE", True, True),
        ("IMMUTABLE_WITH_EXCLUSION", True, False),
        ("MUTABLE_WITH_EXCLUSION", False, True),
    ],
)
def test_which_tags_a_repository_locks(mutability: Mutability, plain: bool, excluded: bool) -> None:
    repository_with_filters = repository(mutability, "latest", "dev-*")
    assert [repository_with_filters.locks(tag) for tag in ("1.2.3", "latest-2")] == [plain, plain]
    assert [repository_with_filters.locks(tag) for tag in ("latest", "dev-", "dev-anna")] == [excluded] * 3


@pytest.mark.parametrize(
    "host", ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "127.0.0.1:5000", "localhost:5000"]
)
def test_the_host_is_the_part_of_the_uri_before_the_repository(host: str) -> None:
    assert Repository("team/app", "123456789012", f"{host}/team/app").host == host


def test_an_index_lists_its_images_and_leaves_attestations_out() -> None:
    image = index([(AMD64, digest("a")), (ARM, digest("b")), (ATTESTATION, digest("c"))])
    assert image.is_index
    assert image.children == (("linux/amd64", digest("a")), ("linux/arm/v7", digest("b")))
    assert image.manifests == 4
    assert image.size is None
    assert image.config_digest is None


def test_a_single_image_knows_its_size_and_configuration() -> None:
    image = manifest("app")
    assert not image.is_index
    assert image.manifests == 1
    assert image.children == ()
    assert image.size == 100 + 2000 + 30000
    assert image.config_digest == digest("app")


@pytest.mark.parametrize("revision", [REVISION_A, None])
def test_the_revision_of_an_image_comes_from_its_annotations(revision: str | None) -> None:
    assert manifest("app", revision).revision == revision
    assert index([(AMD64, digest("a"))], revision).revision == revision


def test_a_tokens_form_for_docker_is_user_and_password_in_base64() -> None:
    assert RegistryToken("host", "AWS", "hush").auth == "QVdTOmh1c2g="  # printf AWS:hush | base64


def test_a_token_does_not_show_its_password() -> None:
    assert "hush" not in repr(RegistryToken("host", "AWS", "hush"))
