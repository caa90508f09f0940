"""Tests of plan/cache: the build cache in ECR, and caches in buildx's syntax."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.plan.cache import with_cache
from tests.support.build import HOST, repository

PLAIN = BuildDefinition("/project")


def options(entry: str) -> dict[str, str]:
    """Return the keys and values of a cache entry."""
    return dict(part.split("=", 1) for part in entry.split(","))


def test_off_adds_no_cache() -> None:
    assert with_cache(PLAIN, "off", repository()) == PLAIN


def test_off_leaves_a_bake_files_own_cache_alone() -> None:
    definition = BuildDefinition("/project", cache_from=("type=gha",), cache_to=("type=gha",))
    assert with_cache(definition, "off", repository()) == definition


def test_registry_stores_the_cache_beside_the_image_with_the_options_that_ecr_needs() -> None:
    definition = with_cache(PLAIN, "registry", repository())
    (read,), (write,) = definition.cache_from, definition.cache_to
    assert options(read) == {"type": "registry", "ref": f"{HOST}/team/app:{CACHE_TAG}"}
    needed = {"image-manifest": "true", "oci-mediatypes": "true", "mode": "max", "ignore-error": "true"}
    assert options(write) == {**options(read), **needed}


def test_a_missing_repository_gets_no_cache() -> None:
    assert with_cache(PLAIN, "registry", None) == PLAIN


def test_a_repository_that_locks_the_caches_tag_is_refused_before_the_build() -> None:
    with pytest.raises(Refused) as error:
        with_cache(PLAIN, "registry", repository("IMMUTABLE"))
    assert CACHE_TAG in error.value.cause
    assert "exclusion filter" in error.value.remedy


def test_an_exclusion_filter_lets_the_cache_move() -> None:
    assert with_cache(PLAIN, "registry", repository("IMMUTABLE_WITH_EXCLUSION", "build*")).cache_to


def test_an_entry_in_buildxs_syntax_is_read_and_written_and_may_fail() -> None:
    definition = with_cache(PLAIN, "type=gha,scope=app", None)
    assert definition.cache_from == ("type=gha,scope=app",)
    assert definition.cache_to == ("type=gha,scope=app,ignore-error=true",)


def test_a_cache_in_another_ecr_repository_gets_the_options_that_ecr_needs() -> None:
    entry = f'type=registry,"ref={HOST}/cache:app",mode=max'
    definition = with_cache(PLAIN, entry, None)
    assert definition.cache_from == (entry,)
    assert definition.cache_to == (f"{entry},ignore-error=true,image-manifest=true,oci-mediatypes=true",)


def test_what_an_entry_says_stays() -> None:
    entry = f"type=registry,ref={HOST}/cache:app,Ignore-Error=false,image-manifest=false,oci-mediatypes=false"
    assert with_cache(PLAIN, entry, None).cache_to == (entry,)
    assert with_cache(PLAIN, "type=inline", None).cache_to == ("type=inline",)


def test_several_caches_are_several_entries() -> None:
    definition = with_cache(PLAIN, "type=gha\n type=local,src=cache,dest=cache\n", None)
    assert definition.cache_from == ("type=gha", "type=local,src=cache,dest=cache")
    assert definition.cache_to == ("type=gha,ignore-error=true", "type=local,src=cache,dest=cache")
