"""A record of a release: its document comes back as it went, and what somebody else attached breaks no reading."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.artifact import EMPTY_CONFIG, EMPTY_MEDIA_TYPE, Artifact, layers_of
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.inventory import RELEASE, ImageDetail
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES
from ecr_tasks.model.release import DOCUMENT, Promoter, Release, ReleaseRecord, TagPlace, may_be_record, parse_record
from tests.support.build import manifest

IMAGE = manifest("an image")
PLACE = TagPlace("123456789012", "eu-central-1", "team/app")
NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)


def listed(artifact: Artifact, artifact_type: str = RELEASE) -> tuple[ImageDetail, str]:
    """Return an artifact of the image as a registry lists it, and its manifest."""
    text = artifact.manifest(IMAGE)
    detail = ImageDetail(
        sha256_digest(text),
        MANIFEST_MEDIA_TYPES[0],
        pushed=NOW,
        artifact_type=artifact_type,
        subject=IMAGE.digest,
    )
    return detail, text


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    was=st.dictionaries(words, st.none() | words.map(sha256_digest), min_size=1, max_size=3),
    seconds=st.integers(0, 10_000_000).map(lambda number: number / 1000),
    source=st.sampled_from(["main", "sha256:" + "0" * 64]),
    copied=st.booleans(),
    by=st.builds(Promoter, st.none() | st.just("arn:aws:sts::1:assumed-role/a/b"), st.none() | st.just("Ada <a@b>")),
)
def test_what_is_recorded_is_read(
    was: dict[str, str | None], seconds: float, source: str, copied: bool, by: Promoter
) -> None:
    release = Release(
        *(IMAGE.digest, PLACE, was, "run", NOW.isoformat(), seconds, "rollback", source),
        source_place=PLACE if copied else None,
        by=by,
        gates=({"gate": "require-scan", "level": "high", "passed": True},),
    )
    detail, text = listed(release.artifact())
    assert may_be_record(detail)
    assert parse_record(detail, text) == ReleaseRecord(detail.digest, NOW, release)


def test_a_record_is_an_artifact_without_files() -> None:
    artifact = Release(IMAGE.digest, PLACE, {"prod": None}, "run", "now").artifact()
    document = json.loads(artifact.manifest(IMAGE))
    assert (document["artifactType"], document["subject"]["digest"]) == (RELEASE, IMAGE.digest)
    assert document["config"] == document["layers"][0]
    assert layers_of(artifact.manifest(IMAGE)) == (
        (EMPTY_MEDIA_TYPE, sha256_digest(EMPTY_CONFIG), len(EMPTY_CONFIG), {}),
    )


def test_a_registry_may_show_the_configurations_type_and_other_artifacts_are_passed_over() -> None:
    release = Release(IMAGE.digest, PLACE, {"prod": None}, "run", "now")
    detail, text = listed(release.artifact(), EMPTY_MEDIA_TYPE)
    assert may_be_record(detail)
    assert parse_record(detail, text) is not None
    other, text = listed(Artifact("application/vnd.example", (), {DOCUMENT: "{}"}), EMPTY_MEDIA_TYPE)
    assert parse_record(other, text) is None
    assert not may_be_record(ImageDetail(IMAGE.digest, MANIFEST_MEDIA_TYPES[0], artifact_type=RELEASE))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(words, values, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(sorted(Release(IMAGE.digest, PLACE, {"a": None}, "", "").document())), json_values
    )
)
def test_a_document_with_wrong_parts_is_a_value_error_or_a_release(changes: dict[str, Any]) -> None:
    whole = Release(IMAGE.digest, PLACE, {"prod": None}, "run", "now").document()
    detail, text = listed(Artifact(RELEASE, (), {DOCUMENT: json.dumps({**whole, **changes})}))
    try:
        record = parse_record(detail, text)
    except ValueError:
        return
    assert record is not None
    assert all(isinstance(tag, str) for tag in record.release.was)
    assert isinstance(record.began, datetime)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "{}", '{"artifactType": 1}'])
def test_a_manifest_that_is_none_is_no_record(text: str) -> None:
    detail, _ = listed(Artifact(RELEASE, ()))
    try:
        assert parse_record(detail, text) is None
    except ValueError:
        assert text in ("", "[]", "{", "null")
