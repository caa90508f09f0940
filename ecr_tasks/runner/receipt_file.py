"""The receipt file ``.ecr-tasks/receipt.json``, which pipelines read, and each repository's own.

A repository's own, in ``.ecr-tasks/repositories/NAME/``, hands a build to a later push: in a folder from which
several repositories are published, a run for one must not take another one's build away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ecr_tasks.console import with_typed_commands
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError
from ecr_tasks.files import read_text
from ecr_tasks.model.attestation import MadeDocument
from ecr_tasks.model.image import Keep
from ecr_tasks.model.receipt import FOLDER, SCHEMA, Built, Receipt
from ecr_tasks.model.wording import FEW
from ecr_tasks.own_files import ignore_in_git, remove_file, replace_file
from ecr_tasks.redaction import redact_document

if TYPE_CHECKING:
    from ecr_tasks.model.signing import SignedImage


NAME = "receipt.json"
_OWN_FOLDERS = "repositories"
_TEXTS = ("key", "digest", "image_id", "builder", "record")


def path(project: Path) -> Path:
    """Return the path of a project's receipt."""
    return project / FOLDER / NAME


def own_folder(project: Path, repository: str) -> Path:
    """Return the folder of one repository's own files."""
    return project / FOLDER / _OWN_FOLDERS / repository


def own_repositories(project: Path) -> list[str]:
    """Return the repositories that have files of their own."""
    folder = project / FOLDER / _OWN_FOLDERS
    return sorted({str(file.parent.relative_to(folder)) for file in folder.rglob("*") if file.is_file()})


def write(project: Path, receipt: Receipt) -> Path:
    """Write the receipt and each repository's own, each atomically, and return the first one's path.

    A .gitignore in its folder hides the folder from git. Raises BuildError when the file can't be written.
    """
    target = path(project)
    try:
        ignore_in_git(target.parent, project)
        document = redact_document(receipt.as_json(with_typed_commands))
        _write(target, document, project, indent=2 if len(receipt.images) <= FEW else None)
        for image, entry in zip(receipt.images, document["images"], strict=True):
            own = own_folder(project, image.repository) / NAME
            _write(own, {**document, "images": [entry]}, project, indent=None)
    except OSError as error:
        raise BuildError(
            f"The receipt {target} can't be written: {error.strerror}.",
            "Make room or give write access there; what the registry got stays, and a second run only looks.",
        ) from error
    return target


def record_signing(project: Path, repository: str, signed: Sequence[SignedImage]) -> None:
    """Write into the receipts that tell of these images how they were signed. Raises BuildError as :func:`write`."""
    entries = {item.reference: item.as_json() for item in signed}
    for receipt in (path(project), own_folder(project, repository) / NAME):
        try:
            document = parse_json(read_text(receipt))
            published = [entry for image in _images(receipt) for entry in image["published"]]
        except (OSError, ValueError, TypeError, KeyError):
            continue  # there is none, or none of ours
        if not any(entry.get("reference") in entries for entry in published):
            continue
        for image in document["images"]:
            for entry in image["published"]:
                entry["signing"] = entries.get(entry.get("reference"), entry.get("signing"))
        try:
            _replace(receipt, document, project)
        except OSError as error:
            raise BuildError(
                f"The receipt {receipt} can't be written: {error.strerror}.",
                "Make room or give write access there; the signatures are made.",
            ) from error


def last_built(project: Path, repositories: Mapping[str, str]) -> dict[str, Built]:
    """Return the last builds of images by name; ``repositories`` has the images' repositories by image name.

    An image without a receipt of the known schema is left out.
    """
    builds = {}
    for name, repository in repositories.items():
        for image in _images(own_folder(project, repository) / NAME):
            if isinstance(image, dict) and image.get("name") == name and (built := _built(name, image.get("local"))):
                builds[name] = built
    return builds


Own = Mapping[str, Sequence[Any]]
"""The images in the own receipts of repositories; whatever stands there."""


def read_own(project: Path, repositories: Iterable[str]) -> Own:
    """Return what the last runs here wrote of these repositories; empty for one without a receipt of this schema."""
    return {repository: _images(own_folder(project, repository) / NAME) for repository in repositories}


def were_published(own: Own, revision: str | None) -> bool:
    """Return whether the last run here published the images of this commit in all of the repositories."""
    return revision is not None and all(
        any(
            isinstance(image, dict)
            and image.get("published")
            and isinstance(source := image.get("source"), dict)
            and source.get("revision") == revision
            for image in receipt
        )
        for receipt in own.values()
    )


def has_build(images: Iterable[Any]) -> bool:
    """Return whether a receipt's images have a build that a later push may publish."""
    return any(isinstance(image, dict) and image.get("local") for image in images)


def published_commit(images: Iterable[Any]) -> str | None:
    """Return the commit of what a repository's receipt has as published; None where that is not known."""
    for image in images:
        source = image.get("source") if isinstance(image, dict) and image.get("published") else None
        revision = source.get("revision") if isinstance(source, dict) else None
        if isinstance(revision, str) and revision:
            return revision
    return None


def _built(name: str, local: Any) -> Built | None:
    """Return the build that a receipt has under ``local``; None where it isn't as :meth:`Built.as_json` writes it."""
    if not isinstance(local, dict) or local.keys() != {*_TEXTS, "keep", "platforms", "manifests", "provenance"}:
        return None
    texts = [local[field] for field in _TEXTS if local[field] is not None]
    platforms, manifests = local["platforms"], local["manifests"]
    if not isinstance(platforms, list) or not isinstance(manifests, dict) or local["keep"] not in get_args(Keep):
        return None
    if not all(isinstance(text, str) for text in [*texts, *platforms, *manifests.values()]):
        return None
    provenance = _provenance(local["provenance"])
    if provenance is None:
        return None
    values = {**local, "name": name, "platforms": tuple(platforms), "seconds": 0.0, "provenance": provenance}
    return Built(**values)


def _provenance(entries: Any) -> tuple[MadeDocument, ...] | None:
    """Return the provenance that a receipt has of a build; None where it isn't as it is written."""
    documents = []
    for entry in entries if isinstance(entries, list) else [None]:
        if not isinstance(entry, dict) or not isinstance(entry.get("predicate"), dict):
            return None
        if not all(isinstance(entry.get(name), str) for name in ("type", "platform")):
            return None
        documents.append(MadeDocument(entry["type"], entry["predicate"], entry["platform"]))
    return tuple(documents)


def keep_build_only(receipt: Path, project: Path) -> None:
    """Reduce a receipt to the build, which a later push may publish; remove one that has none. Raises OSError."""
    builds = [
        {"name": image["name"], "digest": None, "published": [], "local": image["local"]}
        for image in _images(receipt)
        if isinstance(image, dict) and "name" in image and image.get("local")
    ]
    if builds:
        _replace(receipt, {"schema": SCHEMA, "images": builds}, project)
    else:
        remove_file(receipt, project)


def _images(receipt: Path) -> list[Any]:
    try:
        document = parse_json(read_text(receipt))
    except (OSError, ValueError):
        return []
    images = document.get("images") if isinstance(document, dict) and document.get("schema") == SCHEMA else None
    return images if isinstance(images, list) else []


def _replace(target: Path, document: Mapping[str, Any], project: Path) -> None:
    _write(target, redact_document(document), project)


def _write(target: Path, redacted: Mapping[str, Any], project: Path, *, indent: int | None = 2) -> None:
    """Write a document; with ``indent`` None on one line, which is quicker: there may be hundreds of images."""
    text = json.dumps(redacted, indent=indent) + "\n"
    replace_file(target, text.encode(), project)
