"""The settings that an image is built with, besides its commit: their digests, and which of two images' differ.

They are recorded with an image, so that a published commit that would be built otherwise now is not passed over in
silence.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ecr_tasks.model.image import FRESH_OPTIONS, BuildDefinition
from ecr_tasks.model.option_fields import secret_id

SCHEMA = "1"
"""The version of the computation; texts of other versions are not compared."""

_DIGITS = 12
_ROUNDS = 100_000
_TRANSIENT = ("entitlements", *FRESH_OPTIONS)
"""Options of a bake target that change how it is built or what it may do, and not what of."""

_WORDS = {
    "context": "context",
    "dockerfile": "Dockerfile",
    "target": "target",
    "platforms": "platforms",
    "args": "build arguments",
    "contexts": "named contexts",
    "secrets": "secrets",
    "ssh": "SSH keys",
    "labels": "labels",
    "annotations": "annotations",
    "attest": "attestations",
    "exporter": "exporter options",
    "linked": "linked targets",
    "extra": "options",
}
"""The parts of a definition, in words."""


def build_settings(definition: BuildDefinition, project: Path, place: str = ".") -> str:
    """Return the digests of a definition's parts as one text, such as ``1 args=0a1b… platforms=2c3d…``.

    ``definition`` is that of the settings and the bake file, without what git and CI add; ``project`` is the folder
    that its paths are found from, and ``place`` where this is in the repository: they are written relative to
    the repository's top, so that every machine has the same text, and two folders of it have not. Parts with their
    default are left out. Caches are no part, because they change no content.

    Whoever may pull an image can read the text, and a build argument's value may be easy to guess. So all arguments
    have one digest together, and it is made slowly (PBKDF2): each guess costs as much as a run.
    """
    digests = (f"{name}={_digest(name, value)}" for name, value in _parts(definition, project, place) if value)
    return " ".join((SCHEMA, *digests))


def other_settings(recorded: str | None, current: str | None) -> tuple[str, ...]:
    """Return in words which parts of two :func:`build_settings` differ; none where one of them is not known."""
    return compared_settings(recorded, current) or ()


def compared_settings(recorded: str | None, current: str | None) -> tuple[str, ...] | None:
    """Return in words which parts of two :func:`build_settings` differ; None where one of them is not known."""
    first, second = _read(recorded), _read(current)
    if first is None or second is None:
        return None
    return tuple(words for name, words in _WORDS.items() if first.get(name) != second.get(name))


def _parts(definition: BuildDefinition, project: Path, place: str) -> Iterator[tuple[str, Any]]:
    def relative(path: str | None) -> str | None:
        """Return an absolute path relative to the top; other texts (addresses, relative paths) unchanged."""
        if path is None or not Path(path).is_absolute():
            return path
        return os.path.normpath(Path(place, os.path.relpath(path, project)))

    context, dockerfile = relative(definition.context), relative(definition.dockerfile)
    yield "context", context if context != "." else None
    yield "dockerfile", dockerfile if dockerfile != "Dockerfile" else None
    yield "target", definition.target
    yield "platforms", sorted(definition.platforms)
    yield "args", dict(definition.args)
    yield "contexts", {name: relative(value) for name, value in definition.contexts.items()}
    yield "secrets", sorted(secret_id(entry) for entry in definition.secrets)
    yield "ssh", sorted(entry.partition("=")[0] for entry in definition.ssh)
    yield "labels", dict(definition.labels)
    yield "annotations", dict(definition.annotations)
    yield "attest", sorted(entry for entry in definition.attest if "disabled=true" not in entry)
    yield "exporter", list(definition.exporter)
    yield "linked", {name: dict(_parts(linked, project, place)) for name, linked in definition.linked.items()}
    yield "extra", {name: value for name, value in definition.extra.items() if name not in _TRANSIENT}


def _digest(name: str, value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=dict)
    return _slow_digest(text) if name in ("args", "linked") else hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


@cache
def _slow_digest(text: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", text.encode(), b"io.ecr-tasks.settings", _ROUNDS, _DIGITS // 2).hex()


def _read(text: str | None) -> Mapping[str, str] | None:
    """Return the digests of a text by part; None without a text of this version."""
    schema, *entries = (text or "").split(" ")
    return dict(entry.partition("=")[::2] for entry in entries) if schema == SCHEMA else None
