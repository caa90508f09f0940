"""Files of one's own to attach: what they are is seen in their content, and what doesn't fit is refused."""

from __future__ import annotations

import json

import pytest

from ecr_tasks.errors import EcrTasksError, Refused, SettingsError
from ecr_tasks.plan.attestation_file import attestation_artifact, recognize
from tests.support.build import digest

IMAGE = digest("image")
SPDX = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT"}
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "app", "digest": {"sha256": IMAGE.removeprefix("sha256:")}}],
    "predicateType": "https://openvex.dev/ns",
    "predicate": {},
}


def bytes_of(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (bytes_of(SPDX), "application/spdx+json"),
        (b"\xef\xbb\xbf\n" + bytes_of(SPDX), "application/spdx+json"),
        (bytes_of({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}), "application/spdx+json"),
        (b"SPDXVersion: SPDX-2.3\n", "text/spdx"),
        (bytes_of({"bomFormat": "CycloneDX", "specVersion": "1.6"}), "application/vnd.cyclonedx+json"),
        (
            b'<?xml version="1.0"?>\n<bom version="1" xmlns="http://cyclonedx.org/schema/bom/1.5">',
            "application/vnd.cyclonedx+xml",
        ),
        (bytes_of(STATEMENT), "application/vnd.in-toto+json"),
    ],
)
def test_what_a_file_is_is_seen_in_its_content(content: bytes, media_type: str) -> None:
    artifact = attestation_artifact(content, "a.json", None, (IMAGE,))
    assert artifact.artifact_type == media_type
    (document,) = artifact.documents
    assert (document.media_type, document.content) == (media_type, content)
    assert artifact.annotations["org.opencontainers.image.title"] == "a.json"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[1]",
        b'{"spdxVersion": 2}',
        b"\xff\xfe\x00",
        b"<html>",
        b"plain text",
        b"{}",
        b'{"a": ' * 2000,
        bytes_of({"bomFormat": "cyclone"}),
        bytes_of({"_type": ["https://in-toto.io/Statement/v1"]}),
    ],
)
def test_what_is_none_of_them_needs_a_type(content: bytes) -> None:
    assert recognize(content)[0] is None
    with pytest.raises(SettingsError, match="neither SPDX nor CycloneDX"):
        attestation_artifact(content, "a.json", None, (IMAGE,))
    artifact = attestation_artifact(content, "a.json", "application/sarif+json", (IMAGE,))
    assert artifact.artifact_type == "application/sarif+json"


@pytest.mark.parametrize(
    ("content", "type_name", "error", "words"),
    [
        (b"", None, SettingsError, "empty"),
        (b" \n", "spdx", SettingsError, "empty"),
        (bytes_of(SPDX), "cyclonedx", SettingsError, "no cyclonedx: it is application/spdx"),
        (b"{}", "spdx", SettingsError, "no spdx: its content is something else"),
        (b"{}", "application/spdx+json", SettingsError, "something else"),
        (bytes_of(SPDX), "application/sarif+json", SettingsError, "--type says"),
        (b"{}", "sarif", SettingsError, "no media type"),
        (b"{}", "a/b; charset=x", SettingsError, "no media type"),
        (b"{}", "application/vnd.oci.image.config.v1+json", Refused, "an image"),
        (b"{}", "application/vnd.buildkit.cacheconfig.v0", Refused, "a cache"),
        (b"{}", "application/vnd.cncf.notary.signature", Refused, "a signature"),
        (b"{}", "application/vnd.ecr-tasks.release.v1+json", Refused, "the record of a release"),
        (b"{}", "application/vnd.oci.image.index.v1+json", Refused, "an image"),
        (b"{}", "application/vnd.docker.distribution.manifest.v2+json", Refused, "an image"),
        (b"{}", "application/vnd.oci.empty.v1+json", Refused, "an image"),
        (bytes_of({**STATEMENT, "subject": []}), None, Refused, "about nothing"),
        (bytes_of({**STATEMENT, "subject": [{"digest": {"sha256": "0" * 64}}]}), None, Refused, "0000"),
        (bytes_of({**STATEMENT, "subject": ["text", {"digest": []}]}), None, Refused, "about nothing"),
    ],
)
def test_what_does_not_fit_is_refused(
    content: bytes, type_name: str | None, error: type[EcrTasksError], words: str
) -> None:
    with pytest.raises(error, match=words):
        attestation_artifact(content, "a.json", type_name, (IMAGE,))


def test_short_names_and_media_types_say_the_same() -> None:
    for name in ("spdx", "SPDX", "application/spdx+json"):
        assert attestation_artifact(bytes_of(SPDX), "a", name, (IMAGE,)).artifact_type == "application/spdx+json"


def test_a_statement_about_a_platform_is_one_about_the_image() -> None:
    artifact = attestation_artifact(bytes_of(STATEMENT), "a", None, (digest("index"), IMAGE))
    assert artifact.annotations["in-toto.io/predicate-type"] == "https://openvex.dev/ns"
