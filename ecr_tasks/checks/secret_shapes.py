"""Find secrets in a file's content, by their shape: private keys, access keys, tokens of services, stored passwords.

A wrong alarm stops a build, so each shape is one that nothing else has: a prefix that its service chose for that, a
PEM block with a body, the line of a file that is there for passwords. What stands for a secret (``${TOKEN}``,
``<your token>``, AWS's documented keys) is none; nor are certificates and public keys.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from ecr_tasks.checks.key_shapes import find_key_id, is_key, is_placeholder, is_random
from ecr_tasks.checks.key_stores import find_binary_key
from ecr_tasks.checks.password_files import find_passwords, from_base64, is_login, is_password

MAX_BYTES = 1 << 20
"""How much of a file is looked at: a secret in a file that is longer stands in its first mebibyte or is not found."""

_SHOWN = 3
"""The highest number of secrets of one kind that are found in one file."""

_CANDIDATES = 300
"""The highest number of places in a file that one shape is tried at."""


class Secret(NamedTuple):
    """What was found, in words, and its line."""

    what: str
    line: int


class _Shape(NamedTuple):
    """The texts that a content has which has such a secret, its pattern, and what decides about a match.

    Of the pattern's groups, the first is the value.
    """

    what: str
    markers: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    is_secret: Callable[[str], bool]


def _is_token(value: str) -> bool:
    return is_random(value, distinct=8)


def _shape(what: str, markers: str, pattern: str, is_secret: Callable[[str], bool] = _is_token) -> _Shape:
    return _Shape(what, tuple(markers.encode().split()), re.compile(pattern.encode()), is_secret)


def _is_mixed_key(value: str) -> bool:
    """Return whether a value is an access key's secret, and no hash in hexadecimal digits."""
    return is_key("AWS_SECRET_ACCESS_KEY", value) and not re.fullmatch("[0-9a-f]+|[0-9A-F]+", value)


def _has_docker_login(value: str) -> bool:
    """Return whether a docker configuration in base64 has a login."""
    return any(what == "a docker login" for _, what, _ in _by_shape(from_base64(value).encode()))


def _is_pem(value: str) -> bool:
    """Return whether the base64 after that of ``-----BEGIN`` goes on as a private key's, which is not empty."""
    content = from_base64(f"LS0tLS1CRUdJTi{value}").encode()
    begin = _PEM.match(content)
    body, end, _ = content[begin.end() if begin else 0 :].partition(b"-----END ")
    return begin is not None and (not end or _is_body(body))


# Emulators of Azure Storage have one key that is public (learn.microsoft.com, "Azurite").
_EMULATOR = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"

_WITH_RUN = (
    _shape("an age private key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1([0-9A-Z]{50,100})"),
    _shape("a Slack token", "xoxb- xoxp- xoxa- xoxr- xoxs-", r"\bxox[abprs]-((?:\d+-)+[A-Za-z0-9]{20,80})"),
    _shape("a Slack app token", "xapp-", r"\bxapp-(\d-[A-Z0-9]+-\d+-[a-f0-9]{30,100})"),
    _shape("a private key in base64", "LS0tLS1CRUdJTi", r"LS0tLS1CRUdJTi([A-Za-z0-9+/]{40,200})", _is_pem),
    _shape(
        "a Slack webhook",
        "hooks.slack.com/services/",
        r"hooks\.slack\.com/services/(T\w{6,20}/B\w{6,20}/[A-Za-z0-9]{20,30})",
    ),
    _shape("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_([A-Za-z0-9]{36,251})\b"),
    _shape("a GitHub token", "github_pat_", r"\bgithub_pat_([A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
    _shape("a Stripe key", "sk_live_ rk_live_", r"\b[sr]k_live_([A-Za-z0-9]{20,250})\b"),
    _shape("an npm token", "npm_", r"\bnpm_([A-Za-z0-9]{36})\b"),
    _shape("a DigitalOcean token", "dop_v1_ doo_v1_", r"\bdo[op]_v1_([a-f0-9]{64})\b"),
    _shape("a Grafana token", "glsa_", r"\bglsa_([A-Za-z0-9]{32})_"),
    _shape("a Shopify token", "shpat_ shpca_ shppa_", r"\bshp(?:at|ca|pa)_([a-fA-F0-9]{32})\b"),
    _shape("a dotenvx key", "DOTENV_PRIVATE_KEY", r"DOTENV_PRIVATE_KEY\w{0,40}=[\"']?([a-f0-9]{64})\b"),
    _shape("a Hugging Face token", "hf_", r"\bhf_([A-Za-z]{34})\b"),
)
_HYPHENATED = (
    _shape(
        "a GitLab token",
        "glpat- gldt- glrt- glptt- glsoat- glft-",
        r"\bgl(?:pat|dt|rt|ptt|soat|ft)-([A-Za-z0-9_-]{20,300})",
    ),
    _shape("a PyPI token", "pypi-AgE", r"\bpypi-AgE([A-Za-z0-9_-]{50,500})"),
    _shape("an Anthropic key", "sk-ant-", r"\bsk-ant-[a-z]+\d\d-([A-Za-z0-9_-]{60,200})"),
    _shape("an OpenAI key", "sk-proj- sk-svcacct-", r"\bsk-(?:proj|svcacct)-([A-Za-z0-9_-]{40,250})"),
)
_ASSIGNED = (
    _shape(
        "an AWS secret access key",
        "ecret_access_key ECRET_ACCESS_KEY ecretAccessKey ecretaccesskey ws_secret_key wsSecretKey WS_SECRET_KEY",
        r"(?i:secret_?access_?key|aws_?secret_?key)[\"']?[ \t]*(?:=>|[:=])[ \t]*[\"']?([A-Za-z0-9/+=_-]{24,200})",
        lambda value: is_key("AWS_SECRET_ACCESS_KEY", value),
    ),
)
_IN_JSON = (
    _shape("a docker login", '"auths"', r'"auth"\s{0,9}:\s{0,9}"([A-Za-z0-9+/]{4,2000}={0,2})"', is_login),
    _shape(
        "a docker login", '"auths"', r'"(?:identity|registry)token"\s{0,9}:\s{0,9}"([^"\s]{20,5000})"', is_password
    ),
    _shape(
        "a Google refresh token", '"refresh_token"', r'"refresh_token"\s{0,9}:\s{0,9}"1//([A-Za-z0-9_-]{30,300})"'
    ),
)
_IN_KUBECONFIG = (
    _shape("a Kubernetes login", "token:", r"\btoken:[ \t]*[\"']?([\w.~+/=-]{20,5000})"),
    _shape("a Kubernetes login", "password:", r"\bpassword:[ \t]*[\"']?([^\s\"'#]+)", is_password),
)
_OTHERS = (
    _shape("a SendGrid key", "SG.", r"\bSG\.([A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"),
    _shape("a Vault token", "hvs. hvb.", r"\bhv[sb]\.([A-Za-z0-9_-]{60,300})"),
    _shape("an Azure client secret", "Q~", r"(?<![\w~.-])([\w~.-]{3}\dQ~[\w~.-]{31,34})(?![\w~.-])"),
    _shape(
        "a docker login",
        ".dockerconfigjson",
        r"\.dockerconfigjson[\"']?:[ \t]*[\"']?([A-Za-z0-9+/=]{20,9000})",
        lambda value: _has_docker_login(value),
    ),
    _shape("a Docker Hub token", "dckr_pat_", r"\bdckr_pat_([A-Za-z0-9_-]{20,60})"),
    _shape(
        "an Azure Storage key",
        "AccountKey=",
        r"AccountKey=([A-Za-z0-9+/]{86}==)",
        lambda value: _is_token(value) and _EMULATOR not in value,
    ),
)

_ALPHANUMERIC = bytes(49 if chr(code).isascii() and chr(code).isalnum() else 32 for code in range(256))
_RUN = b"1" * 20


def _has_long_run(content: bytes) -> bool:
    """Return whether twenty letters and digits follow each other somewhere."""
    return _RUN in content.translate(_ALPHANUMERIC)


_GATES: tuple[tuple[Callable[[bytes], object], tuple[_Shape, ...]], ...] = (
    (_has_long_run, _WITH_RUN),
    (re.compile(rb"-[A-Za-z0-9_-]{20}").search, _HYPHENATED),
    (re.compile(rb"ecret_?[Aa]ccess_?[Kk]ey").search, _ASSIGNED),
    (re.compile(rb"ECRET_ACCESS_KEY").search, _ASSIGNED),
    (re.compile(rb"ws_?[Ss]ecret_?[Kk]ey").search, _ASSIGNED),
    (re.compile(rb"WS_SECRET_KEY").search, _ASSIGNED),
    (re.compile(rb"kind: Config\s*\n").search, _IN_KUBECONFIG),
    (re.compile(rb"\A\s{0,99}\{").search, _IN_JSON),
)
"""What a content has that can have one of these secrets. A look for each of their beginnings would take longer than
docker takes to send the file."""

_PUTTY = re.compile(rb"PuTTY-User-Key-File-\d: ?[\w@.-]+\r?\n")

_PEM = re.compile(rb"-----BEGIN ((?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?)-----")
_LONGEST_KEY = 20_000
_SHORTEST_BODY = 16

_KEY_ID = re.compile(rb"A[KS]IA[A-Z2-7]{16}(?![A-Z0-9])")
_LONG_WORD = re.compile(rb"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NEAR = 400
"""How far an access key's secret is from its id, in bytes."""

_SAMPLES = re.compile(
    r"(?i)(?:^|[/._-])(?:tests?|testing|testdata|fixtures?|specs?|mocks?|e2e|examples?|samples?|dummy|fakes?|snakeoil"
    r"|templates?)(?:[/._-]|$)|__(?:tests|fixtures|mocks)__"
)
"""Paths of files that are made to be shown or tested with."""

PACKAGES = frozenset(
    {"node_modules", "site-packages", "dist-packages", "bower_components", ".venv", "venv", "vendor"}
)
"""Folders of other people's packages, with the keys of their tests."""


def is_sample(path: str) -> bool:
    """Return whether a path in a context says that its keys and tokens are for tests or for show."""
    return _SAMPLES.search(path) is not None


def is_in_package(path: str) -> bool:
    """Return whether a file belongs to a package of somebody else's."""
    return not PACKAGES.isdisjoint(path.split("/"))


def find_secrets(path: str, content: bytes, *, own: bool | None = None) -> list[Secret]:
    """Return the first secrets in the content of a text file, which is named ``path`` in its context.

    The content is UTF-8, UTF-16 or UTF-32. Of a binary content, only a private key is found. ``own`` is whether the
    file is neither a package's nor a sample, if that is known.
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    if encoding := wide_encoding(content):
        content = content.decode(encoding, "replace").encode("utf-8", "replace")
    found: list[tuple[int, str]] = []
    if own is None:
        own = not is_in_package(path) and not is_sample(path)
    if own:
        if what := find_binary_key(content):
            return [Secret(what, 1)]
        if b"\0" in content[:8000]:
            return []
        found += ((position, what) for position, what, _ in _by_shape(content))
    found += find_passwords(path, content)
    return lines_of(content.decode("latin-1"), found) if found else []


def find_texts(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield each secret's position in a text, what it is, and the secret itself, which must not be shown."""
    return _by_shape(content)


def lines_of(text: str, found: Iterable[tuple[int, str]]) -> list[Secret]:
    """Return the lines of what was found at these positions: of one line the first, of one kind the first few."""
    lines: dict[int, Secret] = {}
    counts = Counter[str]()
    line, counted = 1, 0
    for position, what in sorted(found):
        if counts[what] == _SHOWN:
            continue
        line += text.count("\n", counted, position)
        counted = position
        if lines.setdefault(line, Secret(what, line)).what == what:
            counts[what] += 1
    return list(lines.values())


def wide_encoding(content: bytes) -> str | None:
    """Return the encoding of a text in UTF-16 or UTF-32, by its mark or by its first characters; else None."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = content[:64]
    if b"\0" not in head or len(head) < 8:
        return None
    even, odd = any(head[::2]), any(head[1::2])
    if even == odd:
        return None
    is_utf_32 = not any(head[2::4] if even else head[1::4])
    return f"utf-{32 if is_utf_32 else 16}-{'le' if even else 'be'}"


def _by_shape(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield the position of each secret, what it is, and its text."""
    passed = [shapes for has_one, shapes in _GATES if has_one(content)]
    for shapes in (*passed, _OTHERS):
        for shape in shapes:
            for marker in shape.markers:
                if marker in content:
                    break
            else:
                continue
            for match in islice(shape.pattern.finditer(content), _CANDIDATES):
                if shape.is_secret(_text(match[1])):
                    yield match.start(1), shape.what, _text(match[1])
    if _PUTTY.match(content):
        yield 0, "a PuTTY private key", _text(content)
    if b"PRIVATE KEY" in content:
        for match in islice(_PEM.finditer(content), _CANDIDATES):
            end = content.find(b"-----END %b-----" % match[1], match.end(), match.end() + _LONGEST_KEY)
            if end > 0 and _is_body(body := content[match.end() : end]):
                yield match.start(), "a private key", _text(body).strip()
    if _WITH_RUN in passed:
        yield from _key_pairs(content)


def _is_body(body: bytes) -> bool:
    """Return whether a PEM block's body is a key's: base64 in lines, or with the signs of line breaks in a text."""
    lines = re.split(rb"[\s\"'+,\\]+(?:[nr]\b)?|\\[nr]", body)
    text = b"".join(line for line in lines if re.fullmatch(rb"[A-Za-z0-9/+]{4,}={0,2}", line))
    return len(text) >= _SHORTEST_BODY and len(set(text)) > 7 and not is_placeholder(_text(text[:80]))


def _key_pairs(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield the ids of access keys that have a secret near them."""
    for match in islice(_KEY_ID.finditer(content), _CANDIDATES):
        if find_key_id(_text(match[0])):
            near = content[max(0, match.start() - _NEAR) : match.end() + _NEAR]
            if any(_is_mixed_key(_text(word[0])) for word in _LONG_WORD.finditer(near)):
                yield match.start(), "an AWS access key", _text(match[0])


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
