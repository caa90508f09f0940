"""The check that the files are there that a Dockerfile copies from its build context."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ecr_tasks.errors import BuildError, SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.base_images import frontend, is_dockers_frontend, needed_stages
from ecr_tasks.source.build_context.dockerfile import Instruction, list_words, parse
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.build_context.shell_words import expand
from ecr_tasks.source.build_context.sources import Sources
from ecr_tasks.source.build_context.unknown import Unknown
from ecr_tasks.source.build_context.walk import context_files, context_folders

_UNSURE = re.compile(r"[$*?\[\\]|<<|^(?:https?|git|ssh)://|^[\w.-]+@[\w.-]+:|\.git(?:#|$)")
"""What makes a source none of the context's paths, or one that only the build knows."""


def check_copied_files(definitions: Iterable[BuildDefinition], project: Path) -> None:
    """Raise BuildError for a path that ``COPY`` or ``ADD`` takes and that the build context lacks.

    BuildKit lets patterns match nothing, and looks only at the stages that the target needs.
    """
    for definition in definitions:
        folder = next((item for item in context_folders(definition, project) if item.name is None), None)
        if folder is None or not folder.path.is_dir():
            continue
        try:
            ignore = folder.ignore()
            for keyword, path in _copied_paths(definition):
                if not os.path.lexists(folder.path / path):
                    raise BuildError(
                        f"The Dockerfile's {keyword} takes {path}, which is not in {folder.path}.",
                        "Correct that path in the Dockerfile, or write the file.",
                    )
                sent = not ignore.ignores(path) or any(
                    True for _ in context_files(folder.path, ignore, frozenset(), sources=Sources((path,)))
                )
                if not sent:
                    raise BuildError(
                        f"The Dockerfile's {keyword} takes {path}, which {ignore.file} excludes.",
                        f"Take it out of {ignore.file.name}, or out of the Dockerfile.",
                    )
        except (Unknown, SettingsError, OSError):  # what is wrong with these files, other checks say
            continue


def _copied_paths(definition: BuildDefinition) -> Iterator[tuple[str, str]]:
    """Yield each path that is certainly taken from the main context, after its instruction's name.

    Raises Unknown for a Dockerfile that can't be read here, or that is for another frontend.
    """
    dockerfile = parse(read_dockerfile(definition)[0])
    image = frontend(dockerfile, definition)
    if image and not is_dockers_frontend(image):
        return
    for stage in needed_stages(dockerfile, definition):
        for instruction in stage.instructions:
            for word in _words(instruction):
                path = posixpath.normpath(f"/{expand(word, {}, dockerfile.escape)}").lstrip("/")
                if path and not _UNSURE.search(word):
                    yield instruction.name.upper(), path


def _words(instruction: Instruction) -> tuple[str, ...]:
    taken = instruction.name in ("copy", "add") and instruction.flag("from") is None
    return tuple(list_words(instruction)[:-1]) if taken else ()
