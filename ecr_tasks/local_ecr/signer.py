"""Managed signing: which images the registry's signing configuration covers, and what became of each.

As in ECR only images that are pushed after the configuration was put are signed, once for each signing profile whose
rule matches the repository. Nothing here can make AWS Signer's signature: an image has the status alone. What it
comes to is COMPLETE, unless ``signing.json`` in the data folder, a list of rules of which the first match counts,
says otherwise::

    [{"repository": "team/*", "status": "FAILED", "code": "AccessDeniedException", "reason": "…", "polls": 2}]

``polls`` is how many times DescribeImageSigningStatus answers IN_PROGRESS before. Every member is optional.
"""

from __future__ import annotations

import json

from .errors import EcrError
from .json_text import parse_json
from .store.database import stored_json
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from .store import Store
    from .store.images import Image
    from .store.repositories import Repository

FILE = "signing.json"
SETTING = "signing configuration"
"""The name of the registry's signing configuration among the settings of a store."""

_STATUSES = ("IN_PROGRESS", "COMPLETE", "FAILED")
_MEMBERS = {"repository", "status", "code", "reason", "polls"}
_TABLE = """CREATE TABLE IF NOT EXISTS signing (
    image INTEGER PRIMARY KEY REFERENCES image ON DELETE CASCADE, statuses TEXT NOT NULL, polls INTEGER NOT NULL
)"""  # made at its first use: stores of earlier versions lack it


class Signer:
    """Records what the managed signing of each image came to."""

    def __init__(self, root: Path, store: Store) -> None:
        self._file = root / FILE
        self._store = store

    def on_push(self, repository: Repository, image: Image) -> None:
        """Sign an image that was just pushed with each profile whose rule matches its repository."""
        text = self._store.db.setting(SETTING)
        profiles = _profiles(stored_json(text), repository.name) if text is not None else []
        if not profiles:
            return
        rule = self._rule(repository)
        status = rule.get("status", "COMPLETE")
        failure = {
            "failureCode": rule.get("code", "InternalFailure"),
            "failureReason": rule.get("reason", "It failed."),
        }
        entry = {"status": status, **(failure if status == "FAILED" else {})}
        statuses = [{"signingProfileArn": profile, **entry} for profile in profiles]
        self._store.db.execute(_TABLE)
        self._store.db.execute(
            "INSERT OR REPLACE INTO signing VALUES (?, ?, ?)",
            image.id,
            json.dumps(statuses),
            int(rule.get("polls", 0)),
        )

    def statuses(self, image: Image) -> list[dict[str, str]]:
        """Return an image's ImageSigningStatus of each profile; this counts as one of the rule's ``polls``."""
        self._store.db.execute(_TABLE)
        row = self._store.db.row("SELECT statuses, polls FROM signing WHERE image = ?", image.id)
        if row is None:
            return []
        statuses: list[dict[str, str]] = stored_json(row["statuses"])
        if row["polls"] > 0:
            self._store.db.execute("UPDATE signing SET polls = polls - 1 WHERE image = ?", image.id)
            profiles = [status["signingProfileArn"] for status in statuses]
            return [{"signingProfileArn": profile, "status": "IN_PROGRESS"} for profile in profiles]
        return statuses

    def _rule(self, repository: Repository) -> dict[str, Any]:
        try:
            rules = check_signing_rules(parse_json(self._file.read_bytes()))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise EcrError("ServerException", f"{self._file} is not JSON: {error}", status=500) from None
        return next((rule for rule in rules if matches(rule.get("repository", "*"), repository.name)), {})


def check_signing_rules(rules: Any) -> list[dict[str, Any]]:
    """Return the content of ``signing.json`` if it is valid. Raises ServerException, with the reason."""
    problem = ""
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise EcrError("ServerException", f"{FILE} of the local ECR: it must be a list of rules.", status=500)
    for rule in rules:
        if unknown := set(rule) - _MEMBERS:
            problem = f"a rule has no {', '.join(sorted(unknown))}"
        elif rule.get("status", "COMPLETE") not in _STATUSES:
            problem = f"{rule['status']} is no status; there are {', '.join(_STATUSES)}"
        elif not isinstance(rule.get("polls", 0), int):
            problem = "polls must be a number"
    if problem:
        raise EcrError("ServerException", f"{FILE} of the local ECR: {problem}.", status=500)
    return rules


def _profiles(configuration: dict[str, Any], name: str) -> list[str]:
    """Return the profiles whose rule matches a repository, each once; a rule without filters matches all."""
    matching = (
        rule["signingProfileArn"]
        for rule in configuration["rules"]
        if not rule.get("repositoryFilters")
        or any(matches(item["filter"], name) for item in rule["repositoryFilters"])
    )
    return list(dict.fromkeys(matching))
