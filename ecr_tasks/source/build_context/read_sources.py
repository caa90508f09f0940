"""What a Dockerfile may take from a build context, which is all that docker sends to the builder.

The rules are those of BuildKit (frontend/dockerfile/dockerfile2llb/convert.go, ``ctxPaths``): it asks for the sources
of ``COPY``, ``ADD`` and bind mounts only. Where these can't be known for sure, they are everything.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.source.build_context.base_images import familiar_name, frontend, is_dockers_frontend
from ecr_tasks.source.build_context.dockerfile import Dockerfile, Instruction, list_words, parse
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.build_context.shell_words import expand
from ecr_tasks.source.build_context.sources import EVERYTHING, Sources
from ecr_tasks.source.build_context.unknown import Unknown

_MAX_SOURCES = 1000


def read_sources(definition: BuildDefinition, name: str | None) -> Sources:
    """Return what a build takes from its main context (``name`` None) or a named one."""
    try:
        content, _ = read_dockerfile(definition)
        dockerfile = parse(content)
        image = frontend(dockerfile, definition)
        if b"<<" in content or not dockerfile.stages or (image and not is_dockers_frontend(image)):
            return EVERYTHING
        paths = dict.fromkeys(_cleaned(path) for path in _paths(dockerfile, name))
    except Unknown:
        return EVERYTHING
    return EVERYTHING if "" in paths or len(paths) > _MAX_SOURCES else Sources(tuple(paths))


def _paths(dockerfile: Dockerfile, context: str | None) -> Iterator[str]:
    """Yield what all stages take from a context. Raises Unknown where that depends on variables or a base image."""
    for stage in dockerfile.stages:
        if "$" in stage.base or "onbuild" in stage.base:
            raise Unknown("a base image may be anything")
        if _is_context(stage.base, context):
            yield "/"
        for instruction in stage.instructions:
            for origin, path in _taken(instruction, dockerfile.escape):
                if origin == context or (origin and ("$" in origin or _is_context(origin, context))):
                    yield path


def _taken(instruction: Instruction, escape: str) -> Iterator[tuple[str | None, str]]:
    """Yield the paths that an instruction takes, each after its stage, context or image (None: the main context)."""
    if instruction.name in ("copy", "add"):
        for word in list_words(instruction)[:-1]:
            if "$" in word:
                raise Unknown("a source depends on a variable")
            yield instruction.flag("from"), expand(word, {}, escape)
    for mount in (value for name, value in instruction.flags if instruction.name == "run" and name == "mount"):
        fields = split_fields(mount)
        if "$" in mount:
            raise Unknown("a mount depends on a variable")
        if fields.get("type", "bind") in ("bind", "cache") and (fields.get("type") != "cache" or fields.get("from")):
            yield fields.get("from"), fields.get("source") or fields.get("src") or "/"


def _is_context(reference: str, context: str | None) -> bool:
    if context is None:
        return False
    name = context.partition("::")[0]
    return name in (reference, reference.lower(), familiar_name(reference).removesuffix(":latest"))


def _cleaned(path: str) -> str:
    """Return a path relative to the context's top, as BuildKit reads it; empty for the top itself."""
    return posixpath.normpath(f"/{path}").lstrip("/")
