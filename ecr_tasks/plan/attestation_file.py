"""A file of one's own about an image: what it is by its content, and the artifact that it becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.model.artifact import EMPTY_MEDIA_TYPE, TITLE, Artifact, Document
from ecr_tasks.model.attestation import CYCLONEDX, IN_TOTO, PREDICATE_TYPE, SPDX
from ecr_tasks.model.inventory import artifact_kind
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES

SPDX_TEXT = "text/spdx"
CYCLONEDX_XML = "application/vnd.cyclonedx+xml"

_SHORT: Mapping[str, tuple[str, ...]] = {
    "spdx": (SPDX, SPDX_TEXT),
    "cyclonedx": (CYCLONEDX, CYCLONEDX_XML),
    "in-toto": (IN_TOTO,),
}
"""The media types that the short names of --type stand for."""

_KNOWN = {media_type for types in _SHORT.values() for media_type in types}
_MEDIA_TYPE = r"(?a)[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
"""A media type (RFC 6838, section 4.2) in lower case, without parameters."""

_TAKEN: Mapping[str, str] = {
    "image": "an image",
    "cache": "a cache",
    "signature": "a signature",
    "release": "the record of a release, which history and rollback read",
}
"""The kinds of artifacts that no file of one's own may look like."""

_TYPES_REMEDY = (
    "Say what it is with --type: spdx, cyclonedx, in-toto, or a media type such as application/sarif+json."
)


def attestation_artifact(content: bytes, name: str, type_name: str | None, subjects: tuple[str, ...]) -> Artifact:
    """Return the artifact of a file with this ``name``; ``type_name`` is what --type says.

    ``subjects`` are the digests of the image that it is to be attached to, and of its platforms. Raises SettingsError
    for an empty file, for one that is not what --type says, or that can't be recognized, and Refused for an in-toto
    statement about other images.
    """
    if not content.strip():
        raise SettingsError(f"{name} is empty.", "Name the file with the SBOM or the statement.")
    found, document = recognize(content)
    media_type = _media_type(name, type_name, found)
    notes = {TITLE: name}
    if media_type == IN_TOTO and document is not None:
        _check_subject(name, document, subjects)
        if isinstance(document.get("predicateType"), str):
            notes[PREDICATE_TYPE] = document["predicateType"]
    return Artifact(media_type, (Document(media_type, content, dict(notes)),), notes)


def recognize(content: bytes) -> tuple[str | None, Mapping[str, Any] | None]:
    """Return a document's media type by its content, None for one that isn't known, and its JSON object if it is one.

    Known are SPDX (JSON of 2 and 3, tag-value), CycloneDX (JSON, XML) and in-toto's statements.
    """
    start = content[:4096].decode("utf-8-sig", "replace").lstrip()
    if start.startswith("SPDXVersion:"):
        return SPDX_TEXT, None
    root = re.search(r"<(?:\w+:)?bom\s[^>]*", start) if start.startswith("<") else None
    if root is not None and "http://cyclonedx.org/schema/bom/" in root[0]:
        return CYCLONEDX_XML, None
    if not start.startswith("{"):
        return None, None
    try:
        document = parse_json(content)
    except ValueError:
        return None, None
    if not isinstance(document, dict):
        return None, None
    return _json_type(document), document


def is_sbom(document: Any) -> bool:
    """Return whether a JSON value is an SPDX or CycloneDX document."""
    return isinstance(document, Mapping) and _json_type(document) in (SPDX, CYCLONEDX)


def _json_type(document: Mapping[str, Any]) -> str | None:
    context, statement = document.get("@context"), document.get("_type")
    if str(document.get("spdxVersion", "")).startswith("SPDX-"):
        return SPDX
    if isinstance(context, str) and context.startswith("https://spdx.org/rdf/3"):
        return SPDX
    if document.get("bomFormat") == "CycloneDX":
        return CYCLONEDX
    if isinstance(statement, str) and statement.startswith("https://in-toto.io/Statement/"):
        return IN_TOTO
    return None


def _media_type(name: str, type_name: str | None, found: str | None) -> str:
    if type_name is None:
        if found is None:
            raise SettingsError(f"{name} is neither SPDX nor CycloneDX nor an in-toto statement.", _TYPES_REMEDY)
        return found
    wanted = _SHORT.get(type_name.strip().lower(), (type_name.strip().lower(),))
    if found in wanted:
        return found
    if wanted[0] in _KNOWN:
        what = f"it is {found}" if found else "its content is something else"
        raise SettingsError(
            f"{name} is no {type_name[:100]}: {what}.", f"Leave out --type, or correct it. {_TYPES_REMEDY}"
        )
    if not re.fullmatch(_MEDIA_TYPE, wanted[0]):
        raise SettingsError(f"--type {type_name[:100]!r} is no media type.", _TYPES_REMEDY)
    if found is not None:
        raise SettingsError(f"{name} is {found}, and --type says {wanted[0]}.", "Leave out --type, or correct it.")
    kind = artifact_kind(wanted[0])
    if wanted[0] in (*MANIFEST_MEDIA_TYPES, *INDEX_MEDIA_TYPES, EMPTY_MEDIA_TYPE):
        kind = "image"
    if kind in _TAKEN:
        raise Refused(
            f"--type {wanted[0]} is that of {_TAKEN[kind]}: a file under it would be taken for one.",
            _TYPES_REMEDY if kind != "signature" else "Sign the image with cosign or notation instead.",
        )
    return wanted[0]


def _check_subject(name: str, statement: Mapping[str, Any], subjects: tuple[str, ...]) -> None:
    """Raise Refused for a statement whose subjects are other images (in-toto attestation, spec/v1/statement.md)."""
    entries = statement.get("subject")
    digests = [
        f"sha256:{entry['digest'].get('sha256')}"
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("digest"), dict)
    ]
    if not set(digests) & set(subjects):
        about = f"about {digests[0]}" if digests else "about nothing"
        raise Refused(
            f"The statement in {name} is {about}, and not about {subjects[0]}.",
            "Attach it to the image that it is about (--source), or make one of this image.",
        )
