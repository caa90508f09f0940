"""Parsers of docker buildx's options, and a function for the environment variables that the options refer to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from ecr_tasks.model.platform import parse_platform
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import lists

DEFAULT_DOCKERFILE = "Dockerfile"

_MAX_NAME = 255

# The keys of `docker buildx build --secret` (buildx, util/buildflags/secrets.go).
_SECRET_KEYS = ("id", "type", "src", "source", "env")

# What docker takes for a remote context: a URL, an scp-like git address, or a path on github.com (buildx,
# util/urlutil: IsRemoteURL; BuildKit, dfgitutil: ParseGitRef, and util/sshutil).
_REMOTE = r"(?i:https?|git|ssh)://|github\.com/|[A-Za-z0-9_-]+@[A-Za-z0-9.-]+:"

_CWD = "cwd://"
"""What the path of a folder begins with that is relative to where docker is started, in a definition that is remote
(buildx, bake: toBuildOpt)."""


def location(example: str) -> Callable[[str], str]:
    """Return a parser of a path or URL, which can't be standard input, because that can't be read twice.

    ``example`` is words such as "a file", for the error message.
    """

    def parse(text: str) -> str:
        place = _from_cwd(text.strip())
        if place == "-":
            raise Malformed(f"can't be - (standard input): name {example}")
        if not is_remote(place) and any(len(os.fsencode(name)) > _MAX_NAME for name in place.split("/")):
            raise Malformed(f"has a name of more than {_MAX_NAME} bytes, which no file system takes")
        return place

    return parse


def is_remote(location: str) -> bool:
    """Return whether docker itself fetches this context, instead of reading local files."""
    return bool(re.match(_REMOTE, location))


def is_remote_file(location: str) -> bool:
    """Return whether docker itself fetches this Dockerfile (buildx, util/urlutil: IsHTTPURL)."""
    return location.startswith(("http://", "https://"))


def is_folder(source: str) -> bool:
    """Return whether a named context's source is a local folder, as what buildx knows nothing else of is
    (buildx, build/opt.go).
    """
    return not is_remote(source) and not source.startswith(("docker-image:", "target:", "oci-layout://"))


def _from_cwd(source: str) -> str:
    """Return a source without the mark of a path that is relative to where docker is started: all of ours are."""
    return source.removeprefix(_CWD) or "." if source.startswith(_CWD) else source


def platforms(text: str) -> tuple[str, ...]:
    """Parse ``os/arch[/variant]`` entries, architectures of Linux, and ``local``; drop duplicates."""
    entries = {entry: parse_platform(entry) for entry in lists.split_plain(text)}
    if wrong := [entry for entry, platform in entries.items() if platform is None]:
        raise Malformed(
            *(f"names platforms as os/arch, which {entry[:80]!r} isn't, for example linux/amd64" for entry in wrong)
        )
    return tuple(dict.fromkeys(platform for platform in entries.values() if platform))


def build_args(text: str) -> tuple[str, ...]:
    """Parse ``NAME=VALUE`` entries, or ``NAME`` for a value from the environment.

    Error messages name an entry by its number, because its text may be a part of a secret with a comma.
    """
    message = (
        "has an entry (number {number}) that is neither NAME=VALUE nor NAME: a value with a comma needs one entry a "
        "line, or quotes around the whole entry"
    )
    return _checked(lists.split_plain(text), r"[A-Za-z_][A-Za-z0-9_.-]*(=.*)?", message)


def secrets(text: str) -> tuple[str, ...]:
    """Parse ``id=NAME[,src=FILE|,env=VARIABLE][,type=file|env]`` entries, as `docker buildx build --secret` does."""
    entries = lists.split_secrets(text)
    messages = []
    for number, entry in enumerate(entries, 1):
        try:
            _check_secret(_secret_keys(entry))
        except Malformed as error:
            messages += [f"{message} (entry {number})" for message in error.messages]
    if messages:
        raise Malformed(*messages)
    return entries


def _check_secret(keys: Mapping[str, str]) -> None:
    for key in keys:
        if key not in _SECRET_KEYS:
            raise Malformed(f"has the key {key!r}, which a secret hasn't: it has {', '.join(_SECRET_KEYS)}")
    if not keys.get("id"):
        raise Malformed("has a secret without id=: write for example id=npm,env=NPM_TOKEN")
    if keys.get("type", "env") not in ("file", "env"):
        raise Malformed("has a secret whose type is neither file nor env")


def _secret_keys(secret: str) -> dict[str, str]:
    """Return the keys of a secret with their values."""
    fields = lists.csv_fields(secret)
    if not all(field.key for field in fields):
        raise Malformed("has a part that isn't key=value: write for example id=npm,env=NPM_TOKEN")
    return {field.key: field.text.partition("=")[2] for field in fields}


def entitlements(text: str) -> tuple[str, ...]:
    """Parse the privileges that `docker buildx bake --allow` grants to builds, as network.host."""
    message = "has {entry}, which no build asks for: there are network.host, security.insecure and device[=NAME]"
    return _checked(lists.split_plain(text), r"network\.host|security\.insecure|device(=.+)?", message)


def ssh(text: str) -> tuple[str, ...]:
    """Parse ``default`` or ``id=SOCKET|KEY[,KEY]`` entries."""
    message = "has an entry without an id ({entry}): write default, or id=path"
    return _checked(lists.split_ssh(text), r"[^\s=,]+(=.+)?", message)


def build_contexts(text: str) -> tuple[str, ...]:
    """Parse ``name=SOURCE`` entries, where the source is a path or another source that buildx knows."""
    message = "has an entry (number {number}) that isn't name=path, name=docker-image://… or name=https://…"
    entries = (entry.partition("=") for entry in _checked(lists.split_contexts(text), r"[^\s=]+=.+", message))
    return tuple(f"{name}={_from_cwd(source)}" for name, _, source in entries)


def labels(text: str) -> Mapping[str, str]:
    """Parse ``KEY=VALUE`` entries; the last entry of a key wins."""
    return _mapping(lists.split_plain(text))


def image_annotations(text: str) -> Mapping[str, str]:
    """Parse ``[TYPE[,TYPE]:]KEY=VALUE`` entries; in the result, the types are a part of the key."""
    return _mapping(lists.split_annotations(text))


def _mapping(entries: tuple[str, ...]) -> Mapping[str, str]:
    message = (
        "has an entry that isn't KEY=VALUE ({entry}): a value with a comma needs one entry a line, or quotes around "
        "the whole entry"
    )
    pairs = (entry.partition("=") for entry in _checked(entries, "[^=]+=.*", message))
    return MappingProxyType({key.strip(): value for key, _, value in pairs})


def _checked(entries: tuple[str, ...], pattern: str, message: str) -> tuple[str, ...]:
    """Return the entries unchanged. Raises Malformed with a message for each entry that the pattern doesn't match."""
    messages = [
        message.format(number=number, entry=entry)
        for number, entry in enumerate(entries, 1)
        if not re.fullmatch(pattern, entry)
    ]
    if messages:
        raise Malformed(*messages)
    return entries


def referenced_variables(build_args: Iterable[str], secrets: Iterable[str]) -> frozenset[str]:
    """Return the environment variables from which build arguments and secrets take their values.

    The value of a secret without src and env is the variable named like its id, or else the file of that name
    (BuildKit, session/secrets/secretsprovider).
    """
    names = {entry for entry in build_args if "=" not in entry}
    for entry in secrets:
        keys = _secret_keys(entry)
        source = keys.get("src") or keys.get("source")
        named = keys.get("env") or (keys.get("id") if source is None else None)
        if named is None and keys.get("type") == "env":
            named = source
        names |= {named} if named else set()
    return frozenset(names)
