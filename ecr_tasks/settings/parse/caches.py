"""Parse build caches: ``off``, ``registry``, and entries in buildx's syntax, whose options are checked.

buildx and BuildKit pass over an option that they don't know, so that a mistyped one would do nothing. The options are
those of docs.docker.com, Cache storage backends, and of BuildKit's cache/remotecache. No message has a value of an
option, because those of s3, azblob and gha can be keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import lists
from ecr_tasks.settings.parse.image_reference import reference_pattern

REGISTRY = "registry"
"""The entry that stands for the cache beside the image in ECR."""

Use = Literal["read", "write", "both"]
_BOOLEAN = "(?i:1|t|true|0|f|false)"  # Go's strconv.ParseBool, and its True and TRUE
_COUNT = "[1-9][0-9]*"
_DURATION = r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+"
_ANY = r"(?s:.+)"

_WRITE = {"mode": ("min|max", "min or max"), "ignore-error": (_BOOLEAN, "true or false")}

_LEVELS = {"uncompressed": -1, "gzip": 9, "estargz": 9, "zstd": 22}
"""The ways of compression with the highest level of each, -1 for one without levels."""

_COMPRESSIONS = " or ".join(", ".join(_LEVELS).rsplit(", ", 1))
_LAYERS = {
    "compression": ("|".join(_LEVELS), _COMPRESSIONS),
    "compression-level": ("[0-9]{1,3}", "a number"),
    "force-compression": (_BOOLEAN, "true or false"),
    "oci-mediatypes": (_BOOLEAN, "true or false"),
    "image-manifest": (_BOOLEAN, "true or false"),
}
_TEXT = (_ANY, "a text")
_REFERENCE = (reference_pattern(r"\{\{image\}\}"), "an image's reference, such as registry.example/cache:app")


@dataclass(frozen=True)
class _Backend:
    """The options of one type of cache: each with the expression of its values, and this in words."""

    both: Mapping[str, tuple[str, str]]
    write: Mapping[str, tuple[str, str]]
    read: Mapping[str, tuple[str, str]]
    required: Mapping[Use, tuple[str, ...]]

    def options(self, use: Use) -> dict[str, tuple[str, str]]:
        written = self.write if use != "read" else {}
        return {**self.both, **written, **(self.read if use != "write" else {})}


def _texts(*names: str) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(names, _TEXT)


def _required(*names: str) -> dict[Use, tuple[str, ...]]:
    return {"read": names, "write": names, "both": names}


_BACKENDS: Mapping[str, _Backend] = {
    "registry": _Backend(
        {"ref": _REFERENCE, "registry.insecure": (_BOOLEAN, "true or false")},
        {**_WRITE, **_LAYERS},
        {},
        _required("ref"),
    ),
    "local": _Backend(
        _texts("tag"),
        {**_texts("dest"), "reset": (_BOOLEAN, "true or false"), **_WRITE, **_LAYERS},
        {**_texts("src"), "digest": ("sha256:[0-9a-f]{64}", "sha256: and 64 digits")},
        {"read": ("src",), "write": ("dest",), "both": ("src", "dest")},
    ),
    "inline": _Backend({}, {}, {}, _required()),
    "gha": _Backend(
        {
            **_texts("url", "url_v2", "token", "scope", "repository", "ghtoken"),
            "timeout": (_DURATION, "a time such as 10m"),
            "version": ("[12]", "1 or 2"),
        },
        _WRITE,
        {},
        _required(),
    ),
    "s3": _Backend(
        {
            **_texts("bucket", "region", "name", "prefix", "blobs_prefix", "manifests_prefix", "endpoint_url"),
            **_texts("access_key_id", "secret_access_key", "session_token"),
            "use_path_style": (_BOOLEAN, "true or false"),
            "disable_accept_encoding": (_BOOLEAN, "true or false"),
            "retry_mode": ("standard|adaptive", "standard or adaptive"),
            "retry_max_attempts": (_COUNT, "a number from 1"),
        },
        {
            **_WRITE,
            "upload_parallelism": (_COUNT, "a number from 1"),
            "touch_refresh": (_DURATION, "a time such as 24h"),
        },
        {},
        _required("bucket", "region"),
    ),
    "azblob": _Backend(
        _texts(
            *("account_url", "account_name", "container", "name", "prefix"),
            *("blobs_prefix", "manifests_prefix", "secret_access_key"),
        ),
        _WRITE,
        {},
        _required(),
    ),
}

COMPRESSED = ("registry", "local")
"""The types of caches whose layers can be compressed otherwise than by default."""


def entry_type(entry: str) -> str:
    """Return an entry's type: ``registry`` also for the word alone."""
    return entry_fields(entry).get("type", entry)


def entry_fields(entry: str) -> dict[str, str]:
    """Return the options of an entry by their names in lower case, as buildx compares them."""
    return {field.key: field.text.partition("=")[2] for field in lists.csv_fields(entry)}


def _parser(use: Use) -> Callable[[str], tuple[str, ...]]:
    """Return the parser of a setting with caches that are read, written, or both."""

    def parse(text: str) -> tuple[str, ...]:
        text = text.strip()
        if text.lower() in ("off", "false"):  # YAML converts an unquoted off to false
            return ()
        lines = lists.split_plain(text) if "\n" in text else (text,)
        entries = [REGISTRY if line.lower() == REGISTRY else line for line in lines]
        if problems := [problem for entry in entries for problem in _problems(entry, use)]:
            raise Malformed(*problems)
        return tuple(dict.fromkeys(entries))

    return parse


caches = _parser("both")
caches_to_read = _parser("read")
caches_to_write = _parser("write")


def _problems(entry: str, use: Use) -> Iterator[str]:
    """Yield what is wrong with an entry, each as the end of a sentence that begins with the setting's name."""
    if entry == REGISTRY:
        return
    fields = lists.csv_fields(entry)
    options = entry_fields(entry)
    if "type" not in options:
        yield "must be off, registry, or buildx's own syntax, which has type=…"
        return
    kind = options["type"]
    backend = _BACKENDS.get(kind)
    if backend is None:
        yield f"has a cache of a type that BuildKit doesn't have: it has {', '.join(_BACKENDS)}"
        return
    if kind == "inline" and use == "read":
        yield (
            "can't read type=inline, which is a part of the image: name the image that has it (type=registry,ref=…)"
        )
        return
    if any(not field.key for field in fields):
        yield f"has something in its {kind} cache that isn't OPTION=VALUE"
    keys = [field.key for field in fields if field.key]
    if twice := [key for key in options if keys.count(key) > 1]:
        yield f"has the option {' and '.join(twice)} twice in its {kind} cache, and buildx takes the last"
    yield from _option_problems(kind, backend, options, use)


def _option_problems(kind: str, backend: _Backend, options: Mapping[str, str], use: Use) -> Iterator[str]:
    known = backend.options(use)
    for name, value in options.items():
        if name in ("type", ""):
            continue
        if name in known:
            pattern, words = known[name]
            if not re.fullmatch(pattern, value):
                yield f"has a cache (type={kind}) whose {name} must be {words}"
        elif name in backend.options("both"):
            other = "ECR_CACHE_TO" if use == "read" else "ECR_CACHE_FROM"
            yield f"has the option {name} in its {kind} cache, which only {other} can have"
        else:
            import difflib

            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
            yield f"has an option in its {kind} cache that there isn't ({name[:40]}): {hint}"
    name, level = options.get("compression", "zstd"), options.get("compression-level", "")
    if name in _LEVELS and level.isdecimal() and (problem := _level_problem(name, level)):
        yield f"has a cache (type={kind}) with {problem}"
    missing = [name for name in backend.required[use] if name not in options]
    if missing:
        yield f"has a cache (type={kind}) without {' and '.join(f'{name}=…' for name in missing)}"


def compression(text: str) -> tuple[str, int | None]:
    """Parse ``zstd`` or ``zstd:LEVEL``, and the other ways of compression likewise; the level is None without one."""
    name, colon, level = text.strip().lower().partition(":")
    if name not in _LEVELS or (colon and not re.fullmatch("[0-9]{1,3}", level)):
        raise Malformed(f"must be {_COMPRESSIONS}, perhaps with a level (zstd:19), not {text.strip()!r}")
    if problem := _level_problem(name, level):
        raise Malformed(f"has {problem}")
    return name, int(level) if colon else None


def _level_problem(name: str, level: str) -> str:
    """Return what is wrong with a level, which BuildKit would say after the build; empty if it is right."""
    highest = _LEVELS[name]
    if not level or int(level) <= highest:
        return ""
    return f"the level {level}, and {name} has {f'those from 0 to {highest}' if highest > 0 else 'none'}"
