"""A record of a release: that an image got tags, what they were before, by whom, and through which gates.

It is an artifact whose subject is the image. Its JSON document is an annotation, so that one call writes it and one
call reads a hundred of them. The layers are empty, as the OCI image specification 1.1 has it for an artifact without
files ("Guidelines for Artifact Usage").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, Literal

from ecr_tasks.documents import parse_json
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.artifact import EMPTY_MEDIA_TYPE, Artifact
from ecr_tasks.model.inventory import RELEASE, ImageDetail
from ecr_tasks.model.manifest import CREATED
from ecr_tasks.redaction import redact_document

DOCUMENT = "io.ecr-tasks.release"
"""The annotation with the JSON document."""

SCHEMA = 1

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Task = Literal["promote", "rollback"]


@dataclass(frozen=True, order=True)
class TagPlace:
    """The repository that tags are in, in the registry of an account and a region."""

    account: str
    region: str
    repository: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.repository}"


@dataclass(frozen=True)
class Promoter:
    """Who promotes, as far as known: STS's name of the caller, git's user, the CI, the page of its run, and whom its
    variables name as who started that.
    """

    caller: str | None = None
    git_user: str | None = None
    ci: str | None = None
    ci_run: str | None = None
    ci_actor: str | None = None


@dataclass(frozen=True)
class Move:
    """A tag's move from one digest (None for a new tag) to another."""

    was: str | None
    to: str


Together = Mapping[str, Mapping[str, Move]]
"""The moves of one command, by repository and tag."""


@dataclass(frozen=True)
class Release:
    """Tags that an image got at one time; ``was`` are the digests that they had before, None for a new tag.

    ``run`` is the same in the records of all images that one command promoted. ``together`` are all tags that it was
    to set, by repository: it may have ended before all was done. ``at`` is the time
    (ISO 8601) by that machine's clock, ``seconds`` are those from its look at the tags until the record. ``source``
    is the image's name as it was typed, ``source_place`` the repository that it was copied from, if not from the
    tags' own.
    """

    digest: str
    place: TagPlace
    was: Mapping[str, str | None]
    run: str
    at: str
    seconds: float = 0.0
    task: Task = "promote"
    source: str = ""
    source_place: TagPlace | None = None
    by: Promoter = field(default_factory=Promoter)
    gates: Sequence[Mapping[str, Any]] = ()
    together: Together = field(default_factory=dict)

    def artifact(self) -> Artifact:
        """Return the artifact to attach to the image; no secret is in it."""
        document = redact_document(json.loads(json.dumps(self.document(), default=str)))
        return Artifact(RELEASE, (), {CREATED: self.at, DOCUMENT: json.dumps(document)})

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "schema": SCHEMA,
            "task": self.task,
            "at": self.at,
            "seconds": round(self.seconds, 3),
            "run": self.run,
            "together": {
                name: {tag: {"was": move.was, "to": move.to} for tag, move in tags.items()}
                for name, tags in self.together.items()
            },
            "digest": self.digest,
            **_place_json(self.place),
            "tags": [{"tag": tag, "was": was} for tag, was in self.was.items()],
            "source": {
                "reference": self.source,
                **(_place_json(self.source_place) if self.source_place is not None else {}),
            },
            "by": {
                "caller": self.by.caller,
                "git_user": self.by.git_user,
                "ci": self.by.ci,
                "ci_run": self.by.ci_run,
                "ci_actor": self.by.ci_actor,
            },
            "gates": list(self.gates),
        }


@dataclass(frozen=True)
class ReleaseRecord:
    """A release as a registry has it: ``digest`` is the record's own, ``pushed`` its time by the registry's clock."""

    digest: str
    pushed: datetime
    release: Release

    @property
    def began(self) -> datetime:
        """When its run looked at the tags, by the registry's clock, which may show whole seconds only."""
        return self.pushed - timedelta(seconds=min(self.release.seconds, 86400.0) + 1)

    def overlaps(self, other: ReleaseRecord) -> bool:
        """Return whether both runs were under way at one time, so that either may have set a tag last."""
        return self.began <= other.pushed and other.began <= self.pushed


def may_be_record(detail: ImageDetail) -> bool:
    """Return whether a listed manifest can be a record: by its type, or its empty configuration's for want of one."""
    return detail.subject is not None and detail.artifact_type in (RELEASE, EMPTY_MEDIA_TYPE)


def parse_record(detail: ImageDetail, manifest: str) -> ReleaseRecord | None:
    """Return a record, or None for an artifact of another type. Raises ValueError for one that can't be read."""
    content = parse_json(manifest)
    if not isinstance(content, dict):
        raise ValueError("it is no manifest")
    if content.get("artifactType") != RELEASE:
        return None
    annotations = content.get("annotations")
    text = annotations.get(DOCUMENT) if isinstance(annotations, dict) else None
    if not isinstance(text, str) or detail.pushed is None:
        raise ValueError(f"it has no {DOCUMENT}")
    release = _release(parse_json(text))
    if release.digest != detail.subject:
        raise ValueError("it belongs to another image")
    return ReleaseRecord(detail.digest, detail.pushed, release)


def _release(data: Any) -> Release:
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    tags, source, by, gates = data.get("tags"), data.get("source"), data.get("by"), data.get("gates")
    if not isinstance(tags, list) or not tags or not isinstance(source, dict) or not isinstance(by, dict):
        raise ValueError("a part of it is missing")
    was = {_text(item, "tag"): _digest(item, "was", optional=True) for item in tags}
    seconds = data.get("seconds")
    if not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise ValueError("its seconds are no number")
    if data.get("task") not in ("promote", "rollback"):
        raise ValueError("its task is unknown")
    together = data.get("together", {})  # records of before 2026-11-28 have none
    moves = [*together.values()] if isinstance(together, dict) else [None]
    if not all(isinstance(tags, dict) and all(isinstance(move, dict) for move in tags.values()) for tags in moves):
        raise ValueError("what it set together is no mapping")
    if not isinstance(gates, list) or not all(isinstance(gate, dict) for gate in gates):
        raise ValueError("its gates are no list")
    return Release(
        digest=_digest(data, "digest") or "",
        place=_place(data),
        was=was,
        run=_text(data, "run"),
        at=_text(data, "at"),
        seconds=float(seconds),
        task=data["task"],
        source=_text(source, "reference"),
        source_place=_place(source) if "repository" in source else None,
        by=Promoter(*(_optional(by, name) for name in ("caller", "git_user", "ci", "ci_run", "ci_actor"))),
        gates=tuple(gates),
        together={
            name: {
                tag: Move(_digest(move, "was", optional=True), _digest(move, "to") or "")
                for tag, move in tags.items()
            }
            for name, tags in together.items()
        },
    )


def _place(data: Mapping[str, Any]) -> TagPlace:
    return TagPlace(_text(data, "account"), _text(data, "region"), _text(data, "repository"))


def _place_json(place: TagPlace) -> dict[str, str]:
    return {"account": place.account, "region": place.region, "repository": place.repository}


def _text(data: Any, name: str) -> str:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"its {name} is no text")
    return value


def _optional(data: Mapping[str, Any], name: str) -> str | None:
    return _text(data, name) if data.get(name) is not None else None


def _digest(data: Any, name: str, *, optional: bool = False) -> str | None:
    if optional and isinstance(data, dict) and data.get(name) is None:
        return None
    value = _text(data, name)
    if not _DIGEST.fullmatch(value):
        raise ValueError(f"its {name} is no digest")
    return value
