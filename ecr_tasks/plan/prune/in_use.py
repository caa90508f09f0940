"""Which images are in use: from references that are configured somewhere, and policies that let others pull."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import SettingsError
from ecr_tasks.model.ecr_host import host_of
from ecr_tasks.model.registry import wildcard_matches
from ecr_tasks.model.running import Use

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PULLS = ("ecr:batchgetimage", "ecr:getdownloadurlforlayer")
"""The actions of a pull, in lower case, as IAM compares them; it knows ``*`` and ``?`` anywhere in an action."""

_WHO = ("aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourcearn", "aws:sourceowner")
_IS = ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike")
"""The keys that tell who asks, and the operators by which only the named ones may: ``…IfExists`` lets in whoever has
no such key, ``…Not…`` everybody else (IAM user guide, condition operators and global condition keys).
"""

_ACCOUNT = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")


def in_use(uses: Iterable[Use], repositories: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what uses an image, by digest and by tag; ``repositories`` are the names of ours and of its copies.

    A digest counts whatever the repository: it is the same image. A reference without a tag means ``latest``.
    """
    digests: dict[str, str] = {}
    tags: dict[str, str] = {}
    for use in uses:
        for digest in _DIGEST.findall(f"{use.reference} {use.digest or ''}"):
            digests.setdefault(digest, use.where)
        name, at, _ = use.reference.partition("@")
        host = host_of(name)
        name = name.removeprefix(f"{host}/") if host else name
        path, colon, tag = name.rpartition(":")
        if (path if colon else name) in repositories and (colon or not at):
            tags.setdefault(tag if colon else "latest", use.where)
    return digests, tags


def parse_references(text: str, where: str) -> tuple[Use, ...]:
    """Parse references of images, with blanks, commas or line breaks between them.

    Raises SettingsError for a word that is none, and for a text without any: a command that failed may have left it.
    """
    words = [
        re.sub(r"^(?:docker-pullable|docker|https?)://", "", word)
        for word in re.split(r"[\s,\"'\[\]]+", text)
        if word
    ]
    if strange := next((word for word in words if not re.search(r"[/:@]", word)), None):
        raise SettingsError(
            f"{strange[:80]!r} in {where} is no reference of an image.",
            "Write references such as host/repository:tag or host/repository@sha256:…, with blanks between them.",
        )
    if not words:
        raise SettingsError(
            f"{where} names no image, so nothing would be known to run.",
            "See whether what wrote it failed; leave --running out if nothing runs elsewhere.",
        )
    return tuple(Use(word, f"named in {where}") for word in words)


def others_let_in(policy: str, account: str, name: str) -> tuple[str, ...]:
    """Return the other accounts that a repository's or the registry's policy lets pull from a repository.

    ``*`` is everybody. A statement of the registry's that names other repositories alone lets nobody in. Whatever
    can't be understood counts as letting others in.
    """
    try:
        statements = parse_json(policy).get("Statement", [])
        statements = statements if isinstance(statements, list) else [statements]
        found: set[str] = set()
        for statement in statements:
            if _is_about(statement, name):
                found |= _let_in_by(statement, account)
    except (ValueError, AttributeError, TypeError):
        return ("*",)
    return tuple(sorted(found))


def _is_about(statement: Any, name: str) -> bool:
    resources = [*_texts(statement.get("Resource"))]
    about = (text.partition(":repository/")[2] for text in resources)
    return not resources or any("?" in text or not text or wildcard_matches(text, name) for text in about)


def _let_in_by(statement: Any, account: str) -> set[str]:
    if statement.get("Effect") != "Allow":
        return set()
    actions = statement.get("Action")
    actions = [actions] if isinstance(actions, str) else actions or []
    if "NotAction" not in statement and not any(_may_pull(action) for action in actions):
        return set()
    principal = statement.get("Principal")
    names = [principal] if isinstance(principal, str) else list(_texts(principal))
    condition = statement.get("Condition")
    accounts = {found for text in (*names, *_texts(condition)) for found in _ACCOUNT.findall(text)}
    is_open = principal is None or any(name == "*" for name in names)
    others = accounts - {account}
    return others or ({"*"} if is_open and not _names_only(condition or {}, account) else set())


def _may_pull(action: str) -> bool:
    return any(fnmatchcase(pull, action.lower()) for pull in _PULLS)


def _names_only(condition: Any, account: str) -> bool:
    """Return whether a condition lets in nobody but an account and what is in it."""
    return any(
        operator.lower() in _IS and key.lower() in _WHO and all(account in text for text in _texts(wanted))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _texts(value: Any) -> Iterable[str]:
    """Yield all texts in a JSON value, however deep, but not the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
