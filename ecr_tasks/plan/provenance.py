"""Provenance that may be attached to an image: what a builder tells of a build, without what may be secret.

The builder tells everything: the values of build arguments and labels, the files' content that a Dockerfile writes,
every step. What is kept is a choice of what is known to be harmless, which is about BuildKit's ``mode=min``
(BuildKit, docs/attestations/slsa-definitions.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ecr_tasks.model.attestation import MadeDocument
from ecr_tasks.redaction import redact_document

_V1, _V02 = "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"

_METADATA = "https://mobyproject.org/buildkit@v1#metadata"
_HERMETIC = "https://mobyproject.org/buildkit@v1#hermetic"
_COMPLETENESS = "https://mobyproject.org/buildkit@v1#completeness"
_REPRODUCIBLE = "https://mobyproject.org/buildkit@v1#reproducible"

_ARGUMENTS = ("target", "filename", "cmdline", "source")
"""The frontend's options that are kept; the others may have the values of build arguments and labels."""

_TIMES = ("buildInvocationID", "buildStartedOn", "buildFinishedOn", "reproducible", _HERMETIC)
_TIMES_V1 = ("invocationId", "startedOn", "finishedOn", _HERMETIC, _REPRODUCIBLE)


def attachable_provenance(predicate: Mapping[str, Any], platform: str = "") -> MadeDocument | None:
    """Return what a builder tells of a build as provenance to attach; None for a form that isn't known.

    The forms are SLSA's v0.2 and v1, as BuildKit fills them.
    """
    if isinstance(predicate.get("buildDefinition"), dict):
        kept, predicate_type = _v1(predicate), _V1
    elif isinstance(predicate.get("buildType"), str):
        kept, predicate_type = _v02(predicate), _V02
    else:
        return None
    return MadeDocument(predicate_type, _without_users(redact_document(kept)), platform)


def _v02(predicate: Mapping[str, Any]) -> dict[str, Any]:
    invocation, metadata = _object(predicate, "invocation"), _object(predicate, "metadata")
    completeness = {**_object(metadata, "completeness"), "parameters": False}
    return _present(
        {
            **_some(predicate, "buildType", "materials"),
            "builder": _some(_object(predicate, "builder"), "id") or {"id": ""},
            "invocation": _present(
                {
                    **_some(invocation, "configSource", "environment"),
                    "parameters": _parameters(_object(invocation, "parameters")),
                }
            ),
            "metadata": {**_some(metadata, *_TIMES), "completeness": completeness, **_sources(metadata)},
        }
    )


def _v1(predicate: Mapping[str, Any]) -> dict[str, Any]:
    definition, details = _object(predicate, "buildDefinition"), _object(predicate, "runDetails")
    external, metadata = _object(definition, "externalParameters"), _object(details, "metadata")
    completeness = {**_object(metadata, _COMPLETENESS), "parameters": False}
    return {
        "buildDefinition": _present(
            {
                **_some(definition, "buildType", "resolvedDependencies", "internalParameters"),
                "externalParameters": _present(
                    {
                        **_some(external, "configSource"),
                        "parameters": _parameters(_object(external, "parameters")),
                    }
                ),
            }
        ),
        "runDetails": {
            "builder": _some(_object(details, "builder"), "id") or {"id": ""},
            "metadata": {**_some(metadata, *_TIMES_V1), _COMPLETENESS: completeness, **_sources(metadata)},
        },
    }


def _parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters without values of arguments; ids of secrets stay, whose values nobody has."""
    arguments = _some(_object(parameters, "args"), *_ARGUMENTS)
    return _present({**_some(parameters, "frontend", "secrets", "ssh", "locals"), "args": arguments})


def _sources(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of BuildKit's own metadata that names the commit (``vcs``)."""
    commit = _some(_object(_object(metadata, _METADATA), "vcs"), "source", "revision")
    return {_METADATA: {"vcs": commit}} if commit else {}


def _without_users(value: Any) -> Any:
    """Return JSON's data without the users and passwords of addresses."""
    if isinstance(value, str):
        return re.sub(r"(?<=://)[^/@\s]{1,512}@(?!sha\d+:)", "", value)
    if isinstance(value, Mapping):
        return {key: _without_users(item) for key, item in value.items()}
    return [_without_users(item) for item in value] if isinstance(value, list) else value


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _some(source: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: source[name] for name in names if source.get(name) not in (None, "", [], {})}


def _present(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value not in (None, [], {})}
