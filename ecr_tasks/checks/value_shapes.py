"""Find secrets in values and texts by the name that has them and by their place in an address, besides their shape.

A name alone decides nothing: ``TOKEN=changeme``, ``DB_PASSWORD=postgres`` and ``SECRET_KEY_BASE=dummy`` stand in many
a Dockerfile. The value must be random, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from ecr_tasks.checks.key_shapes import is_key, is_random, is_words
from ecr_tasks.checks.password_files import is_password
from ecr_tasks.checks.secret_shapes import find_texts

_CANDIDATES = 300
_SHORTEST = 12
_SHORTEST_KNOWN = 8

_NAME = (
    r"(?i)token(?!s|iz)|secret(?!s)|passw|passphrase|(?:^|_)pwd$|credential|(?:^|[_-])pat$|jwt"
    r"|(?:api|access|account|private|signing|deploy|encryption|master)[_-]?key"
)
_OTHER_NAME = (
    # What the place, the kind or a digest of a secret is called.
    r"(?i)(?:file|path|dir|folder|url|uri|name|id|ids|enabled|helper|type|provider|arn|host|user(?:name)?|issuer"
    r"|audience|endpoint|scopes?|algorithm|expir(?:ation|y|es)(?:_\w{1,20})?|region|version|hash|sha\d*|digest|checksum"
    r"|length|ttl|policy|regex|pattern|ref|tag|image)$"
    # What a web page shows to everybody: the variables that its tools compile into it, and keys that are public.
    r"|^(?:next_public|nuxt_public|expo_public|vite|react_app|vue_app|ng_app|gatsby|storybook|public)_"
    r"|public|publishable|site_?key|client_?token"
)
_REFERENCE = re.compile(r"[$%<{/.~]|arn:|\w+://|sha\d+[:-]")
_TEXT = re.compile(r"[\w.~+/=!@#^&*:,|-]+")

_ADDRESS = re.compile(
    r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,20}://(?P<user>[^/\s:@\"'<>]{0,256}):(?P<password>[^@\s/\"'<>]{1,512})@"
    r"(?P<host>[^\s/:\"'<>\\,;)?#]{1,253})"
)
_SAMPLE_HOST = re.compile(
    r"(?i)localhost|127\..*|0\.0\.0\.0|\[.*|(?:.*\.)?(?:example(?:\.(?:com|net|org))?|localhost|test|invalid)"
)
_QUERY = re.compile(
    r"(?i)[?&](?:(?:access|private|auth|job|deploy)_?token|token|sig|api_?key)=(?P<value>[\w%.~+/-]{20,512})"
)
_HEADER = re.compile(
    r"(?i)\bauthorization[\"']?\s?[:=]\s?[\"']?(?:basic|bearer|token) (?P<value>[\w.~+/=-]{16,5000})"
)
_ASSIGNED = re.compile(r"(?<![\w$-])(?P<name>[A-Za-z_]\w{1,63})=[\"']?(?P<value>[^\s\"'\\;&|)]{12,5000})")


def find_in_value(name: str, value: str, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what each secret in a named value is, and its text, which must not be shown.

    ``known`` has secrets with what they are (:mod:`known_secrets`).
    """
    stripped = value.strip()
    found: list[tuple[str, str]] = []
    if name.upper() != "AWS_ACCESS_KEY_ID" and is_key(name, value):
        what = "an AWS session token" if name.upper() == "AWS_SESSION_TOKEN" else "an AWS secret access key"
        found.append((what, value))
    found += ((what, text) for _, what, text in find_in_text(value, known))
    if stripped in known and (not is_words(stripped) or _names_secret(name)):
        found.append((known[stripped], stripped))
    if is_named_secret(name, stripped):
        found.append(("a secret by its name", stripped))
    texts: list[str] = []
    for what, text in found:
        if not _is_among(text, texts):
            texts.append(text)
            yield what, text


def find_in_text(text: str, known: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    """Yield the position of each secret in a text, what it is, and the secret itself, which must not be shown.

    One that has a shape is not yielded again for its name or its place.
    """
    texts: list[str] = []
    for position, what, secret in _candidates(text, known):
        if not _is_among(secret, texts):
            texts.append(secret)
            yield position, what, secret


def _candidates(text: str, known: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    encoded = text.encode("utf-8", "replace")
    for position, what, secret in find_texts(encoded):
        yield len(encoded[:position].decode("utf-8", "replace")), what, secret
    for secret, what in known.items():
        if len(secret) >= _SHORTEST_KNOWN and not is_words(secret) and (position := text.find(secret)) >= 0:
            yield position, what, secret
    for match in islice(_ADDRESS.finditer(text), _CANDIDATES):
        if _is_address_password(match["user"], match["password"], match["host"]):
            yield match.start("password"), "a password in an address", match["password"]
    for pattern, what in ((_QUERY, "a token in an address"), (_HEADER, "an authorization header")):
        for match in islice(pattern.finditer(text), _CANDIDATES):
            if is_random(match["value"], distinct=8) and not is_words(match["value"]):
                yield match.start("value"), what, match["value"]
    for match in islice(_ASSIGNED.finditer(text), _CANDIDATES):
        if is_named_secret(match["name"], match["value"]):
            yield match.start("value"), "a secret by its name", match["value"]


def _is_among(text: str, others: Iterable[str]) -> bool:
    """Return whether a secret is a part of one that was found before, or that one of it."""
    return any(text in other or other in text for other in others)


def is_named_secret(name: str, value: str) -> bool:
    """Return whether a value is a secret by its name, and random: no word, reference, address or path."""
    return (
        len(value) >= _SHORTEST
        and _names_secret(name)
        and not _REFERENCE.match(value)
        and _TEXT.fullmatch(value) is not None
        and not is_words(value)
        and is_random(value, distinct=8)
    )


def _names_secret(name: str) -> bool:
    return re.search(_NAME, name) is not None and re.search(_OTHER_NAME, name) is None


def _is_address_password(user: str, password: str, host: str) -> bool:
    """Return whether the password of an address opens something; that of a sample or of this machine doesn't.

    Of a host in the internet, every password with more than letters is one; of a name without a dot (compose's
    ``db``), only a random one is.
    """
    if not is_password(password) or password == user or _SAMPLE_HOST.fullmatch(host):
        return False
    if len(password) >= _SHORTEST_KNOWN and is_random(password, distinct=6) and not is_words(password):
        return True
    return "." in host and len(password) >= 6 and not password.isalpha() and not password.isdigit()
