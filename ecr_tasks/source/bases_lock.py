"""The file that locks the base images of a project by digest, which is committed: what it has is what is built on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text

NAME = "ecr-bases.lock"

SCHEMA = 1
_DIGEST = r"sha256:[0-9a-f]{64}"

Lock = Mapping[str, str | None]
"""The digest of each base image by its full name (``docker.io/library/python:3.12``); None for an image that no
registry has, only the engine's store."""


class MalformedLock(SettingsError):
    """A lock that can be read, but says nothing of use; it can be written anew."""


def read_lock(project: Path) -> Lock | None:
    """Return the lock of a project; None where there is none.

    Raises MalformedLock, and SettingsError for one that can't be read.
    """
    path = project / NAME
    try:
        text = read_text(path, "utf-8-sig")
    except FileNotFoundError:
        if path.is_symlink():
            raise _malformed("is a link to nothing") from None
        return None
    except UnicodeError as error:
        raise _malformed("is no text in UTF-8") from error
    except OSError as error:
        cause = f"{NAME} can't be read: {error.strerror or error}."
        raise SettingsError(cause, "Correct it, or remove it to lock nothing.") from error
    return parse_lock(text)


def parse_lock(text: str) -> Lock:
    """Return the digests of a file's text. Raises MalformedLock."""
    try:
        document = parse_json(text, unique=True)
    except ValueError as error:
        raise _malformed(f"can't be read as JSON ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("bases"), dict):
        raise _malformed("is no mapping with `bases`")
    schema = document.get("schema")
    if type(schema) is not int or schema != SCHEMA:  # True is 1, too
        shown = json.dumps(schema)[:80]
        raise _malformed(f"has the schema {shown}, and this version of ecr-tasks knows {SCHEMA}")
    if unknown := next((key for key in document if key not in ("schema", "bases")), None):
        raise _malformed(f"has {unknown[:80]!r}, which is neither `schema` nor `bases`")
    for name, digest in document["bases"].items():
        if digest is not None and not (isinstance(digest, str) and re.fullmatch(_DIGEST, digest)):
            raise _malformed(f"has no digest at {name[:200]!r}, which would be sha256: and 64 hexadecimal digits")
    return dict(document["bases"])


def lock_text(lock: Lock) -> str:
    """Return the text of a lock, the same for equal ones."""
    return json.dumps({"schema": SCHEMA, "bases": dict(sorted(lock.items()))}, indent=2) + "\n"


def _malformed(what: str) -> MalformedLock:
    return MalformedLock(
        f"{NAME} {what}.", "Take the file of the last commit, or let `inv bases --update` write it anew."
    )
