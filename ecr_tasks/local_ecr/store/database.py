"""The SQLite file: its tables, and one connection that all threads share under a lock."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import contextmanager

from ..errors import LocalEcrError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

_SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE repository (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL,
    mutability TEXT NOT NULL, filters TEXT NOT NULL, scan_on_push INTEGER NOT NULL, encryption TEXT NOT NULL,
    tags TEXT NOT NULL, policy TEXT, lifecycle TEXT, preview TEXT
);
CREATE TABLE layer (
    repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE, digest TEXT NOT NULL,
    size INTEGER NOT NULL, since REAL NOT NULL, PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX layer_digest ON layer (digest);
CREATE TABLE upload (
    id TEXT PRIMARY KEY, repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
    created REAL NOT NULL, last_part INTEGER, small_part INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE image (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
    digest TEXT NOT NULL, raw BLOB NOT NULL, media_type TEXT NOT NULL, kind TEXT, is_image INTEGER NOT NULL,
    subject TEXT, annotations TEXT NOT NULL, size INTEGER NOT NULL, pushed REAL NOT NULL, pulled REAL,
    scan TEXT, UNIQUE (repository, digest)
);
CREATE INDEX image_subject ON image (repository, subject) WHERE subject IS NOT NULL;
CREATE TABLE tag (
    repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE, name TEXT NOT NULL,
    image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE, PRIMARY KEY (repository, name)
) WITHOUT ROWID;
CREATE INDEX tag_image ON tag (image);
CREATE TABLE uses_layer (
    image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE, digest TEXT NOT NULL,
    repository INTEGER NOT NULL, PRIMARY KEY (image, digest)
) WITHOUT ROWID;
CREATE INDEX uses_layer_digest ON uses_layer (repository, digest);
CREATE TABLE child (
    image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE, digest TEXT NOT NULL,
    repository INTEGER NOT NULL, PRIMARY KEY (image, digest)
) WITHOUT ROWID;
CREATE INDEX child_digest ON child (repository, digest);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE session (access_key TEXT PRIMARY KEY, arn TEXT NOT NULL, user_id TEXT NOT NULL) WITHOUT ROWID;
"""


def stored_json(text: str) -> Any:
    """Return the value of a JSON text that was stored. Raises sqlite3.DatabaseError if it is damaged."""
    try:
        return json.loads(text)
    except ValueError:
        raise sqlite3.DatabaseError("a value is damaged") from None


_TABLES = {line.split()[2] for line in _SCHEMA.splitlines() if line.startswith("CREATE TABLE")}


class Database:
    """One connection for the whole process; transactions of different threads run one after the other.

    WAL with ``synchronous=NORMAL``: a commit is a write to the log without a sync, which the operating system
    keeps when the process is killed, and the file stays whole (if a little older) even when power fails.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        # SQLite gives its log and index the mode of the file, so the file is created first.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            self._connection, version = _open(path)
        except (sqlite3.Error, UnicodeError) as error:  # sqlite3 decodes what a damaged file calls its tables
            raise LocalEcrError(
                f"The local ECR can't read its store {path}: {error}.",
                "Make room or give write access there; if it is damaged, run local.reset, which empties the store.",
            ) from error
        if version != _SCHEMA_VERSION:
            self._connection.close()
            raise LocalEcrError(
                f"{path} was written by another version of the local ECR (schema {version}).",
                "Use that version, or run local.reset, which empties the store.",
            )

    @property
    def changes(self) -> int:
        """The number of rows that were changed since this was opened."""
        return self._connection.total_changes

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the ``with`` block as one transaction. Nested transactions join the outermost."""
        with self._lock:
            if self._depth:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def execute(self, statement: str, *values: Any) -> None:
        """Change the data by one statement, in a transaction of its own or in the one that is open."""
        with self.transaction() as connection:
            connection.execute(statement, values)

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
            return row

    def column(self, query: str, *values: Any) -> list[Any]:
        """Return the first column of a query."""
        return [row[0] for row in self.rows(query, *values)]

    def value(self, query: str, *values: Any) -> Any:
        """Return the first column of a query's first row, or None."""
        row = self.row(query, *values)
        return None if row is None else row[0]

    def setting(self, name: str) -> str | None:
        """Return a setting of the registry itself, by name; None if it is not set."""
        value: str | None = self.value("SELECT value FROM setting WHERE name = ?", name)
        return value

    def set(self, name: str, value: str) -> None:
        """Set a setting of the registry itself."""
        self.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, value)

    def close(self) -> None:
        """Merge the write-ahead log into the file and close it."""
        with self._lock:
            self._connection.close()


def _open(path: Path) -> tuple[sqlite3.Connection, int]:
    """Return a connection, and the version of the tables, which are created in a new file. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN;{_SCHEMA};PRAGMA user_version={_SCHEMA_VERSION};COMMIT;")
            return connection, _SCHEMA_VERSION
        connection.execute("BEGIN IMMEDIATE")  # fails at once where the file can't be written
        connection.execute("ROLLBACK")
        (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if finding != "ok" or (version == _SCHEMA_VERSION and not tables >= _TABLES):
            raise sqlite3.DatabaseError("tables are missing" if finding == "ok" else finding.splitlines()[-1])
    except BaseException:
        connection.close()
        raise
    return connection, version
