"""Compute the digest of an image's inputs from a canonical JSON document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import BuildDefinition, Files
from ecr_tasks.model.option_fields import secret_id

SCHEMA = 1
"""The version of the computation. It is a part of every digest and changes with the computation."""


def files_digest(files: Files) -> str:
    """Return the digest of a folder's files; their order makes no difference."""
    return _digest(sorted([path.encode("utf-8", "surrogateescape").hex(), *file] for path, file in files.items()))


def local_digest(
    files: str, dockerfile: bytes, folders: Mapping[str, str], linked: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the digest of the local inputs: the context's files, the Dockerfile, and the named contexts' files.

    ``files`` and ``folders`` are each a :func:`files_digest`; ``linked`` has the same digest of each linked target.
    """
    document = {
        "schema": SCHEMA,
        "files": files,
        "dockerfile": hashlib.sha256(dockerfile).hexdigest(),
        "folders": dict(folders),
    }
    return _digest({**document, "linked": dict(linked)} if linked else document)


def inputs_digest(definition: BuildDefinition, local: str, platforms: Sequence[str], bases: Mapping[str, str]) -> str:
    """Return the digest of all inputs: the local ones, the build's options, and the digests of base images.

    ``local`` is a :func:`local_digest`, ``bases`` are digests by reference. ``definition`` is that of the settings or
    the bake file, without labels from git. The digest covers the ids of secrets and SSH keys, but not their values.
    It does not cover caches and the paths of folders, because they change no content.
    """
    return _digest(
        {
            "schema": SCHEMA,
            "local": local,
            "platforms": sorted(platforms),
            "bases": dict(bases),
            **_options(definition),
        }
    )


def _options(definition: BuildDefinition) -> dict[str, Any]:
    # The digest of the local inputs covers the content of a folder; its path makes no difference.
    is_named = ("://", "target:")
    contexts = {
        name: value if any(mark in value for mark in is_named) else "a folder"
        for name, value in definition.contexts.items()
    }
    options: dict[str, Any] = {
        "target": definition.target,
        "args": dict(definition.args),
        "contexts": contexts,
        "labels": dict(definition.labels),
        "annotations": dict(definition.annotations),
        "attest": sorted(definition.attest),
        "secrets": sorted(secret_id(entry) for entry in definition.secrets),
        "ssh": sorted(entry.partition("=")[0] for entry in definition.ssh),
        "extra": dict(definition.extra),
    }
    if definition.exporter:
        options["exporter"] = list(definition.exporter)
    if definition.linked:
        options["linked"] = {
            name: {**_options(linked), "platforms": sorted(linked.platforms)}
            for name, linked in definition.linked.items()
        }
    return options


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=dict)
    return sha256_digest(text)
