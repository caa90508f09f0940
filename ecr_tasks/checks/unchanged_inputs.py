"""The check that the inputs of an image are the same after its build as before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import Image
from ecr_tasks.model.wording import name_some
from ecr_tasks.source.build_context.unknown import Unknown
from ecr_tasks.source.git.index import indexes
from ecr_tasks.source.inputs.local import read_local


def check_unchanged(
    images: Sequence[Image], *, project: Path, environ: Mapping[str, str], root: Path | None = None
) -> None:
    """Raise BuildError when an image's input files on this machine changed during its build.

    The image's annotation has the digest of the inputs before the build, and later runs would trust it.
    ``root`` is the top of the checkout.
    """
    read_index = indexes(root if len(images) > 1 else None, environ)
    for image in images:
        if image.inputs is None or image.inputs.digest is None:
            continue
        try:
            local = read_local(image.configured_definition or image.definition, project, read_index)
        except Unknown as error:
            raise _changed(image.name, str(error)) from error
        if local.digest != image.inputs.local_digest:
            before, after = image.inputs.files, local.context.files
            paths = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
            raise _changed(image.name, name_some(paths) or "the Dockerfile, or a named context")


def _changed(name: str, what: str) -> BuildError:
    return BuildError(
        f"What {name} is built from changed during the build ({what}), so the image is not what it says it is.",
        "Run it again; keep what other programs write to out of the context (.dockerignore).",
    )
