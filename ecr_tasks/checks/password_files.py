"""Find passwords in files that are there for them, known by the file's name."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from itertools import islice

from ecr_tasks.checks.key_shapes import is_placeholder

_CANDIDATES = 300

_JOB_USERS = ("gitlab-ci-token", "x-access-token:ghs_")
"""The beginnings of logins that a CI's runner writes into .git/config, which end with the job."""


def is_password(value: str) -> bool:
    """Return whether a value in a place for passwords is one: neither empty, a reference nor a placeholder."""
    return len(value) > 3 and not is_placeholder(value) and not re.match(r"\$|%|<|\{|\*+$|x+$|\.+$", value, re.I)


def is_login(value: str) -> bool:
    """Return whether a value is a user's name and a password in base64."""
    login = from_base64(value)
    user, colon, password = login.partition(":")
    return bool(user and colon and is_password(password))


def _is_lasting_login(value: str) -> bool:
    return is_login(value) and not from_base64(value).startswith(_JOB_USERS)


def from_base64(value: str) -> str:
    """Return the text that a value in base64 stands for, of which the end may be cut off; empty if it is none."""
    try:
        return b64decode(value[: len(value) // 4 * 4]).decode("utf-8", "replace")
    except ValueError:
        return ""


_Rule = tuple[str, re.Pattern[bytes], Callable[[str], bool]]

_ADDRESS: _Rule = ("a password", re.compile(rb"://(?!gitlab-ci-token:)[^/\s:@]*:([^@\s/]+)@"), is_password)
_NETRC: _Rule = ("a password", re.compile(rb"\bpassword\s+(\S+)"), is_password)


def _registry(pattern: bytes, what: str = "a registry's password") -> _Rule:
    return what, re.compile(pattern), is_password


_OF_FILES: dict[str, tuple[_Rule, ...]] = {
    ".npmrc": (_registry(rb"(?:_authToken|_auth|_password)[ \t]*=[ \t]*\"?([^\s\"#;]+)"),),
    ".yarnrc": (_registry(rb"(?:_authToken|_auth|_password)\"?[ \t]+\"?([^\s\"#]+)"),),
    ".yarnrc.yml": (_registry(rb"npmAuth(?:Token|Ident)[ \t]*:[ \t]*[\"']?([^\s\"'#]+)"),),
    ".pypirc": (_registry(rb"(?m)^[ \t]*password[ \t]*[=:][ \t]*(\S+)"),),
    "settings.xml": (_registry(rb"<server>(?:(?!</server>)[^\0]){0,2000}?<password>([^<\s]+)</password>"),),
    ".netrc": (_NETRC,),
    "_netrc": (_NETRC,),
    ".pgpass": (_registry(rb"(?m)^[^#:\n]+:[^:\n]*:[^:\n]*:[^:\n]*:(\S+)", "a password"),),
    ".git-credentials": (_ADDRESS,),
    ".git/config": (
        _ADDRESS,
        ("a password", re.compile(rb"(?i)\bauthorization: basic ([A-Za-z0-9+/]{8,2000}={0,2})"), _is_lasting_login),
    ),
    "pip.conf": (_ADDRESS,),
    "pip.ini": (_ADDRESS,),
    ".dockercfg": (("a docker login", re.compile(rb'"auth"\s*:\s*"([A-Za-z0-9+/]{4,2000}={0,2})"'), is_login),),
    ".vault-token": (_registry(rb"^(\S{20,})\s*$", "a Vault token"),),
    "credentials.tfrc.json": (_registry(rb'"token"\s*:\s*"([^"\s]{10,})"', "a Terraform token"),),
    "master.key": (_registry(rb"^([0-9a-f]{32,64})\s*$", "Rails' master key"),),
}
"""What a password looks like in files that are there for them, by the file's name or its last two names."""


def is_password_file(path: str) -> bool:
    """Return whether a file, by its name, is there for passwords."""
    return _rules(path) is not None


def find_passwords(path: str, content: bytes) -> Iterator[tuple[int, str]]:
    """Yield each password's position and what it is, in a file that is there for them.

    The position is its end, so that a service's token in it, which says more, comes first.
    """
    for what, pattern, is_secret in _rules(path) or ():
        for match in islice(pattern.finditer(content), _CANDIDATES):
            if is_secret(match[1].decode("utf-8", "replace")):
                yield match.end(1), what


def _rules(path: str) -> tuple[_Rule, ...] | None:
    folder, _, name = path.rpartition("/")
    if name == "config":
        name = f"{folder.rpartition('/')[2]}/{name}"
    return _OF_FILES.get(name)
