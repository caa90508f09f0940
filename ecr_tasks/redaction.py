"""What may be shown: :func:`redact` alone decides it, for all that is printed, written or put on a command line.

It replaces two things. Secrets that this process has met are told to it once, where they are read (settings,
variables, tokens, build arguments); a process has one set of them, as it has one log. Secrets that nobody told it,
such as those in another program's error, are recognized by their shape.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

HIDDEN = "***"
"""What is shown in place of a secret; of a build argument, its name is (``${NAME}``): a cause stays clear."""

_MIN_LENGTH = 6
_BOUNDED_LENGTH = 12
"""A shorter text is hidden only where it is a whole word."""

_secrets: dict[str, str] = {}
_arguments: dict[str, str] = {}
_public: set[str] = set()

# These patterns are compiled at their first use, which `inv --list` has not.
_TELLING_NAME = (
    r"(?i)token|secret|passw|passphrase|pwd|credential|(?:api|access|account|private|signing|deploy)[_-]?key"
    r"|(?<!kms)(?<!cache)(?<!public)_key$|^key$"
    r"|_pat$|^pat$|jwt|(?:^|[_-])(?:auth|authorization|bearer|pass|sig|signature)$"
)
# What the variables of such names hold is the place, the kind or the name of a secret.
_PLACE_OR_KIND = (
    r"(?i)(?:file|path|dir|folder|url|uri|name|id|enabled|helper|type|provider|arn|host|user(?:name)?|issuer|audience"
    r"|endpoint|scopes?|algorithm|expir(?:ation|y|es)(?:_\w{1,20})?|region|version)$"
)
_PROXY = r"(?i)(?:https?|ftp|all)_proxy"
# Words that programs write into every log: hiding one would hide the causes of errors.
_COMMON = (
    r"(?i)access|active|client|config|default|develop|development|disabled|docker|enabled|exporter|failed|image"
    r"|internal|latest|linux|local|localhost|manifest|master|module|network|nothing|package|private|production|public"
    r"|python|registry|release|remote|repository|runtime|secret|server|stable|staging|target|testing|token|unknown"
)
# A word, a number, or a word with a number, as names, versions, paths and image references have them.
_PLAIN_PIECE = (
    r"[a-z]{1,15}|[A-Z][a-z]{1,14}|[A-Z]{1,15}|\d{1,12}|[A-Za-z]{1,12}\d{1,4}|\d{1,4}[A-Za-z]{1,3}"
    r"|\d{1,8}T\d{1,6}Z?|deb\d{1,2}u\d{1,3}"
)
_PLAIN_TEXT = r"[A-Za-z0-9 ._:/,@+~-]*"
# A password that could be a part of any name, such as `postgres` or `my-project`.
_WORD = r"(?:[a-z]{1,15}|[A-Z][a-z]{1,14})"
_WORDS = rf"{_WORD}(?:[ ._/-]{_WORD}){{0,4}}"
_CONTENT_DIGEST = r"sha256:[0-9a-f]{64}"

_BASE64 = r"[A-Za-z0-9+/=_-]"
_BEFORE = r"(?<![A-Za-z0-9+/_-])"
_SHAPES = (
    (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}-----)?", HIDDEN),
    # User and password of an address; a password may have a slash, which is not that after a port. A user of ssh
    # alone is no secret, and what stands before a digest is an image's name.
    (r"(?<=://)(?<!ssh://)[^/@\s\"'<>\\]{1,512}@(?!sha\d+:)(?=[^\s\"'<>])", f"{HIDDEN}@"),
    (r"(?<=://)[^/@\s\"'<>:\\]{0,128}:(?!\d+/)[^@\s\"'<>\\]{1,512}@(?!sha\d+:)(?=[^\s\"'<>])", f"{HIDDEN}@"),
    # The same of a registry's name, which has no scheme; not a tag before a digest.
    (r"(?<![\w@/.:%+-])(?!mailto:)[\w.%+-]{1,64}:[^\s@/:\"'<>\\]{1,512}@(?=[\w-]+(?:\.[\w-]+)+)", f"{HIDDEN}@"),
    # A .netrc's, on one line.
    (
        r"(?<![\w-])((?:machine\s{1,9}\S{1,255}|default)\s{1,9}login\s{1,9}\S{1,128}\s{1,9}password\s{1,9})[^\s\"']+",
        rf"\g<1>{HIDDEN}",
    ),
    (r"(?i)(?<![\w-])((?:set-)?cookie: ?)[^\"'\r\n]+", rf"\g<1>{HIDDEN}"),
    # OpenID Connect tokens and ECR's passwords: base64 of JSON.
    (rf"{_BEFORE}eyJ{_BASE64}{{13,}}(?:\.{_BASE64}*){{0,2}}", HIDDEN),
    # Access keys' ids and session tokens (IAM User Guide, "Unique identifiers").
    (r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12}(?=[A-Z0-9]{4}(?![A-Z0-9]))", HIDDEN),
    (rf"{_BEFORE}(?:IQo|Fwo|FQo){_BASE64}{{60,}}", HIDDEN),
    # The options of build caches (BuildKit: s3, azblob, gha).
    (
        r"(?<=[,\s\"])((?:secret_access_key|access_key_id|session_token|account_key|ghtoken|token|password)=)"
        r"(?!\*\*\*)[^,\s\"'<>]+",
        rf"\g<1>{HIDDEN}",
    ),
    # Tokens of forges and registries, which have prefixes.
    (
        rf"{_BEFORE}(?:gh[opsur]_[A-Za-z0-9]{{16,}}|github_pat_\w{{16,}}|gl[a-z]{{2,5}}-[\w-]{{16,}}"
        r"|npm_[A-Za-z0-9]{16,}|dckr_(?:pat|oat)_[\w-]{16,}|xox[a-z]-[\w-]{10,}|pypi-[\w-]{16,}|AIza[\w-]{30,})",
        HIDDEN,
    ),
)
_QUERY = r"(?P<before>[?&;#](?P<name>[\w.~%-]{1,64})=)(?P<value>[^&;#\s\"'<>\\]+)"
_SECRET_WORDS = ("token", "secret", "pass", "pwd", "credential", "key", "pat", "jwt", "auth", "bearer", "sig")
_ASSIGNED = (
    r"(?P<before>(?<![\w-])(?!secretsmanager:)[\"']?"  # which is AWS's service, in actions and ARNs
    rf"(?=[\w-]{{0,64}}(?ai:{'|'.join(_SECRET_WORDS)}))"
    r"(?P<name>[\w-]{1,64})\\?[\"']?(?:\s?[=:]\s?|\s)\\?[\"']?)(?P<value>[^\s\"',;&\\]{8,})"
)

# What has an extension is neither base64 nor hexadecimal.
_FILE = r"/[\w./+-]{1,4096}\.[a-z]{2,4}"

_SCHEME = r"(?i)(?P<before>\b(?P<name>basic|bearer) )(?P<value>[\w.~+/=-]{8,})"


def can_be_secret(name: str, value: str) -> bool:
    """Return whether the value of a build argument, an option or a variable of that name could be a secret.

    The name says so, or the value does: it is neither a word, number, version, path or image reference, nor short.
    """
    if _names_secret(name):
        return len(value) >= _MIN_LENGTH and not re.fullmatch(_COMMON, value)
    return _looks_secret(value)


def is_secret_variable(name: str, value: str) -> bool:
    """Return whether a variable holds a secret, by its name (where the value is no word or number) or its shape."""
    by_name = _names_secret(name) and can_be_secret(name, value) and not re.fullmatch(rf"{_WORDS}|\d+", value)
    return by_name or redact(value, arguments=False) != value


def is_hidden_argument(name: str, value: str) -> bool:
    """Return whether a build argument's value is left out where arguments are listed, whatever its length."""
    return _names_secret(name) or _looks_secret(value) or redact(value) != value


def keep_secret(*values: str) -> None:
    """Remember values that are secret for certain, such as keys and tokens; very short ones can't be hidden."""
    for value in values:
        if len(value.strip()) >= _MIN_LENGTH and not re.fullmatch(_COMMON, value.strip()):
            _secrets.update(dict.fromkeys(_forms(value), HIDDEN))


def keep_build_arguments(arguments: Mapping[str, str]) -> None:
    """Remember the values of build arguments that can be secret; those of a telling name are so for certain."""
    for name, value in arguments.items():
        if can_be_secret(name, value):
            known = _secrets if _names_secret(name) else _arguments
            known.update({form: f"${{{name}}}" for form in _forms(value) if form not in _secrets})
        _keep_address_password(value)


def keep_variables(variables: Mapping[str, str]) -> None:
    """Remember the values of variables whose names tell that they are secret, and the passwords of addresses."""
    for name, value in variables.items():
        if _names_secret(name) and not value.isdigit() and not value.startswith(("/", "./", "~/")):
            keep_secret(value)
        _keep_address_password(value, is_address=bool(re.fullmatch(_PROXY, name)))


def keep_secret_file(content: str) -> None:
    """Remember what is secret in a file that holds a secret: its one line, or its lines and values that look so."""
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    keep_secret(*(line for line in lines if len(lines) == 1 or _looks_secret(line)))
    for line in lines:
        for match in re.finditer(r"([\w-]{1,64})[\"']?\s*[=:\s]\s*[\"']?([^\s\"',;]+)", line):
            if _names_secret(match[1]):
                keep_secret(match[2])
        _keep_address_password(line)


def keep_options(text: str) -> None:
    """Remember the secrets in a setting's text: those of options like ``token=…``, and the passwords of addresses."""
    for match in re.finditer(r"(?:^|[\s,\"])([\w-]{1,64})=([^\s,\"]+)", text):
        if _names_secret(match[1]):
            keep_secret(match[2])
    for word in text.split():
        _keep_address_password(word)


def keep_public(*values: str) -> None:
    """Remember what is shown anyway, such as the commit and the tags: an argument with that value is no secret, and
    nor is what looks like one in it.
    """
    _public.update(filter(None, values))


def forget_all() -> None:
    """Forget everything that was remembered, as a new process does."""
    for known in (_secrets, _arguments, _public):
        known.clear()


def redact(text: str, *, arguments: bool = True) -> str:
    """Return a text as it may be shown.

    Without ``arguments``, the values of build arguments that are only perhaps secret stay: data such as a reference
    must not change.
    """
    return _by_shape(redact_known(text, arguments=arguments))


def redact_known(text: str, *, arguments: bool = True) -> str:
    """Return a text without the secrets that were remembered; other programs' output is nobody else's to change."""
    shown = {**_arguments, **_secrets} if arguments else dict(_secrets)
    found = [form for form in shown if form in text and not (_is_public(form) and _is_guess(form))]
    if not found:
        return text
    pattern = "|".join(map(_bounded, sorted(found, key=len, reverse=True)))
    return re.sub(pattern, lambda match: shown[match[0]], text)


def redact_words(text: str) -> str:
    """Return a text of a program that handles secrets, without the long words that look like one."""
    return re.sub(r"[\w/+=~-]{16,}", lambda match: HIDDEN if _looks_secret(match[0]) else match[0], redact(text))


def redact_document(value: Any) -> Any:
    """Return JSON's data with each text in it, keys included, as data may be shown."""
    shown: dict[str, str] = {}  # the same keys and words are in each entry of a long list

    def of(value: Any) -> Any:
        if isinstance(value, str):
            if value not in shown:
                shown[value] = redact(value, arguments=False)
            return shown[value]
        if isinstance(value, Mapping):
            return {of(key): of(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [of(item) for item in value]
        return value

    return of(value)


def redact_fields(value: Any) -> Any:
    """Return a dataclass whose texts, also those in its dataclasses and tuples, are as data may be shown."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: redact_fields(getattr(value, item.name)) for item in fields(value)})
    if isinstance(value, tuple):
        return tuple(map(redact_fields, value))
    return redact_document(value) if isinstance(value, str) else value


def _names_secret(name: str) -> bool:
    return bool(re.search(_TELLING_NAME, name)) and not re.search(_PLACE_OR_KIND, name)


def _looks_secret(value: str) -> bool:
    value = re.sub(_CONTENT_DIGEST, "", value)
    if len(value) < 8 or "://" in value:  # of an address, only user, password and query can be secret
        return False
    pieces = [piece for piece in re.split(r"[^A-Za-z0-9]+", value) if piece]
    if not re.fullmatch(_PLAIN_TEXT, value) or not all(re.fullmatch(_PLAIN_PIECE, piece) for piece in pieces):
        return len(value) < 512 or " " not in value
    is_structured = re.search(r"[.:/ ]", value)
    return not is_structured and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _forms(value: str) -> set[str]:
    """Return the forms in which programs write a value: quoted for JSON, addresses and Python, and line by line."""
    value = value.strip()
    lines = [line.strip() for line in value.splitlines() if len(line.strip()) >= _MIN_LENGTH]
    texts = {value, " ".join(value.split()), *(lines if len(lines) > 1 else ())}
    forms = {form for text in texts for form in (text, json.dumps(text)[1:-1], _quote(text, ""), repr(text)[1:-1])}
    forms |= {json.dumps(value, ensure_ascii=False)[1:-1], _quote(value, "/"), value.replace("${", "$${")}
    return {form for form in forms if len(form) >= _MIN_LENGTH}


def _quote(text: str, safe: str) -> str:
    """Return a text as it stands in an address, with the bytes of a variable that are no UTF-8."""
    try:
        return quote(text, safe, errors="surrogateescape")
    except UnicodeEncodeError:  # half a character
        return quote(text, safe, errors="backslashreplace")


def _keep_address_password(text: str, *, is_address: bool = False) -> None:
    before, scheme, rest = text.partition("://")
    authority = rest if scheme else before if is_address else ""
    user, at, host = authority.rpartition("@")
    password = user.partition(":")[2]
    if at and password and not re.match(r"sha\d+:", host) and "/" not in user.partition(":")[0]:
        keep_secret(password, unquote(password))


def _is_public(form: str) -> bool:
    return any(form in text for text in _public)


def _is_guess(form: str) -> bool:
    """Return whether a value is perhaps no secret: an argument without a telling name, or words."""
    return form in _arguments or bool(re.fullmatch(_WORDS, form))


def _bounded(form: str) -> str:
    pattern = re.escape(form)
    if re.fullmatch(_WORDS, form):  # an image, a path or a host with that word in it is no secret
        return rf"(?<![A-Za-z0-9/]){pattern}(?![A-Za-z0-9]|[:/.@-][A-Za-z0-9])"
    return pattern if len(form) >= _BOUNDED_LENGTH else rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"


@functools.cache  # re's own cache takes longer, and a receipt has thousands of texts
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _by_shape(text: str) -> str:
    for pattern, replacement in _SHAPES:
        text = _compiled(pattern).sub(replacement, text)
    for pattern in (_QUERY, _SCHEME):
        text = _compiled(pattern).sub(lambda match: _hidden_value(match, _is_random(match["value"])), text)
    lower = text.lower()
    if not any(word in lower for word in _SECRET_WORDS):  # most texts, and to look for words is quick
        return text
    return _compiled(_ASSIGNED).sub(lambda match: _hidden_value(match, False), text)


def _hidden_value(match: re.Match[str], hides: bool) -> str:
    value = match["value"]
    if not hides and _names_secret(match["name"]):
        in_sentence = not re.search("[=:]", match["before"])  # such as: the key 'tagPrefixList'
        has_digit = any(map(str.isdigit, value))
        is_random = _is_random(value) and not re.fullmatch(_FILE, value)
        hides = match.re.pattern == _QUERY or (is_random and (has_digit or not in_sentence))
    return f"{match['before']}{HIDDEN}" if hides and HIDDEN not in value and not _is_public(match[0]) else match[0]


def _is_random(value: str) -> bool:
    """Return whether a value has letters and digits in one piece that is no word, as random texts have."""
    pieces = re.split(r"[^A-Za-z0-9]+", re.sub(_CONTENT_DIGEST, "", value))
    return _looks_secret(value) and any(len(piece) >= 8 and not re.fullmatch(_PLAIN_PIECE, piece) for piece in pieces)
