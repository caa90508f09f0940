"""Parse lists in a setting's text: one entry on each line, or entries with commas between them as in buildx's flags.

A text with a line break has one entry on each line: blank lines and lines that begin with ``#`` are ignored, and
commas and quotes are part of the entry. In a text without a line break, commas separate the entries, and an entry in
double quotes keeps its commas (CSV, as buildx reads it). A secret, ssh key, build context or annotation can contain
commas itself: for each of these, a function below finds the commas that begin an entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ecr_tasks.frozen import dataclass
from ecr_tasks.settings.errors import Malformed

_ANNOTATION_TYPE = r"(manifest|index)(-descriptor)?(\[[^\]]*\])?"

_CSV_FIELD = r"""\s*(?P<raw>"(?P<quoted>(?:[^"]|"")*)")\s*(?:,|$)|(?P<plain>(?!\s*")[^,]*)(?:,|$)"""

_AMBIGUOUS_QUOTE = (
    "has commas and a double quote that doesn't go around a whole entry: write one entry a line, or quotes "
    "around each entry that needs them"
)


VALUE_KINDS = (
    *("build-arg:", "label:", "annotation:", "tag:", "context:", "cache:", "dockerfile:"),
    *("env:", "history:", "config:", "provenance:"),
)
"""The beginnings of names that stand for a value of a build, or a part of the built image, instead of a file."""

_GUARD = r"[a-z0-9]+(?:-[a-z0-9]+)+"


class Allowed(NamedTuple):
    """A file or value that is allowed to have a secret, and why; the reason is empty where none is given.

    ``guard`` is the name of what it may have (``private-key``); if empty, it may have anything.
    """

    name: str
    reason: str
    guard: str = ""


@dataclass(frozen=True)
class Field:
    """The text between two commas: ``raw`` as it is written, ``text`` without its CSV quotes."""

    raw: str
    text: str

    @property
    def key(self) -> str:
        """The text before ``=``, in lower case as buildx compares it; empty where there is no ``=``."""
        key, equals, _ = self.text.partition("=")
        return key.strip().lower() if equals else ""


def csv_fields(text: str) -> list[Field]:
    """Return the CSV fields of one line without empty ones; space around a comma doesn't count.

    Raises :class:`Malformed` for a quote that is never closed or that is followed by more text. A quote inside an
    unquoted field is an ordinary character, so that a value can be JSON, unless a comma makes it ambiguous.
    """
    fields: list[Field] = []
    bare_quote = False
    position = 0
    while position <= len(text):
        match = re.compile(_CSV_FIELD).match(text, position)
        if match is None:
            raise Malformed(_AMBIGUOUS_QUOTE)
        if match["raw"] is None:
            plain = match["plain"].strip()
            fields.append(Field(plain, plain))
            bare_quote = bare_quote or '"' in plain
        else:
            fields.append(Field(match["raw"], match["quoted"].replace('""', '"')))
        position = match.end() if match[0].endswith(",") else len(text) + 1
    if bare_quote and "," in text:
        raise Malformed(_AMBIGUOUS_QUOTE)
    return [field for field in fields if field.text]


def split_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text without blank ones and comments."""
    lines = (line.strip() for line in text.split("\n"))
    return tuple(line for line in lines if line and not line.startswith("#"))


def csv_field(text: str) -> str:
    """Return a text as one CSV field, in quotes where it needs them."""
    return '"{}"'.format(text.replace('"', '""')) if {",", '"'} & set(text) else text


def split_plain(text: str) -> tuple[str, ...]:
    """Split entries that contain commas only in quotes: build arguments, labels, platforms."""
    return _split(text, lambda _entry, _field, _next_field: True)


def split_allowed(text: str) -> tuple[Allowed, ...]:
    """Split the names of what is allowed, each with its reason: ``private-key certs/test.key: opens nothing``.

    On one line, a comma in a reason begins no entry unless a reason follows what is after it.
    """

    def begins_entry(entry: list[Field], field: Field, _next_field: Field | None) -> bool:
        return ": " in field.text or not any(": " in other.text for other in entry)

    entries = []
    for entry in _split(text, begins_entry):
        name, _, reason = entry.partition(": ")
        reason = re.sub(r",(?=\S)", ", ", reason.strip())
        guard, space, rest = name.strip().removesuffix(":").partition(" ")
        if space and re.fullmatch(_GUARD, guard):
            entries.append(Allowed(rest.strip(), reason, guard))
        else:
            entries.append(Allowed(name.strip().removesuffix(":"), reason))
    return tuple(entries)


def split_secrets(text: str) -> tuple[str, ...]:
    """Split secrets: ``id=a,src=b,id=c,env=D`` is two secrets.

    A comma begins the next secret where ``id=`` or ``type=`` occurs a second time, or where ``type=`` and then
    ``id=`` follow a secret that has an id.
    """

    def begins_entry(entry: list[Field], field: Field, next_field: Field | None) -> bool:
        keys = {other.key for other in entry}
        if field.key == "type" and "id" in keys:
            return "type" in keys or (next_field is not None and next_field.key == "id")
        return field.key in ("id", "type") and field.key in keys

    # The quotes stay: buildx parses each secret as CSV again.
    return _split(text, begins_entry, quotes=True)


def split_ssh(text: str) -> tuple[str, ...]:
    """Split ssh entries: ``default,git=a.pem,b.pem`` is two entries. Files belong to the ``name=`` before them."""
    return _split(text, lambda entry, field, _next_field: bool(field.key) or not entry[0].key)


def split_contexts(text: str) -> tuple[str, ...]:
    """Split build contexts: a comma begins the next entry when a ``name=`` follows it."""
    return _split(text, lambda _entry, field, _next_field: bool(field.key))


def split_annotations(text: str) -> tuple[str, ...]:
    """Split annotations: ``index,manifest:a=1,b=2`` is two. A type without a key belongs to the field after it."""
    return _split(text, lambda entry, _field, _next_field: not re.fullmatch(_ANNOTATION_TYPE, entry[-1].text))


def split_signers(text: str) -> tuple[str, ...]:
    """Split signers: ``key=a.pub,log=true,key=b.pub`` is two. A field that says who begins the next one."""
    who = ("key", "identity", "identity-regexp", "certificate", "profile")

    def begins_entry(entry: list[Field], field: Field, _next_field: Field | None) -> bool:
        return field.key in who and any(other.key in who for other in entry)

    return _split(text, begins_entry, quotes=True)


def join(entries: Iterable[str]) -> str:
    """Return a text that every ``split_…`` above splits into the same entries: one on each line.

    Raises ValueError for an entry that can't be on a line: an empty one, one with a line break, with space at its
    beginning or end, or with ``#`` at its beginning.
    """
    lines = list(entries)
    for number, entry in enumerate(lines, 1):
        if not entry:
            raise ValueError(f"entry {number} is empty")
        if "\n" in entry:
            raise ValueError(f"entry {number} has a line break")
        if entry.startswith("#"):
            raise ValueError(f"entry {number} begins with #")
        if entry != entry.strip():
            raise ValueError(f"entry {number} begins or ends with a space")
    # The last line break is needed for a single entry: without it, its commas would separate entries.
    return "".join(f"{line}\n" for line in lines)


def _split(
    text: str, begins_entry: Callable[[list[Field], Field, Field | None], bool], *, quotes: bool = False
) -> tuple[str, ...]:
    """Split a text into lines or, without line breaks, by commas.

    A comma separates entries where ``begins_entry(entry so far, field, next field)`` is true. ``quotes`` keeps CSV
    quotes in the entries.
    """
    if "\n" in text:
        return split_lines(text)
    entries: list[list[Field]] = []
    fields = csv_fields(text)
    for field, next_field in zip(fields, [*fields[1:], None], strict=False):
        if not entries or begins_entry(entries[-1], field, next_field):
            entries.append([])
        entries[-1].append(field)
    return tuple(",".join(field.raw if quotes else field.text for field in entry) for entry in entries)
