"""An option in buildx's short syntax, CSV: ``type=local,src=cache``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping


def split_fields(option: str) -> dict[str, str]:
    """Return the fields of an option, by name in lower case, as buildx compares names.

    A field without ``=`` has an empty value. A malformed option has no fields: buildx says what is wrong with it.
    """
    try:
        parts: list[str] = next(csv.reader([option]), [])
    except csv.Error:
        return {}
    pairs = (part.partition("=") for part in parts)
    return {name.strip().lower() if equals else name: value for name, equals, value in pairs}


def join_fields(fields: Mapping[str, str]) -> str:
    """Return fields as an option, with quotes where a value has a comma."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([f"{name}={value}" for name, value in fields.items()])
    return line.getvalue()


def cache_references(entries: Iterable[str]) -> Iterator[str]:
    """Yield the references of caches in registries (buildx, util/buildflags/cache.go).

    An entry without ``=`` is a list of references.
    """
    for entry in entries:
        if "=" not in entry:
            yield from (reference for reference in split_fields(entry) if reference)
        elif (options := split_fields(entry)).get("type") == "registry" and options.get("ref"):
            yield options["ref"]


def secret_id(secret: str) -> str:
    """Return the id of a build secret. Without one, it is the name of the secret's source
    (buildx, util/buildflags/secrets.go)."""
    fields = split_fields(secret)
    return fields.get("id") or fields.get("src") or fields.get("source") or fields.get("env") or ""
