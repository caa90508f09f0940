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

_ANNOTATION_TYPE = re.compile(r"^(manifest|index)(-descriptor)?(\[[^\]]*\])?$")

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
        start = position + len(text[position:]) - len(text[position:].lstrip())
        if text[start : start + 1] == '"':
            field, position = _quoted(text, start)
            fields += [field] if field.text else []
            continue
        comma = text.find(",", position)
        end = len(text) if comma < 0 else comma
        raw = text[position:end].strip()
        bare_quote = bare_quote or '"' in raw
        if raw:
            fields.append(Field(raw, raw))
        position = end + 1
    if bare_quote and "," in text:
        raise Malformed(_AMBIGUOUS)
    return fields


def _quoted(text: str, start: int) -> tuple[Field, int]:
    match = re.compile(r'"((?:[^"]|"")*)"\s*(,|$)').match(text, start)
    if match is None:
        raise Malformed(_AMBIGUOUS)
    raw = text[start : match.end(1) + 1]
    # One past the end where no comma follows, because nothing is left to read.
    return Field(raw, match[1].replace('""', '"')), match.end() if match[2] else len(text) + 1


def split_plain(text: str) -> tuple[str, ...]:
    """Split entries that have no commas of their own unless quoted: build arguments, labels, platforms."""
    return _lines(text) or tuple(field.text for field in csv_fields(text) if field.text)


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
    return _lines(text) or _group(text, begins, lambda field: field.raw)


def split_ssh(text: str) -> tuple[str, ...]:
    """Split ssh entries: ``default,git=a.pem,b.pem`` is two. Keys continue an entry until the next ``name=``."""

    def begins(entry: list[Field], field: Field, following: Field | None) -> bool:
        del following
        return bool(field.key) or not entry[0].key

    return _lines(text) or _group(text, begins, lambda field: field.text)


def split_contexts(text: str) -> tuple[str, ...]:
    """Split build contexts: a comma begins the next one where a ``name=`` follows."""
    return _lines(text) or _group(text, lambda _entry, field, _next: bool(field.key), lambda field: field.text)


def split_annotations(text: str) -> tuple[str, ...]:
    """Split annotations: ``index,manifest:a=1,b=2`` is two. A type without a key belongs to the next field."""

    def begins(entry: list[Field], field: Field, following: Field | None) -> bool:
        del field, following
        return not _ANNOTATION_TYPE.match(entry[-1].text)

    return _lines(text) or _group(text, begins, lambda field: field.text)


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


def _lines(text: str) -> tuple[str, ...]:
    if "\n" not in text:
        return ()
    lines = (line.strip() for line in text.split("\n"))
    return tuple(line for line in lines if line and not line.startswith("#"))


def _group(
    text: str,
    begins: Callable[[list[Field], Field, Field | None], bool],
    to_text: Callable[[Field], str],
) -> tuple[str, ...]:
    """Join fields to entries: ``begins(entry, field, next field)`` says whether a field begins the next entry."""
    groups: list[list[Field]] = []
    fields = csv_fields(text)
    for field, following in zip(fields, [*fields[1:], None], strict=False):
        if not groups or begins(groups[-1], field, following):
            groups.append([field])
        else:
            groups[-1].append(field)
    return tuple(",".join(to_text(field) for field in group) for group in groups)
