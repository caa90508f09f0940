"""Tests of plan/cache: the build caches in ECR, and caches in buildx's syntax."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.plan.cache import NO_CACHES, Caches, cache_notes, caches_of, with_cache
from tests.support.build import HOST, repository, settings, source

PLAIN = BuildDefinition("/project")
REGISTRY = Caches(("registry",), ("registry",))


def both(*entries: str) -> Caches:
    """Return caches that are read and written."""
    return Caches(entries, entries)


def options(entry: str) -> dict[str, str]:
    """Return the keys and values of a cache entry."""
    return dict(part.split("=", 1) for part in entry.split(","))


def tags(caches: Caches) -> tuple[list[str], list[str]]:
    """Return the tags of the caches in ECR that are read and written."""
    definition = with_cache(PLAIN, caches, repository())
    read, written = (
        [options(entry)["ref"].removeprefix(f"{HOST}/team/app:") for entry in entries]
        for entries in (definition.cache_from, definition.cache_to)
    )
    return read, written


def test_off_adds_no_cache() -> None:
    assert with_cache(PLAIN, NO_CACHES, repository()) == PLAIN


def test_off_leaves_a_bake_files_own_cache_alone() -> None:
    definition = BuildDefinition("/project", cache_from=("type=gha",), cache_to=("type=gha",))
    assert with_cache(definition, NO_CACHES, repository()) == definition


def test_registry_stores_the_cache_beside_the_image_with_the_options_that_ecr_needs() -> None:
    definition = with_cache(PLAIN, REGISTRY, repository())
    (read,), (write,) = definition.cache_from, definition.cache_to
    assert options(read) == {"type": "registry", "ref": f"{HOST}/team/app:{CACHE_TAG}"}
    needed = {"image-manifest": "true", "oci-mediatypes": "true", "mode": "max", "ignore-error": "true"}
    assert options(write) == {**options(read), **needed}


def test_what_an_image_links_to_reads_its_cache_and_writes_none_over_it() -> None:
    definition = with_cache(replace(PLAIN, linked={"base": PLAIN}), REGISTRY, repository())
    assert definition.cache_to
    base = definition.linked["base"]
    assert (base.cache_from, base.cache_to) == (definition.cache_from, ())


def test_a_missing_repository_gets_no_cache() -> None:
    assert with_cache(PLAIN, REGISTRY, None) == PLAIN


@pytest.mark.parametrize(
    ("facts", "read", "written"),
    [
        ({"branch": "main", "default_branch": "main"}, [CACHE_TAG], CACHE_TAG),
        ({"branch": "master"}, [CACHE_TAG], CACHE_TAG),
        ({"branch": "main", "default_branch": "trunk"}, [f"{CACHE_TAG}-main", CACHE_TAG], f"{CACHE_TAG}-main"),
        (
            {"branch": "feature/a b", "default_branch": "main"},
            [f"{CACHE_TAG}-feature-a-b", CACHE_TAG],
            f"{CACHE_TAG}-feature-a-b",
        ),
        ({"branch": None, "tag": "v1.2.3", "default_branch": "main"}, [CACHE_TAG], CACHE_TAG),
    ],
)
def test_a_branch_has_its_own_cache_and_falls_back_on_the_default_branchs(
    facts: dict[str, str | None], read: list[str], written: str
) -> None:
    caches = caches_of(settings(cache=("registry",)), replace(source(), **facts))  # type: ignore[arg-type]
    assert tags(caches) == (read, [written])


def test_the_tag_of_a_long_branch_is_no_longer_than_a_tag_can_be() -> None:
    caches = caches_of(settings(cache=("registry",)), source(branch="x" * 300))
    assert [len(tag) for tag in tags(caches)[1]] == [128]


def test_a_runner_of_one_platform_has_a_cache_of_its_own() -> None:
    caches = caches_of(settings(cache=("registry",)), source(branch="x" * 300, default_branch="main"))
    read, (written,) = tags(caches.for_platform("linux/arm64"))
    assert (read[0], len(written)) == (written, 128)
    assert written.endswith("x-linux-arm64")
    assert read[1:] == [f"{CACHE_TAG}-linux-arm64"]


def test_a_pull_request_reads_its_branchs_its_targets_and_the_default_branchs_cache_and_writes_none() -> None:
    change = source(
        branch="feature",
        base_ref="release/1",
        default_branch="main",
        event="pull_request",
        pull_request="7",
        origins={"change": "GITHUB_REF"},
    )
    caches = caches_of(settings(cache=("registry",)), change)
    assert tags(caches) == ([f"{CACHE_TAG}-feature", f"{CACHE_TAG}-release-1", CACHE_TAG], [])
    (note,) = cache_notes(caches, repository(), PLAIN)
    assert note == "the build cache is only read, because this run belongs to a pull request (GITHUB_REF)"
    assert cache_notes(caches, None, PLAIN) == ()  # it is left out, and not read either
    assert cache_notes(caches_of(settings(cache=("registry", "type=gha")), change), None, PLAIN) == (note,)
    assert tags(caches_of(settings(cache_to=("registry",)), change)) == ([], [])


def test_a_pull_request_writes_only_caches_that_stay_on_this_machine() -> None:
    entries = ("type=gha", "type=s3,bucket=b,region=r", "type=azblob", "type=inline", "type=local,src=c,dest=c")
    caches = caches_of(settings(cache=entries), source(pull_request="7"))
    assert with_cache(PLAIN, caches, None).cache_to == ("type=inline", "type=local,src=c,dest=c")


def test_a_pull_request_does_not_write_a_bake_files_own_cache_elsewhere() -> None:
    entries = ("type=registry,ref=r.example/c:x", "r.example/c:y", "type=gha", "type=inline", "type=local,dest=c")
    base = BuildDefinition("/base", cache_to=entries)
    own = BuildDefinition("/project", cache_from=entries[:1], cache_to=entries, linked={"base": base})
    caches = caches_of(settings(), source(pull_request="7"))
    kept = with_cache(own, caches, None)
    assert (kept.cache_from, kept.cache_to, kept.linked["base"].cache_to) == (entries[:1], entries[3:], entries[3:])
    note = "the build cache is only read, because this run belongs to a pull request"
    assert cache_notes(caches, None, own)[0].startswith(note)
    assert cache_notes(caches, None, BuildDefinition("/project", linked={"base": base}))[0].startswith(note)
    assert cache_notes(caches, None, with_cache(own, caches, None)) == ()
    off = caches_of(settings(cache_from=("type=gha",)), source(pull_request="7"))  # which takes their place
    assert (with_cache(own, off, None).cache_to, cache_notes(off, None, own)) == ((), ())


def test_a_repository_that_locks_the_caches_tag_is_refused_before_the_build() -> None:
    with pytest.raises(Refused) as error:
        with_cache(PLAIN, REGISTRY, repository("IMMUTABLE"))
    assert CACHE_TAG in error.value.cause
    assert "exclusion filter" in error.value.remedy


def test_a_cache_that_is_only_read_may_have_a_locked_tag() -> None:
    for caches in (replace(REGISTRY, read_only="pull request"), Caches(reads=("registry",))):
        assert with_cache(PLAIN, caches, repository("IMMUTABLE")).cache_from


def test_an_exclusion_filter_lets_the_cache_move() -> None:
    assert with_cache(PLAIN, REGISTRY, repository("IMMUTABLE_WITH_EXCLUSION", "build*")).cache_to


def test_a_filter_for_the_default_branch_alone_lets_other_branches_read() -> None:
    caches = replace(REGISTRY, tags=(f"{CACHE_TAG}-feature", CACHE_TAG))
    place = repository("IMMUTABLE_WITH_EXCLUSION", CACHE_TAG)
    definition = with_cache(PLAIN, caches, place)
    assert (len(definition.cache_from), definition.cache_to) == (2, ())
    (note,) = cache_notes(caches, place, PLAIN)
    assert "locks the tag buildcache-feature" in note
    assert "inv repo.ensure" in note
    assert cache_notes(REGISTRY, place, PLAIN) == ()


def test_what_is_read_is_apart_from_what_is_written() -> None:
    caches = Caches(("registry", "type=gha,scope=a"), ("type=s3,bucket=b,region=r",))
    definition = with_cache(PLAIN, caches, repository())
    assert definition.cache_from == (f"type=registry,ref={HOST}/team/app:{CACHE_TAG}", "type=gha,scope=a")
    assert definition.cache_to == ("type=s3,bucket=b,region=r,ignore-error=true",)


def test_the_settings_say_what_is_read_and_written() -> None:
    chosen = caches_of(settings(cache=("registry",), cache_to=()), source())
    assert (chosen.reads, chosen.writes) == (("registry",), ())
    chosen = caches_of(settings(cache=("registry",), cache_from=("type=gha",)), source())
    assert (chosen.reads, chosen.writes) == (("type=gha",), ("registry",))


def test_compression_is_that_of_caches_that_can_have_one() -> None:
    entries = ("registry", "type=local,src=c,dest=c", "type=gha", "type=registry,ref=r.example/c,compression=gzip")
    caches = caches_of(settings(cache=entries, cache_compression=("zstd", 19)), source(branch="main"))
    in_ecr, local, gha, own = with_cache(PLAIN, caches, repository()).cache_to
    for entry in (in_ecr, local):
        wanted = {"compression": "zstd", "compression-level": "19", "force-compression": "true"}
        assert {key: options(entry)[key] for key in wanted} == wanted
    assert "compression" not in gha
    assert own == "type=registry,ref=r.example/c,compression=gzip,ignore-error=true"


def test_an_entry_in_buildxs_syntax_is_read_and_written_and_may_fail() -> None:
    definition = with_cache(PLAIN, both("type=gha,scope=app"), None)
    assert definition.cache_from == ("type=gha,scope=app",)
    assert definition.cache_to == ("type=gha,scope=app,ignore-error=true",)


def test_a_cache_in_another_ecr_repository_gets_the_options_that_ecr_needs() -> None:
    entry = f'type=registry,"ref={HOST}/cache:app",mode=max'
    definition = with_cache(PLAIN, both(entry), None)
    assert definition.cache_from == (entry,)
    assert definition.cache_to == (f"{entry},ignore-error=true,image-manifest=true,oci-mediatypes=true",)


def test_what_an_entry_says_stays() -> None:
    entry = f"type=registry,ref={HOST}/cache:app,Ignore-Error=false,image-manifest=false,oci-mediatypes=false"
    assert with_cache(PLAIN, both(entry), None).cache_to == (entry,)


def test_a_cache_in_the_image_is_written_and_read_as_an_image() -> None:
    definition = with_cache(PLAIN, both("type=inline"), None)
    assert (definition.cache_from, definition.cache_to) == ((), ("type=inline",))
    (note,) = cache_notes(both("type=inline"), None, PLAIN)
    assert "ECR_CACHE_FROM" in note
    assert cache_notes(Caches(("type=registry,ref=r.example/app:main",), ("type=inline",)), None, PLAIN) == ()


def test_an_entry_may_have_the_images_name() -> None:
    definition = with_cache(PLAIN, both("type=gha,scope=a-{{image}}").for_image("api"), None)
    assert definition.cache_from == ("type=gha,scope=a-api",)
    assert definition.cache_to == ("type=gha,scope=a-api,ignore-error=true",)


def test_several_caches_are_several_entries() -> None:
    definition = with_cache(PLAIN, both("type=gha", "type=local,src=cache,dest=cache"), None)
    assert definition.cache_from == ("type=gha", "type=local,src=cache,dest=cache")
    assert definition.cache_to == ("type=gha,ignore-error=true", "type=local,src=cache,dest=cache")
