"""buildx's bake definitions: the one that we generate for a build, and a project's, which `bake --print` shows.

One image and several are built the same way, by one generated definition (docs.docker.com/build/bake).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from ecr_tasks.model.image import BuildDefinition, BuildInput

_LIST_FIELDS = ("platforms", "secrets", "ssh", "attest", "cache_from", "cache_to")
_LIST_KEYS = {field: "secret" if field == "secrets" else field.replace("_", "-") for field in _LIST_FIELDS}
"""BuildDefinition's tuples and bake's names for them."""

_KNOWN_KEYS = {
    *("context", "dockerfile", "target", "args", "contexts", "labels", "annotations", "tags", "output"),
    *_LIST_KEYS.values(),
}


def bake_document(inputs: Sequence[BuildInput]) -> dict[str, Any]:
    """Return the bake definition of all inputs, as JSON's data: group ``default`` builds every target.

    The targets have their :func:`target_names`, in the inputs' order.
    """
    names = target_names(inputs)
    return {
        "group": {"default": {"targets": names}},
        "target": {name: _target(build_input) for name, build_input in zip(names, inputs, strict=True)},
    }


def target_names(inputs: Sequence[BuildInput]) -> list[str]:
    """Return a target name for each input: ``[a-zA-Z0-9_-]+``, while an image's name may have slashes and dots."""
    names: list[str] = []
    for build_input in inputs:
        name = plain = re.sub(r"[^A-Za-z0-9_-]", "-", build_input.name)
        for number in count(2):
            if name not in names:
                break
            name = f"{plain}-{number}"
        names.append(name)
    return names


def serialize(document: Mapping[str, Any]) -> str:
    """Return a definition as JSON that bake reads literally.

    bake evaluates ``${…}`` and ``%{…}`` in a JSON definition's strings and keys too; doubling the first
    character is HCL's escape.
    """
    return json.dumps(document, indent=1).replace("${", "$${").replace("%{", "%%{")


def output(build_input: BuildInput) -> str:
    """Return buildx's output option for an input: load into the store, push from the builder, or keep in it."""
    if build_input.keep == "store":
        return "type=docker,oci-mediatypes=true"
    return f"type=image,oci-mediatypes=true,push={'true' if build_input.push else 'false'}"


def parse_bake(document: Mapping[str, Any]) -> dict[str, BuildDefinition]:
    """Return the targets of a definition that `docker buildx bake --print` shows, by name."""
    return {name: _definition(target) for name, target in document.get("target", {}).items()}


def _target(build_input: BuildInput) -> dict[str, Any]:
    definition = build_input.definition
    target: dict[str, Any] = {
        "context": definition.context,
        "dockerfile": definition.dockerfile,
        "target": definition.target,
        "args": dict(definition.args),
        "contexts": dict(definition.contexts),
        "labels": dict(definition.labels),
        "annotations": list(definition.annotation_entries()),
        "tags": list(build_input.references),
        "output": [output(build_input)],
        **{key: list(getattr(definition, field)) for field, key in _LIST_KEYS.items()},
    }
    return {**definition.extra, **{key: value for key, value in target.items() if value}}


def _definition(target: Mapping[str, Any]) -> BuildDefinition:
    annotations = (entry.partition("=") for entry in target.get("annotations", ()))
    return BuildDefinition(
        context=target.get("context", "."),
        dockerfile=target.get("dockerfile"),
        target=target.get("target"),
        args={key: value for key, value in target.get("args", {}).items() if value is not None},
        contexts=target.get("contexts", {}),
        labels={key: value for key, value in target.get("labels", {}).items() if value is not None},
        annotations={key: value for key, _, value in annotations},
        extra={key: value for key, value in target.items() if key not in _KNOWN_KEYS},
        **{field: tuple(_entry(key, value) for value in target.get(key, ())) for field, key in _LIST_KEYS.items()},
    )


def _entry(key: str, value: str | Mapping[str, Any]) -> str:
    """Return a list entry in buildx's short syntax; newer versions of bake print some as objects.

    An entry of ``ssh`` is ``id`` or ``id=path,path``; the others are ``name=value,name=value``.
    """
    if isinstance(value, str):
        return value
    if key == "ssh":
        name, paths = str(value.get("id", "default")), ",".join(value.get("paths", ()))
        return f"{name}={paths}" if paths else name
    return ",".join(f"{name}={text if isinstance(text, str) else json.dumps(text)}" for name, text in value.items())
