"""The inputs of an image, as far as they are known, and the canonical document that their digest is of. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecr_tasks.model.image import BuildDefinition, Files

SCHEMA = 1
"""Goes into every digest: another way to work it out must give other digests."""


def files_digest(files: Files) -> str:
    """The digest of a folder's files; their order has no say."""
    return _digest(sorted([path.encode("utf-8", "surrogateescape").hex(), *said] for path, said in files.items()))


def local_digest(files: str, dockerfile: bytes, folders: Mapping[str, str]) -> str:
    """The digest of what lies on a machine: the context's files, the Dockerfile, named contexts' files by name."""
    said = {"schema": SCHEMA, "files": files, "dockerfile": hashlib.sha256(dockerfile).hexdigest()}
    return _digest({**said, "folders": dict(folders)})


def inputs_digest(definition: BuildDefinition, local: str, platforms: Sequence[str], bases: Mapping[str, str]) -> str:
    """The digest of everything: what lies here, what is asked for, and the base images by reference.

    ``definition`` is what settings or bake file say alone. Of secrets and SSH keys only the ids count; a cache
    changes nothing but the time; where files are is not what they are.
    """
    return _digest(
        {
            "schema": SCHEMA,
            "local": local,
            "target": definition.target,
            "platforms": sorted(platforms),
            "args": dict(definition.args),
            "contexts": {name: _place(value) for name, value in definition.contexts.items()},
            "labels": dict(definition.labels),
            "annotations": dict(definition.annotations),
            "attest": sorted(definition.attest),
            "secrets": sorted(_secret_id(entry) for entry in definition.secrets),
            "ssh": sorted(entry.partition("=")[0] for entry in definition.ssh),
            "extra": dict(definition.extra),
            "bases": dict(bases),
        }
    )


def _place(value: str) -> str:
    """A named context's address; what is in a folder counts, not where it is."""
    return value if "://" in value else "a folder"


def _secret_id(entry: str) -> str:
    """A secret's id; one without is its source's name (buildx, util/buildflags/secrets.go)."""
    fields = dict(part.partition("=")[::2] for part in entry.split(","))
    return fields.get("id") or fields.get("src") or fields.get("source") or fields.get("env") or ""


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=dict)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
