"""What the registries hold, by repository: read by the server itself, or from the files of a stopped one."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from .errors import LocalEcrError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    from .store.database import Database

_IMAGES = """
    SELECT count(*) FROM image WHERE repository = r.id AND subject IS NULL
    AND NOT EXISTS (SELECT 1 FROM child WHERE child.repository = r.id AND child.digest = image.digest)
    AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.image = image.id AND tag.name GLOB 'sha256-*')
"""
"""Neither the platforms of an index nor what belongs to an image count as images of their own: signatures and SBOMs,
by their subject or by their tag (sigstore/cosign, specs/SIGNATURE_SPEC.md)."""

_REPOSITORIES = f"""
    SELECT name, created, mutability, ({_IMAGES}) AS images,
    (SELECT coalesce(sum(size), 0) FROM layer WHERE repository = r.id)
    + (SELECT coalesce(sum(length(raw)), 0) FROM image WHERE repository = r.id) AS bytes,
    (SELECT max(pushed) FROM image WHERE repository = r.id) AS pushed,
    (SELECT max(pulled) FROM image WHERE repository = r.id) AS pulled
    FROM repository AS r ORDER BY name
"""  # noqa: S608  (the text above)

_BYTES = """
    SELECT (SELECT coalesce(sum(size), 0) FROM (SELECT max(size) AS size FROM layer GROUP BY digest))
    + (SELECT coalesce(sum(length(raw)), 0) FROM image)
"""
"""A layer that several repositories have is kept once."""


def repositories(db: Database) -> list[dict[str, Any]]:
    """Return ``name``, ``created``, ``mutability``, ``images``, ``bytes``, ``pushed`` and ``pulled`` of each."""
    return _repositories(db.rows)


def total(db: Database) -> dict[str, int]:
    """Return the numbers of ``repositories`` and ``images``, and the ``bytes`` that they take."""
    return _total(db.rows)


def read_repositories(path: Path) -> list[dict[str, Any]]:
    """Return the same as ``repositories`` from the file of a stopped server, which stays as it is.

    Raises LocalEcrError if it can't be read.
    """
    found: list[dict[str, Any]] = _read(path, _repositories)
    return found


def read_total(path: Path) -> dict[str, int]:
    """Return the same as ``total`` from the file of a stopped server. Raises LocalEcrError."""
    found: dict[str, int] = _read(path, _total)
    return found


def _repositories(query: Callable[[str], Iterable[sqlite3.Row]]) -> list[dict[str, Any]]:
    return [dict(row) for row in query(_REPOSITORIES)]


def _total(query: Callable[[str], Iterable[sqlite3.Row]]) -> dict[str, int]:
    images = [row["images"] for row in query(_REPOSITORIES)]
    ((size,),) = query(_BYTES)
    return {"repositories": len(images), "images": sum(images), "bytes": size}


def _read(path: Path, function: Callable[[Callable[[str], Iterable[sqlite3.Row]]], Any]) -> Any:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return function(connection.execute)
    except (sqlite3.Error, UnicodeError) as error:  # sqlite3 decodes what a damaged file calls its tables
        raise LocalEcrError(
            f"The local ECR can't read its store {path}: {error}.",
            "If it is damaged, run local.reset, which empties the store.",
        ) from error
