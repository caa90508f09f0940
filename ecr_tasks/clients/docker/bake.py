"""buildx's bake definitions: the one that we generate for a build, and a project's, which `bake --print` shows.

One image and several are built the same way, by one generated definition (docs.docker.com/build/bake).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from ecr_tasks.model.image import BakeFile, BakeTarget, BuildDefinition, BuildInput
from ecr_tasks.model.option_fields import join_fields, split_fields

CACHE_ONLY = "type=cacheonly"
"""The output of a target whose result goes nowhere: the builder's cache has it."""

_LIST_FIELDS = ("platforms", "secrets", "ssh", "attest", "cache_from", "cache_to")
_LIST_KEYS = {field: "secret" if field == "secrets" else field.replace("_", "-") for field in _LIST_FIELDS}
"""BuildDefinition's tuples and bake's names for them."""

_TEXT_KEYS = ("context", "dockerfile", "target", "call")
_MAP_KEYS = ("args", "contexts", "labels")

_KNOWN_KEYS = {
    *("context", "dockerfile", "target", "args", "contexts", "labels", "annotations", "tags", "output", "call"),
    *_LIST_KEYS.values(),
    "description",
}
"""The keys that ``extra`` hasn't. A description changes nothing."""


def bake_document(inputs: Sequence[BuildInput]) -> dict[str, Any]:
    """Return the bake definition of all inputs, as JSON's data: group ``default`` builds every input.

    The targets have their :func:`target_names`, in the inputs' order. A target that an input links to is that of an
    input with the same definition, or else a target outside the group, whose result stays in the builder's cache.
    """
    names = target_names(inputs)
    placed = {name: _content(build_input.definition) for name, build_input in zip(names, inputs, strict=True)}
    targets: dict[str, dict[str, Any]] = {name: {} for name in names}

    def options(definition: BuildDefinition) -> dict[str, Any]:
        links = {f"target:{name}": f"target:{place(name, linked)}" for name, linked in definition.linked.items()}
        contexts = {name: links.get(value, value) for name, value in definition.all_contexts.items()}
        return _options(replace(definition, contexts=contexts))

    def place(name: str, definition: BuildDefinition) -> str:
        """Return the name of a linked target, which is another one where two differ, as for two platforms."""
        content = _content(definition)
        target = next(target for target in _candidates(name) if placed.get(target, content) == content)
        if target not in placed:
            placed[target] = content
            targets[target] = {**options(definition), "output": [CACHE_ONLY]}
        return target

    for name, build_input in zip(names, inputs, strict=True):
        target = {**options(build_input.definition), "output": [output(build_input)]}
        targets[name] = {**target, "tags": list(build_input.references)} if build_input.references else target
    return {"group": {"default": {"targets": names}}, "target": targets}


def failed_inputs(inputs: Sequence[BuildInput], document: Mapping[str, Any], target: str) -> list[str]:
    """Return the names of the inputs that a failed target of their :func:`bake_document` is, or that link to it."""

    def reaches(name: str) -> bool:
        contexts = document["target"].get(name, {}).get("contexts", {}).values()
        return name == target or any(reaches(value[7:]) for value in contexts if value.startswith("target:"))

    return [item.name for item, name in zip(inputs, target_names(inputs), strict=True) if reaches(name)]


def _content(definition: BuildDefinition) -> BuildDefinition:
    """Return what of a definition decides the files and the configuration of its result."""
    return replace(definition.without_caches(), annotations={}, attest=(), exporter=())


def _candidates(name: str) -> Iterator[str]:
    """Yield target names for a name: ``[a-zA-Z0-9_-]+``, then the same with numbers."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    yield plain
    yield from (f"{plain}-{number}" for number in count(2))


def target_names(inputs: Sequence[BuildInput]) -> list[str]:
    """Return a target name for each input: ``[a-zA-Z0-9_-]+``, while an image's name may have slashes and dots."""
    names: list[str] = []
    for build_input in inputs:
        names.append(next(name for name in _candidates(build_input.name) if name not in names))
    return names


def serialize(document: Mapping[str, Any]) -> str:
    """Return a definition as JSON that bake reads literally.

    bake evaluates ``${…}`` and ``%{…}`` in a JSON definition's strings and keys too; doubling the first
    character is HCL's escape.
    """
    return json.dumps(document, indent=1).replace("${", "$${").replace("%{", "%%{")


def output(build_input: BuildInput) -> str:
    """Return buildx's output option for an input: load into the store, push from the builder, keep in it, or export.

    A push to a repository, without a tag, is one by digest.
    """
    if build_input.layout:
        return join_fields({"type": "oci", "tar": "false", "dest": build_input.layout})
    options = ["type=docker", "oci-mediatypes=true"]
    if build_input.keep != "store":
        options = ["type=image", "oci-mediatypes=true", f"push={'true' if build_input.push else 'false'}"]
        if build_input.push and not any(":" in name.rpartition("/")[2] for name in build_input.references):
            options.append("push-by-digest=true")
    return ",".join([*options, *build_input.definition.exporter])


def parse_bake(document: Mapping[str, Any]) -> BakeFile:
    """Return the definition that `docker buildx bake --print` shows; groups in the group ``default`` are resolved."""
    for target in document.get("target", {}).values():
        if not all(isinstance(target.get(key) or "", str) for key in _TEXT_KEYS):
            raise TypeError("a text is none")
        if not all(isinstance(item, str) for key in _MAP_KEYS for item in (target.get(key) or {}).values() if item):
            raise TypeError("a mapping's value is no text")
    groups = {name: group.get("targets") or () for name, group in document.get("group", {}).items()}
    targets = document.get("target", {})

    def members(name: str) -> Iterator[str]:
        if name in groups and name not in targets:
            for member in groups[name]:
                yield from members(member)
        else:
            yield name

    default = (name for member in groups.get("default", targets) for name in members(member))
    return BakeFile({name: _parse_target(target) for name, target in targets.items()}, tuple(dict.fromkeys(default)))


def _options(definition: BuildDefinition) -> dict[str, Any]:
    """Return the options of a definition, as bake's keys and values; those that are not set are left out."""
    options: dict[str, Any] = {
        "context": definition.context,
        "dockerfile": definition.dockerfile,
        "target": definition.target,
        "args": dict(definition.args),
        "contexts": dict(definition.contexts),
        "labels": dict(definition.labels),
        "annotations": list(definition.annotation_entries()),
        **{key: list(getattr(definition, field)) for field, key in _LIST_KEYS.items()},
    }
    return {**definition.extra, **{key: value for key, value in options.items() if value}}


def _parse_target(target: Mapping[str, Any]) -> BakeTarget:
    return BakeTarget(
        _definition(target),
        tuple(target.get("tags") or ()),
        tuple(_fields(output) for output in target.get("output") or ()),
        str(target.get("call") or "build"),
    )


def _definition(target: Mapping[str, Any]) -> BuildDefinition:
    annotations = (_unescaped(entry).partition("=") for entry in target.get("annotations", ()))
    lists: dict[str, Any] = {
        field: tuple(_entry(key, value) for value in target.get(key, ())) for field, key in _LIST_KEYS.items()
    }
    return BuildDefinition(
        context=target.get("context", "."),
        dockerfile=target.get("dockerfile"),
        target=target.get("target") or None,  # an empty one is the last stage, too
        args=_texts(target.get("args", {})),
        contexts=target.get("contexts", {}),
        labels=_texts(target.get("labels", {})),
        annotations={key: value for key, _, value in annotations},
        extra={key: _extra(value) for key, value in target.items() if key not in _KNOWN_KEYS},
        **lists,
    )


def _extra(value: Any) -> Any:
    """Return the value of another key: ``dockerfile-inline`` and ``extra-hosts`` are printed with HCL's escapes."""
    return _unescaped(value) if isinstance(value, str) else _texts(value) if isinstance(value, dict) else value


def _texts(values: Mapping[str, str | None]) -> dict[str, str]:
    return {key: _unescaped(value) for key, value in values.items() if value is not None}


def _unescaped(text: str) -> str:
    """Return a text that bake prints with HCL's escapes, so that its output can be read as a definition again."""
    return text.replace("$${", "${").replace("%%{", "%{")


def _fields(entry: str | Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of an entry of a list; newer versions of bake print some lists as objects."""
    if not isinstance(entry, str):
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in entry.items()}
    return split_fields(entry)


def _entry(key: str, value: str | Mapping[str, Any]) -> str:
    """Return a list entry in buildx's short syntax; newer versions of bake print some as objects.

    An entry of ``ssh`` is ``id`` or ``id=path,path``; the others are ``name=value,name=value``.
    """
    if isinstance(value, str):
        return value
    if key == "ssh":
        name, paths = str(value.get("id", "default")), ",".join(value.get("paths", ()))
        return f"{name}={paths}" if paths else name
    return join_fields(_fields(value))
