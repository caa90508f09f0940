"""Repositories and their settings."""

from __future__ import annotations

import json
import sqlite3
import time

from .. import quotas
from ..errors import EcrError
from .database import stored_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Database


class Repository:
    """A repository of the registry ``account``, as it was at the time of reading.

    ``texts`` has its policies by column; ``sentence`` is its name in ECR's messages, ``members`` in responses.
    """

    def __init__(self, row: sqlite3.Row, account: str) -> None:
        self.id: int = row["id"]
        self.name: str = row["name"]
        self.created: float = row["created"]
        self.mutability: str = row["mutability"]
        self.filters: list[str] = stored_json(row["filters"])
        self.scan_on_push = bool(row["scan_on_push"])
        self.encryption: dict[str, str] = stored_json(row["encryption"])
        self.tags: dict[str, str] = stored_json(row["tags"])
        self.texts: dict[str, str | None] = {name: row[name] for name in ("policy", "lifecycle", "preview")}
        self.members = {"registryId": account, "repositoryName": self.name}
        self.sentence = f"repository with name '{self.name}' in the registry with id '{account}'"


class Repositories:
    """All repositories of the registry ``account``."""

    def __init__(self, db: Database, account: str) -> None:
        self._db = db
        self._account = account

    def not_found(self, name: str, account: str | None = None) -> EcrError:
        """Return the RepositoryNotFoundException for a name, with ECR's message."""
        return EcrError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{account or self._account}'",
        )

    def create(
        self,
        name: str,
        *,
        mutability: str = "MUTABLE",
        filters: list[str] | None = None,
        scan_on_push: bool = False,
        encryption: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> Repository:
        """Create a repository. Raises RepositoryAlreadyExistsException, LimitExceededException."""
        documents = (filters or [], scan_on_push, encryption or {"encryptionType": "AES256"}, tags or {})
        try:
            with self._db.transaction():
                self._db.execute(
                    "INSERT INTO repository (name, created, mutability, filters, scan_on_push, encryption, tags)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    *(name, time.time(), mutability),
                    *(_column(document) for document in documents),
                )
                if self._db.value("SELECT count(*) FROM repository") > quotas.REPOSITORIES:
                    whose = f"registry with id '{self._account}'"
                    raise quotas.exceeded(whose, "repositories", quotas.REPOSITORIES)
        except sqlite3.IntegrityError:
            raise EcrError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{self._account}'",
            ) from None
        return self.get(name)

    def find(self, name: str) -> Repository | None:
        """Return the repository of this name, or None."""
        row = self._db.row("SELECT * FROM repository WHERE name = ?", name)
        return None if row is None else Repository(row, self._account)

    def get(self, name: str) -> Repository:
        """Return the repository of this name. Raises RepositoryNotFoundException."""
        repository = self.find(name)
        if repository is None:
            raise self.not_found(name)
        return repository

    def all(self) -> list[Repository]:
        """Return all repositories, by name."""
        return [Repository(row, self._account) for row in self._db.rows("SELECT * FROM repository ORDER BY name")]

    def names(self, after: str, limit: int) -> list[str]:
        """Return at most ``limit`` names of repositories that come after a name, in the order of their bytes."""
        return self._db.column("SELECT name FROM repository WHERE name > ? ORDER BY name LIMIT ?", after, limit)

    def update(self, repository: Repository, **columns: Any) -> None:
        """Set columns of the repository's row; lists and dicts are stored as JSON."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        statement = f"UPDATE repository SET {assignments} WHERE id = ?"  # noqa: S608  (our own column names)
        self._db.execute(statement, *map(_column, columns.values()), repository.id)

    def delete(self, repository: Repository, *, force: bool) -> None:
        """Delete a repository with everything in it. Raises RepositoryNotEmptyException unless forced."""
        with self._db.transaction():
            if not force and self._db.value("SELECT 1 FROM image WHERE repository = ? LIMIT 1", repository.id):
                raise EcrError(
                    "RepositoryNotEmptyException",
                    f"The repository with name '{repository.name}' in registry with id '{self._account}' "
                    "cannot be deleted because it still contains images",
                )
            self._db.execute("DELETE FROM repository WHERE id = ?", repository.id)


def _column(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, dict)) else value
