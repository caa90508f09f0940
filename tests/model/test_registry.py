"""What ECR's tag mutability means, and what a stored image says of itself."""

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
def test_a_wildcard_is_any_run_of_characters_in_the_whole_tag(pattern: str, tag: str) -> None:
    assert wildcard_matches(pattern, tag) == matches(pattern, tag)


def matches(pattern: str, tag: str) -> bool:
    """Try every run of characters for each ``*``."""
    if pattern.startswith("*"):
        return matches(pattern[1:], tag) or (tag != "" and matches(pattern, tag[1:]))
    return (pattern, tag) == ("", "") or (tag != "" and pattern[:1] == tag[0] and matches(pattern[1:], tag[1:]))


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
    kept = repository(mutability, "latest", "dev-*")
    assert [kept.locks(tag) for tag in ("1.2.3", "latest-2")] == [plain, plain]
    assert [kept.locks(tag) for tag in ("latest", "dev-", "dev-anna")] == [excluded] * 3


@pytest.mark.parametrize(
    "host", ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "127.0.0.1:5000", "localhost:5000"]
)
def test_the_host_is_what_stands_before_the_repository(host: str) -> None:
    assert Repository("team/app", "123456789012", f"{host}/team/app").host == host


def test_an_index_lists_its_images_and_leaves_attestations_out() -> None:
    stored = index([(AMD64, digest("a")), (ARM, digest("b")), (ATTESTATION, digest("c"))])
    assert stored.is_index
    assert stored.children == (("linux/amd64", digest("a")), ("linux/arm/v7", digest("b")))
    assert stored.manifests == 4
    assert stored.size is None
    assert stored.config_digest is None


def test_a_single_image_knows_its_size_and_configuration() -> None:
    stored = manifest("app")
    assert not stored.is_index
    assert stored.manifests == 1
    assert stored.children == ()
    assert stored.size == 100 + 2000 + 30000
    assert stored.config_digest == digest("app")


@pytest.mark.parametrize("revision", [REVISION_A, None])
def test_an_image_says_which_commit_it_is_of_if_it_knows(revision: str | None) -> None:
    assert manifest("app", revision).revision == revision
    assert index([(AMD64, digest("a"))], revision).revision == revision


def test_a_tokens_form_for_docker_is_user_and_password_in_base64() -> None:
    assert RegistryToken("host", "AWS", "hush").auth == "QVdTOmh1c2g="  # printf AWS:hush | base64


def test_a_token_does_not_show_its_password() -> None:
    assert "hush" not in repr(RegistryToken("host", "AWS", "hush"))
