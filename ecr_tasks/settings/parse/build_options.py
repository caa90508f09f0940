"""What an entry of a list setting must look like for buildx to take it, and which variables it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import lists as entries

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?")
_ARCHITECTURES = ("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "loong64", "mips64le")

# The keys of `docker buildx build --secret` (buildx, util/buildflags/secrets.go).
_SECRET_KEYS = ("id", "type", "src", "source", "env")


def platforms(text: str) -> tuple[str, ...]:
    """``os/arch[/variant]``, each once."""
    found = dict.fromkeys(entry.lower() for entry in entries.split_plain(text))
    wrong = []
    for entry in found:
        if not _PLATFORM.fullmatch(entry):
            meant = f": write linux/{entry}" if entry in _ARCHITECTURES else ", for example linux/amd64"
            wrong.append(f"names platforms as os/arch, which {entry} isn't{meant}")
    return _all(tuple(found), wrong)


def build_args(text: str) -> tuple[str, ...]:
    """``NAME=VALUE``, or ``NAME`` for a value from the environment.

    Messages give an entry's position and never its text: it may be the end of a secret with a comma in it.
    """
    found = entries.split_plain(text)
    wrong = [
        f"has an entry (number {number}) that is neither NAME=VALUE nor NAME: a value with a comma needs one "
        "entry a line, or quotes around the whole entry"
        for number, entry in enumerate(found, 1)
        if not _NAME.fullmatch(entry.partition("=")[0])
    ]
    return _all(found, wrong)


def secrets(text: str) -> tuple[str, ...]:
    """``id=NAME[,src=FILE|,env=VARIABLE][,type=file|env]``, as `docker buildx build --secret` has it."""
    found = entries.split_secrets(text)
    wrong = []
    for number, entry in enumerate(found, 1):
        try:
            _check_secret(_keys(entry))
        except Malformed as error:
            wrong += [f"{message} (entry {number})" for message in error.messages]
    return _all(found, wrong)


def _check_secret(keys: Mapping[str, str]) -> None:
    for key in keys:
        if key not in _SECRET_KEYS:
            raise Malformed(f"has the key {key!r}, which a secret hasn't: it has {', '.join(_SECRET_KEYS)}")
    if not keys.get("id"):
        raise Malformed("has a secret without id=: write for example id=npm,env=NPM_TOKEN")
    if keys.get("type", "env") not in ("file", "env"):
        raise Malformed("has a secret whose type is neither file nor env")


def _keys(entry: str) -> dict[str, str]:
    keys = {}
    for field in entries.fields(entry):
        if not field.key:
            raise Malformed("has a part that isn't key=value: write for example id=npm,env=NPM_TOKEN")
        keys[field.key] = field.text.partition("=")[2]
    return keys


def ssh(text: str) -> tuple[str, ...]:
    """``default``, or ``id=SOCKET|KEY[,KEY]``."""
    found = entries.split_ssh(text)
    wrong = [
        f"has an entry without an id ({entry}): write default, or id=path"
        for entry in found
        if not re.fullmatch(r"[^\s=,]+(=.+)?", entry)
    ]
    return _all(found, wrong)


def build_contexts(text: str) -> tuple[str, ...]:
    """``name=path``, or any of buildx's sources after the ``=``."""
    found = entries.split_contexts(text)
    wrong = [
        f"has an entry (number {number}) that isn't name=path, name=docker-image://… or name=https://…"
        for number, entry in enumerate(found, 1)
        if not re.fullmatch(r"[^\s=]+=.+", entry)
    ]
    return _all(found, wrong)


def labels(text: str) -> Mapping[str, str]:
    """``KEY=VALUE`` entries as a mapping, the last one of a key counting."""
    return _pairs(entries.split_plain(text))


def image_annotations(text: str) -> Mapping[str, str]:
    """``[TYPE[,TYPE]:]KEY=VALUE`` entries as a mapping; the type stays with the key."""
    return _pairs(entries.split_annotations(text))


def _pairs(found: tuple[str, ...]) -> Mapping[str, str]:
    wrong = [
        f"has an entry that isn't KEY=VALUE ({entry}): a value with a comma needs one entry a line, or "
        "quotes around the whole entry"
        for entry in found
        if entry.find("=") < 1
    ]
    pairs = (entry.partition("=") for entry in _all(found, wrong))
    return MappingProxyType({key.strip(): value for key, _, value in pairs})


def cache(text: str) -> str:
    """``off``, ``registry``, or buildx's own ``type=…`` (one a line where there are several)."""
    text = text.strip()
    if text.lower() in ("off", "registry"):
        return text.lower()
    if text == "false":  # what YAML makes of an unquoted off
        return "off"
    lines = entries.split_plain(text) if "\n" in text else (text,)
    if not all(any(field.key == "type" for field in entries.fields(line)) for line in lines):
        # The text stays unsaid: s3 and azblob caches hold keys.
        raise Malformed("must be off, registry, or buildx's own syntax, which has type=…")
    return text


def references(build_args: Iterable[str], secrets: Iterable[str]) -> frozenset[str]:
    """The environment variables that build arguments and secrets take their values from.

    A secret with neither src nor env is the variable of its id, or else the file of that name (BuildKit,
    session/secrets/secretsprovider).
    """
    names = {entry for entry in build_args if "=" not in entry}
    for entry in secrets:
        keys = _keys(entry)
        source = keys.get("src") or keys.get("source")
        if keys.get("env"):
            names.add(keys["env"])
        elif source is None:
            names.add(keys["id"])
        elif keys.get("type") == "env":
            names.add(source)
    return frozenset(names)


def _all(found: tuple[str, ...], wrong: list[str]) -> tuple[str, ...]:
    if wrong:
        raise Malformed(*wrong)
    return found
