"""Tests of joining the parts that several runners have pushed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.execute.parts import (
    OtherPart,
    Parts,
    bases_that_differ,
    documents_of_parts,
    find_parts,
    join_parts,
    other_part,
)
from ecr_tasks.model.attestation import MadeDocument, Wanted
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.manifest import (
    BASE_DIGEST,
    BASE_NAME,
    IGNORED_FILES,
    REVISION,
    SETTINGS,
    VERSION,
    StoredImage,
    short_digest,
)
from ecr_tasks.plan.images import with_ignored_files
from ecr_tasks.plan.parts import part_tags
from tests.support.build import ALL_TAGS, REVISION_A, REVISION_B, digest, index, manifest, repository
from tests.support.fakes.registry import FakeRegistry

AMD, ARM = "linux/amd64", "linux/arm64"
REPOSITORY = repository()
IMAGE = Image(
    "app",
    "team/app",
    BuildDefinition(".", platforms=(AMD, ARM), annotations={"index:team": "web"}, labels={SETTINGS: "1 args=0a"}),
    ALL_TAGS,
)
TAGS = part_tags(IMAGE, REVISION_A)


def registry(**parts: StoredImage) -> FakeRegistry:
    """Return a registry with the parts for amd64 and arm64."""
    fake = FakeRegistry(None, REPOSITORY)
    for name, part in parts.items():
        fake.put("team/app", part, TAGS[f"linux/{name}"])
        fake.config_platforms[part.digest] = f"linux/{name}"
    return fake


def test_equal_parts_give_an_equal_index_in_the_order_of_the_platforms() -> None:
    amd, arm = manifest("amd"), manifest("arm")
    fake = registry(arm64=arm, amd64=amd)
    found = find_parts(IMAGE, REVISION_A, REPOSITORY, fake)
    first, second = (join_parts(IMAGE, found, fake).joined for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.manifest == second.manifest
    assert first.children == ((AMD, amd.digest), (ARM, arm.digest))
    assert [entry["size"] for entry in first.document["manifests"]] == [len(amd.manifest), len(arm.manifest)]
    assert first.document["annotations"] == {"team": "web"}


@pytest.mark.parametrize("named_by", ["annotation", "label"])
@pytest.mark.parametrize("runner_has_them", [False, True])
def test_the_parts_say_whether_the_index_holds_files_that_git_ignores(named_by: str, runner_has_them: bool) -> None:
    """Not what the runner has that joins them: whoever joins the same parts makes the same index."""
    said = {IGNORED_FILES: "yes"}
    amd = manifest("amd", REVISION_A, said) if named_by == "annotation" else manifest("amd", None)
    fake = registry(amd64=amd, arm64=manifest("arm"))
    fake.config_labels[amd.digest] = {REVISION: REVISION_A, **said}
    joined = with_ignored_files(IMAGE, runner_has_them)
    built = join_parts(joined, find_parts(joined, REVISION_A, REPOSITORY, fake), fake).joined
    assert built is not None
    assert built.has_ignored_files
    fake = registry(amd64=manifest("amd"), arm64=manifest("arm"))
    built = join_parts(joined, find_parts(joined, REVISION_A, REPOSITORY, fake), fake).joined
    assert built is not None
    assert not built.has_ignored_files


def test_attestations_of_a_part_belong_to_the_index() -> None:
    attestation = {"os": "unknown", "architecture": "unknown"}
    child, statement = manifest("arm").digest, manifest("statement").digest
    part = index([({"os": "linux", "architecture": "arm64"}, child), (attestation, statement)])
    fake = registry(amd64=manifest("amd"), arm64=part)
    built = join_parts(IMAGE, find_parts(IMAGE, REVISION_A, REPOSITORY, fake), fake)
    assert built.joined is not None
    assert [entry["digest"] for entry in built.joined.document["manifests"]][1:] == [child, statement]
    assert built.manifests[ARM] == child


V1, V2 = ({BASE_NAME: "alpine", BASE_DIGEST: digest} for digest in ("v1", "v2"))


@pytest.mark.parametrize(
    ("of_amd", "of_arm", "of_index", "of_entries"),
    [
        ("v1", "v1", ["alpine", "v1"], [{}, {}]),
        ("v2", "v1", [None, None], [V2, V1]),
        ("v1", None, [None, None], [V1, {}]),
        (None, None, ["alpine", "of the lock"], [{}, {}]),  # docker's classic store gives no annotations
    ],
)
def test_the_index_stands_on_what_its_parts_say(
    of_amd: str | None, of_arm: str | None, of_index: list[str | None], of_entries: list[dict[str, str]]
) -> None:
    """Not on what the runner's lock has, or nothing with --pull: each part has what it was built on."""
    parts = {
        name: manifest(name, annotations={BASE_NAME: "alpine", BASE_DIGEST: digest} if digest else None)
        for name, digest in (("amd64", of_amd), ("arm64", of_arm))
    }
    locked = {**IMAGE.definition.annotations, BASE_NAME: "alpine", BASE_DIGEST: "of the lock"}
    image, fake = replace(IMAGE, definition=replace(IMAGE.definition, annotations=locked)), registry(**parts)
    found = find_parts(image, REVISION_A, REPOSITORY, fake)
    joined = join_parts(image, found, fake).joined
    assert joined is not None
    assert joined.document["annotations"].get("team") == "web"
    told = [joined.document["annotations"].get(key) for key in (BASE_NAME, BASE_DIGEST)]
    assert told == of_index
    assert [entry.get("annotations", {}) for entry in joined.document["manifests"]] == of_entries
    assert (bases_that_differ(found) is None) == (of_amd == of_arm or of_arm is None)


def test_a_base_that_moved_between_the_parts_is_named() -> None:
    amd, arm = (manifest(name, annotations={BASE_NAME: "alpine", BASE_DIGEST: digest(name)}) for name in ("v1", "v2"))
    found = find_parts(IMAGE, REVISION_A, REPOSITORY, registry(amd64=amd, arm64=arm))
    words = f"alpine (linux/amd64: {short_digest(digest('v1'))}, linux/arm64: {short_digest(digest('v2'))})"
    assert bases_that_differ(found) == words


def test_a_part_keeps_its_platforms_variant_in_the_index() -> None:
    arm = manifest("arm")
    image = replace(IMAGE, definition=replace(IMAGE.definition, platforms=(AMD, "linux/arm/v7")))
    built = join_parts(image, Parts({AMD: manifest("amd"), "linux/arm/v7": arm}, ()), registry()).joined
    assert built is not None
    assert built.children[1] == ("linux/arm/v7", arm.digest)


PROVENANCE, SBOM, OTHER = "https://slsa.dev/provenance/v1", "https://spdx.dev/Document", "https://example.org/review"
ATTESTED = replace(IMAGE, referrers=("type=provenance", "type=sbom"))
PART = manifest("amd")
JOINED = Parts({AMD: PART}, ())


def attach(fake: FakeRegistry, *predicate_types: str) -> None:
    """Attach documents of these types to the part."""
    for name in predicate_types:
        document = MadeDocument(name, {"is": name}, AMD)
        fake.artifacts.attach(REPOSITORY, PART, document.artifact(PART, REPOSITORY.uri))


def waiting(sleep: Callable[[], None]) -> Wanted:
    """Return what is waited for by a clock that goes five seconds with each look."""
    clock = count(step=5)
    return Wanted(ATTESTED.referrer_kinds, sleep=lambda seconds: sleep(), clock=lambda: next(clock))


def test_what_was_made_for_a_part_is_read_once_all_of_it_is_attached() -> None:
    fake = registry(amd64=PART)
    attach(fake, OTHER, PROVENANCE)
    waits = waiting(lambda: attach(fake, SBOM))
    documents = documents_of_parts(ATTESTED, JOINED, REPOSITORY, fake, waits)
    assert documents == tuple(MadeDocument(name, {"is": name}, AMD) for name in (PROVENANCE, SBOM))


def test_what_a_part_lacks_after_a_while_is_named() -> None:
    fake = registry(amd64=PART)
    attach(fake, PROVENANCE)
    with pytest.raises(RegistryError, match=rf"{PART.digest}, lacks what ECR_ATTEST=referrers asks for \(sbom\)"):
        documents_of_parts(ATTESTED, JOINED, REPOSITORY, fake, waiting(lambda: None))


def test_a_missing_part_is_named() -> None:
    found = find_parts(IMAGE, REVISION_A, REPOSITORY, registry(amd64=manifest("amd")))
    assert (list(found.present), found.missing) == ([AMD], (ARM,))


@pytest.mark.parametrize("named_by", ["annotation", "label"])
def test_a_part_of_another_commit_is_named(named_by: str) -> None:
    part = manifest("arm", REVISION_B if named_by == "annotation" else None)
    fake = registry(amd64=manifest("amd"), arm64=part)
    fake.config_labels[part.digest] = {REVISION: REVISION_B}
    with pytest.raises(Refused, match=f"part for linux/arm64 of the commit {REVISION_A}, and it was built from"):
        find_parts(IMAGE, REVISION_A, REPOSITORY, fake)


@pytest.mark.parametrize(
    "part", [manifest("arm"), index([({"os": "linux", "architecture": "amd64"}, manifest("arm").digest)])]
)
def test_a_part_for_another_platform_is_named(part: StoredImage) -> None:
    fake = registry(amd64=manifest("amd"), arm64=part)
    fake.config_platforms[part.digest] = AMD
    with pytest.raises(Refused, match="it has an image for linux/amd64"):
        find_parts(IMAGE, REVISION_A, REPOSITORY, fake)


@pytest.mark.parametrize(("names", "found"), [(("arm", "other"), "linux/arm64 and linux/arm64"), ((), "no platform")])
def test_a_part_with_several_images_or_none_is_named(names: tuple[str, ...], found: str) -> None:
    children = [({"os": "linux", "architecture": "arm64"}, manifest(name).digest) for name in names]
    fake = registry(amd64=manifest("amd"), arm64=index(children))
    with pytest.raises(Refused, match=f"it has an image for {found}"):
        find_parts(IMAGE, REVISION_A, REPOSITORY, fake)


def test_a_part_of_other_settings_is_told_of_in_place_of_the_missing_one() -> None:
    fake = registry(amd64=manifest("amd"))
    other = replace(IMAGE, definition=replace(IMAGE.definition, labels={SETTINGS: "1 args=0b"}))
    part = manifest("other")
    fake.put("team/app", part, part_tags(other, REVISION_A)[ARM])
    fake.config_labels[part.digest] = {SETTINGS: "1 args=0b"}
    found = other_part(IMAGE, ARM, REVISION_A, REPOSITORY, fake)
    assert found.words.endswith("is of this commit, built with other build arguments")
    assert found.is_same_version
    assert other_part(IMAGE, AMD, REVISION_B, REPOSITORY, fake) == OtherPart()


def test_the_part_of_another_revision_is_not_built_otherwise() -> None:
    """Each first runner of `--republish` finds what was published before."""
    fake = registry(amd64=manifest("amd"), arm64=manifest("arm"))
    first, *others = IMAGE.tags
    for number in (2, 3):
        again = replace(IMAGE, tags=(replace(first, name=f"{first.name}-r{number}"), *others))
        fake.put("team/app", manifest(f"amd {number}"), part_tags(again, REVISION_A)[AMD])
        assert other_part(again, ARM, REVISION_A, REPOSITORY, fake) == OtherPart()


def test_the_parts_of_a_tag_that_ends_as_a_revision_does_have_revisions_too() -> None:
    tag, *others = IMAGE.tags
    first, again = (replace(IMAGE, tags=(replace(tag, name=name), *others)) for name in ("1.2.3-r2", "1.2.3-r2-r2"))
    fake = registry()
    fake.put("team/app", manifest("arm"), part_tags(again, REVISION_A)[ARM])
    assert other_part(first, ARM, REVISION_A, REPOSITORY, fake) == OtherPart()


def test_the_part_of_a_release_is_no_part_of_a_branch_built_otherwise() -> None:
    """A tag's pipeline and a branch's may have the same commit."""
    fake = registry(amd64=manifest("amd"))
    for number, labels in enumerate([{VERSION: "1.2.3"}, {SETTINGS: "1 args=0b"}, {VERSION: "1.2.4"}]):
        part = manifest(f"other {number}")
        other = replace(IMAGE, definition=replace(IMAGE.definition, labels=labels))
        fake.put("team/app", part, part_tags(other, REVISION_A)[ARM])
        fake.config_labels[part.digest] = labels
        assert other_part(IMAGE, ARM, REVISION_A, REPOSITORY, fake).is_same_version is (number > 0)


def test_the_index_is_no_other_when_the_tags_are_joined_anew() -> None:
    fake = registry(amd64=manifest("amd"), arm64=manifest("arm"))
    built = join_parts(IMAGE, find_parts(IMAGE, REVISION_A, REPOSITORY, fake), fake)
    assert built.joined is not None
    assert json.loads(built.joined.manifest)["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert built.is_stored_as(built.joined)
