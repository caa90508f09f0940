"""Tests of plan/inventory: the manifests of a repository, grouped into images with their platforms and referrers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.inventory import ImageDetail, ListedImage, ScanSummary
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.tag import PART_TAG
from ecr_tasks.plan.group_manifests import group_manifests
from ecr_tasks.tasks.images import age, as_json, chosen, is_tag_of, scan_text, show_images
from tests.support.build import INDEX, MANIFEST, digest

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM = {"os": "linux", "architecture": "arm", "variant": "v7"}
UNKNOWN = {"os": "unknown", "architecture": "unknown"}
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
CACHE = "application/vnd.buildkit.cacheconfig.v0"


def single_manifest(name: str, *tags: str, **more: Any) -> ImageDetail:
    """Return the detail of a single manifest."""
    return ImageDetail(digest(name), MANIFEST, tags, **{"size": 10, **more})


def index_entry(name: str, platform: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Return an entry of an index."""
    return {"mediaType": MANIFEST, "digest": digest(name), "size": 1, "platform": platform or {}, **more}


def index_detail(name: str, *tags: str, **more: Any) -> ImageDetail:
    """Return the detail of an index, whose manifest :func:`manifest_of` gives."""
    return ImageDetail(digest(name), INDEX, tags, **more)


def manifest_of(name: str, *children: dict[str, Any]) -> dict[str, StoredImage]:
    """Return the manifest of an index, by digest."""
    text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})
    return {digest(name): StoredImage(digest(name), text, INDEX)}


def tags(images: tuple[ListedImage, ...]) -> list[tuple[str, ...]]:
    """Return the tags of each image."""
    return [image.detail.tags for image in images]


def test_platforms_and_attestations_are_under_their_index() -> None:
    details = [
        single_manifest("amd64", size=100, pulled=NOW),
        single_manifest("arm", size=50),
        single_manifest("proof"),
        index_detail("both", "1.2.3", size=100, pulled=NOW - timedelta(days=1)),
    ]
    mark = {"vnd.docker.reference.type": "attestation-manifest"}
    children = [index_entry("amd64", AMD64), index_entry("arm", ARM), index_entry("proof", UNKNOWN, annotations=mark)]
    (image,) = group_manifests(details, manifest_of("both", *children))
    assert [(part.name, part.digest, part.size) for part in image.platforms] == [
        ("linux/amd64", digest("amd64"), 100),
        ("linux/arm/v7", digest("arm"), 50),
    ]
    assert image.attestations == (digest("proof"),)
    assert (image.kind, image.size, image.pulled) == ("image", 150, NOW)


def test_an_index_without_a_manifest_hides_no_other_image() -> None:
    assert len(group_manifests([index_detail("both", "1"), single_manifest("amd64")], {})) == 2


def test_a_platform_with_a_tag_of_its_own_has_a_line_as_well() -> None:
    details = [index_detail("both", "1"), single_manifest("amd64", "1-amd64")]
    images = group_manifests(details, manifest_of("both", index_entry("amd64", AMD64)))
    assert sorted(tags(images)) == [("1",), ("1-amd64",)]
    assert [part.name for item in images for part in item.platforms] == ["linux/amd64"]


def test_a_part_that_a_runner_pushed_is_with_its_index_and_alone_until_there_is_one() -> None:
    part = single_manifest("amd64", f"{PART_TAG}1f2e3d4-0a1b-linux-amd64")
    (image,) = group_manifests([index_detail("both", "1"), part], manifest_of("both", index_entry("amd64", AMD64)))
    assert (image.detail.tags, [item.name for item in image.platforms]) == (("1",), ["linux/amd64"])
    (alone,) = group_manifests([part], {})
    assert (alone.detail.tags, alone.detail.own_tags) == (part.tags, ())


def test_an_index_in_an_index_gives_its_platforms() -> None:
    indexes = manifest_of("outer", index_entry("inner")) | manifest_of("inner", index_entry("amd64", AMD64))
    (image,) = group_manifests([index_detail("outer", "1"), index_detail("inner"), single_manifest("amd64")], indexes)
    assert [part.name for part in image.platforms] == ["linux/amd64"]


def test_a_signature_is_with_its_image_by_subject_or_by_name() -> None:
    named = f"{digest('app').replace(':', '-')}.sig"
    details = [
        single_manifest("app", "1"),
        single_manifest("by name", named),
        single_manifest("by subject", artifact_type=SIGNATURE, subject=digest("app")),
    ]
    (image,) = group_manifests(details, {})
    assert [referrer.kind for referrer in image.referrers] == ["signature", "signature"]
    assert image.platforms == ()


def test_an_artifact_about_a_platform_or_an_sbom_is_with_the_index() -> None:
    details = [
        index_detail("both", "1"),
        single_manifest("amd64"),
        single_manifest("sbom", artifact_type="application/spdx+json", subject=digest("amd64")),
        single_manifest("its signature", artifact_type=SIGNATURE, subject=digest("sbom")),
    ]
    (image,) = group_manifests(details, manifest_of("both", index_entry("amd64", AMD64)))
    assert [referrer.kind for referrer in image.referrers] == ["sbom", "signature"]


def test_a_list_of_referrers_and_its_entries_are_with_the_image() -> None:
    name = digest("app").replace(":", "-")
    details = [
        single_manifest("app", "1"),
        index_detail("list", name),
        single_manifest("signature", artifact_type=SIGNATURE),
    ]
    (image,) = group_manifests(details, manifest_of("list", index_entry("signature")))
    assert [referrer.kind for referrer in image.referrers] == ["referrers", "signature"]


def test_a_signature_whose_image_is_gone_has_a_line() -> None:
    (image,) = group_manifests([single_manifest("old", artifact_type=SIGNATURE, subject=digest("gone"))], {})
    assert image.kind == "signature"


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("cache", CACHE),
        ("signature", "application/vnd.cncf.notary.signature"),
        ("attestation", "application/vnd.in-toto+json"),
        ("sbom", "application/vnd.cyclonedx+json"),
        ("artifact", "application/vnd.cncf.helm.config.v1+json"),
        ("image", "application/vnd.oci.image.config.v1+json"),
        ("image", None),
    ],
)
def test_the_kind_of_a_manifest_comes_from_its_artifact_type(kind: str, type_: str | None) -> None:
    assert group_manifests([single_manifest("x", "x", artifact_type=type_)], {})[0].kind == kind


def test_a_cache_that_is_an_index_is_recognised() -> None:
    entry = {"mediaType": CACHE, "digest": digest("config"), "size": 1}
    (image,) = group_manifests([index_detail("cache", "buildcache")], manifest_of("cache", entry))
    assert (image.kind, image.platforms) == ("cache", ())


def test_the_scan_of_an_index_combines_the_scans_of_its_platforms() -> None:
    complete, running = (
        ScanSummary("COMPLETE", {"HIGH": 2, "LOW": 1}),
        ScanSummary("IN_PROGRESS", {"HIGH": 1, "CRITICAL": 1}),
    )
    details = [
        index_detail("both", "1"),
        single_manifest("amd64", scan=complete),
        single_manifest("arm", scan=running),
    ]
    (image,) = group_manifests(details, manifest_of("both", index_entry("amd64", AMD64), index_entry("arm", ARM)))
    assert image.scan == ScanSummary("IN_PROGRESS", {"HIGH": 2, "LOW": 1, "CRITICAL": 1})


def test_the_newest_comes_first() -> None:
    details = [
        single_manifest("a", "a", pushed=NOW - timedelta(1)),
        single_manifest("b", "b", pushed=NOW),
        single_manifest("c", "c"),
    ]
    assert tags(group_manifests(details, {})) == [("b",), ("a",), ("c",)]


NAMES = st.sampled_from("abcdef")


@st.composite
def repositories(draw: st.DrawFn) -> tuple[list[ImageDetail], dict[str, StoredImage]]:
    """Generate manifests with any relations, also relations that only an attacker or a mistake makes."""
    names = draw(st.lists(NAMES, unique=True))
    details: list[ImageDetail] = []
    indexes: dict[str, StoredImage] = {}
    for name in names:
        tag = draw(st.sampled_from(["", "tag", *(f"{digest(other).replace(':', '-')}.sig" for other in "abc")]))
        subject = draw(st.none() | NAMES.map(digest))
        later = [other for other in "abcdef" if other > name]  # a digest can't hold itself
        if draw(st.booleans()) and later:
            children = [index_entry(other, AMD64) for other in draw(st.lists(st.sampled_from(later)))]
            indexes |= manifest_of(name, *children)
        details.append(ImageDetail(digest(name), MANIFEST, (tag,) if tag else (), subject=subject))
    return details, indexes


@given(repositories())
def test_every_manifest_appears_and_every_tag_has_a_line(
    repository: tuple[list[ImageDetail], dict[str, StoredImage]],
) -> None:
    details, indexes = repository
    images = group_manifests(details, indexes)
    rows = [image.detail.digest for image in images]
    assert len(rows) == len(set(rows))
    text = json.dumps([as_json(image) for image in images])
    inner = {member["digest"] for stored in indexes.values() for member in stored.document["manifests"]}
    for detail in details:  # of an index in an index, only the platforms appear
        assert detail.digest in text or (detail.digest in inner and detail.digest in indexes)
        assert not detail.own_tags or detail.digest in rows


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(hours=30), "1 day ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(hours=-1), "just now"),
    ],
)
def test_an_age_is_shown_in_its_largest_unit(ago: timedelta, text: str) -> None:
    assert age(NOW - ago, NOW) == text


@pytest.mark.parametrize(
    ("scan", "text"),
    [
        (ScanSummary("COMPLETE"), "no findings"),
        (ScanSummary("ACTIVE", {"LOW": 3, "CRITICAL": 1, "UNTRIAGED": 2}), "1 critical, 3 low, 2 other"),
        (ScanSummary("SCAN_ELIGIBILITY_EXPIRED"), "scan eligibility expired"),
        (ScanSummary("IN_PROGRESS", {"HIGH": 1}), "in progress: 1 high"),
    ],
)
def test_a_scan_is_shown_as_a_short_text(scan: ScanSummary, text: str) -> None:
    assert scan_text(scan) == text


INPUTS_TAG = f"inputs-{'1f' * 20}"


def test_a_pipe_gets_every_tag_and_a_person_the_inputs_shortened_and_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = group_manifests([single_manifest("a", INPUTS_TAG, "main", "sha-1f2e3d4")], {})
    show_images({"team/app": inventory}, NOW)
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:3] == ["-", f"main,sha-1f2e3d4,{INPUTS_TAG}", inventory[0].detail.digest]
    monkeypatch.setattr("ecr_tasks.console.is_terminal", lambda stream: True)
    monkeypatch.setenv("COLUMNS", "200")
    show_images({"team/app": inventory}, NOW)
    text = capsys.readouterr().out
    assert "main, sha-1f2e3d4, inputs-1f1f1f1f1f1f…" in text
    assert inventory[0].detail.digest[7:19] in text
    assert inventory[0].detail.digest not in text


def test_all_repositories_are_in_one_table_with_the_commits_images_marked(capsys: pytest.CaptureFixture[str]) -> None:
    inventories = {
        name: group_manifests([single_manifest(f"{name} new", "sha-1f2e3d4-r2"), single_manifest(name, "1.2.3")], {})
        for name in ("team/api", "team/web")
    }
    show_images(inventories, NOW, "sha-1f2e3d4")
    output = capsys.readouterr()
    head, *rows = [line.split() for line in output.out.splitlines()]
    assert head[:3] == ["*", "repository", "tags"]
    assert sorted((row[1], row[2], row[0]) for row in rows) == [
        ("team/api", "1.2.3", "-"),
        ("team/api", "sha-1f2e3d4-r2", "*"),
        ("team/web", "1.2.3", "-"),
        ("team/web", "sha-1f2e3d4-r2", "*"),
    ]
    assert "* is this commit's image" in output.err


def test_a_filter_is_a_pattern_for_tags_and_a_limit_takes_the_first() -> None:
    inventory = group_manifests([single_manifest(tag, tag) for tag in ("1.2.3", "1.3.0", "2.0.0", "main")], {})
    assert [item.detail.tags for item in chosen(inventory, "1.*", None)] == [
        item.detail.tags for item in inventory if item.detail.tags[0].startswith("1.")
    ]
    assert chosen(inventory, None, 3) == list(inventory[:3])
    assert chosen(inventory, "1.*", 1) == chosen(inventory, "1.*", None)[:1]
    assert chosen(inventory, "3.*", None) == []


def test_only_a_revision_of_the_fixed_tag_is_the_same_commits() -> None:
    assert is_tag_of("sha-1f2e3d4", "sha-1f2e3d4")
    assert is_tag_of("sha-1f2e3d4", "sha-1f2e3d4-r2")
    assert not is_tag_of("sha-1f2e3d4", "sha-1f2e3d4-dirty")
    assert not is_tag_of("1.2", "1.2.3")
