"""Lists in a setting's text: one entry a line, or separated by commas as in buildx's flags.

A text with a line break has one entry a line: blank lines and lines that begin with ``#`` don't count, commas and
quotes belong to the entry. In a text without one, commas separate the entries, and an entry in double quotes keeps
its commas (CSV, as buildx reads it). Secrets, ssh keys, build contexts and annotations have commas of their own: each
has its function below, which knows the commas that begin an entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ecr_tasks.settings.errors import Malformed

_ANNOTATION_TYPE = r"(manifest|index)(-descriptor)?(\[[^\]]*\])?"

_CSV_FIELD = r"""\s*(?P<raw>"(?P<quoted>(?:[^"]|"")*)")\s*(?:,|$)|(?P<plain>(?!\s*")[^,]*)(?:,|$)"""

_AMBIGUOUS = (
    "has commas and a double quote that doesn't go around a whole entry: write one entry a line, or quotes "
    "around each entry that needs them"
)


@dataclass(frozen=True)
class Field:
    """The text between two commas: as it is written, and without its CSV quotes."""

    raw: str
    text: str

    @property
    def key(self) -> str:
        """The text before ``=``, in lower case as buildx compares it; empty where there is no ``=``."""
        key, equals, _ = self.text.partition("=")
        return key.strip().lower() if equals else ""


def csv_fields(text: str) -> list[Field]:
    """Return the CSV fields of one line without empty ones; space around a comma doesn't count.

    Raises :class:`Malformed` for a quote that is never closed or that is followed by more text. A quote
    inside an unquoted field is itself, so that JSON can be a value, unless a comma makes it ambiguous.
    """
    fields: list[Field] = []
    bare_quote = False
    position = 0
    while position <= len(text):
        match = re.compile(_CSV_FIELD).match(text, position)
        if match is None:
            raise Malformed(_AMBIGUOUS)
        if match["raw"] is None:
            plain = match["plain"].strip()
            fields.append(Field(plain, plain))
            bare_quote = bare_quote or '"' in plain
        else:
            fields.append(Field(match["raw"], match["quoted"].replace('""', '"')))
        position = match.end() if match[0].endswith(",") else len(text) + 1
    if bare_quote and "," in text:
        raise Malformed(_AMBIGUOUS)
    return [field for field in fields if field.text]


def split_plain(text: str) -> tuple[str, ...]:
    """Split entries that have no commas of their own unless quoted: build arguments, labels, platforms."""
    return _split(text, lambda _entry, _field, _next: True)


def split_secrets(text: str) -> tuple[str, ...]:
    """Split secrets: ``id=a,src=b,id=c,env=D`` is two.

    A comma begins the next one where ``id=`` or ``type=`` occurs again, or where ``type=`` and ``id=`` together
    follow a whole secret.
    """

    def begins(entry: list[Field], field: Field, following: Field | None) -> bool:
        keys = {other.key for other in entry}
        if field.key == "type" and "id" in keys:
            return "type" in keys or (following is not None and following.key == "id")
        return field.key in ("id", "type") and field.key in keys

    # The quotes stay: buildx parses each secret as CSV again.
    return _split(text, begins, quotes=True)


def split_ssh(text: str) -> tuple[str, ...]:
    """Split ssh entries: ``default,git=a.pem,b.pem`` is two. Keys continue an entry until the next ``name=``."""
    return _split(text, lambda entry, field, _next: bool(field.key) or not entry[0].key)


def split_contexts(text: str) -> tuple[str, ...]:
    """Split build contexts: a comma begins the next one where a ``name=`` follows."""
    return _split(text, lambda _entry, field, _next: bool(field.key))


def split_annotations(text: str) -> tuple[str, ...]:
    """Split annotations: ``index,manifest:a=1,b=2`` is two. A type without a key belongs to the next field."""
    return _split(text, lambda entry, _field, _next: not re.fullmatch(_ANNOTATION_TYPE, entry[-1].text))


def join(entries: Iterable[str]) -> str:
    """Return a text that every ``split_…`` above splits into the same entries: one a line.

    Raises ValueError for an entry that no line can hold: empty, with a line break or outer space, or
    beginning with ``#``.
    """
    lines = list(entries)
    for number, entry in enumerate(lines, 1):
        if not entry or "\n" in entry or entry.startswith("#") or entry != entry.strip():
            raise ValueError(f"entry {number} can't be written on a line of its own")
    # The last line break makes a single entry a line as well, whose commas are its own.
    return "".join(f"{line}\n" for line in lines)


def _split(
    text: str, begins: Callable[[list[Field], Field, Field | None], bool], *, quotes: bool = False
) -> tuple[str, ...]:
    """Split into lines or, without line breaks, by the commas for which ``begins(entry, field, next field)`` is true.

    ``quotes``: whether CSV quotes stay in the entries.
    """
    if "\n" in text:
        lines = (line.strip() for line in text.split("\n"))
        return tuple(line for line in lines if line and not line.startswith("#"))
    entries: list[list[Field]] = []
    fields = csv_fields(text)
    for field, following in zip(fields, [*fields[1:], None], strict=False):
        if not entries or begins(entries[-1], field, following):
            entries.append([])
        entries[-1].append(field)
    return tuple(",".join(field.raw if quotes else field.text for field in entry) for entry in entries)
