"""Secrets of ten kinds that look real and open nothing, and a search for them in every form that programs write."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from urllib.parse import quote

_ALPHANUMERIC = string.ascii_letters + string.digits


def _text(random: Random, count: int, characters: str = _ALPHANUMERIC) -> str:
    return "".join(random.choices(characters, k=count))


def _pem(random: Random, kind: str) -> str:
    body = base64.b64encode(random.randbytes(96)).decode()
    return f"-----BEGIN {kind}-----\n{body[:64]}\n{body[64:]}\n-----END {kind}-----\n"


KINDS: Mapping[str, Callable[[Random], str]] = {
    "aws-secret": lambda random: base64.b64encode(random.randbytes(30)).decode(),
    "aws-session": lambda random: f"IQoJb3JpZ2luX2VjE{_text(random, 300)}",
    "github": lambda random: f"ghp_{_text(random, 36)}",
    "gitlab": lambda random: f"glpat-{_text(random, 20)}",
    "npm": lambda random: f"npm_{_text(random, 36)}",
    "pypi": lambda random: f"pypi-AgEIcHlwaS5vcmc{_text(random, 100)}",
    "private-key": lambda random: _pem(random, "OPENSSH PRIVATE KEY"),
    "address": lambda random: f"https://deploy:{_text(random, 14)}@files.company.io/a",
    "docker-login": lambda random: _text(random, 24),
    "cosign": lambda random: _pem(random, "ENCRYPTED SIGSTORE PRIVATE KEY"),
}
"""What makes a secret of each kind."""


def secret(kind: str, number: int) -> str:
    """Return a secret of a kind; the same one for the same number."""
    return KINDS[kind](Random(f"{kind} {number}"))  # noqa: S311 - the same ones in each run


def cores(value: str) -> Iterator[str]:
    """Yield the parts of a secret that nobody may see: of a PEM block its lines, of an address the password."""
    if "-----BEGIN" in value:
        yield from (line for line in value.splitlines() if "-----" not in line)
    elif "://" in value:
        yield value.partition("://")[2].partition("@")[0].partition(":")[2]
    else:
        yield value


def forms(core: str) -> set[str]:
    """Return a text as it stands in addresses, JSON and base64, at each of the three places that a text can have."""
    encoded = {
        base64.b64encode(b"-" * shift + core.encode()).decode().rstrip("=")[(0, 2, 3)[shift] : -2]
        for shift in range(3)
    }
    return {core, quote(core), quote(core, ""), json.dumps(core)[1:-1], *(text for text in encoded if len(text) > 12)}


def found_in(text: str, secrets: Mapping[str, str]) -> set[str]:
    """Return the names of the secrets that a text has in one of their forms."""
    return {
        name for name, value in secrets.items() if any(form in text for core in cores(value) for form in forms(core))
    }


def found_in_files(folder: Path, secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the names of the secrets in the files of a folder, by path."""
    found = {}
    for path in folder.rglob("*"):
        is_file = path.is_file() and not path.is_symlink()
        if names := found_in(path.read_bytes().decode("latin-1"), secrets) if is_file else set():
            found[str(path)] = names
    return found
