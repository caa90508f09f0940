"""Constants that the server shares with the programs that control it."""

from __future__ import annotations

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"

PUBLIC_REGION = "public"
"""The region that stands for the public registry."""

PUBLIC_ALIAS = "local"
"""The public registry's alias, which stands before its repositories' names."""

STATUS_PATH = "/_local/status"
RESET_PATH = "/_local/reset"
STOP_PATH = "/_local/stop"

CONTENTS_PATH = "/_local/contents"
IMAGES_PATH = "/_local/images"
REQUESTS_PATH = "/_local/requests"

ADMIN_HEADER = "X-Local-Ecr"
"""Required for a reset or a stop, with ``auth.admin_token``: only who can read the data folder can make it."""

SECRET_FILE = "secret"  # noqa: S105  (a file's name)
"""The random bytes with which all tokens are signed; for the owner alone."""

STORE_FILE = "store.sqlite3"
"""A registry's database, in its folder."""

LOCK_FILE = "serving.lock"
"""Locked by a server while it runs, so that a folder has only one server."""

SERVING_FILE = "serving.json"
"""The file that describes the folder's server, or the last one: ``store``, ``pid``, ``endpoint``, ``port``."""

REFUSED = 3
"""The exit code of a server that cannot start and has printed why and what helps, a line each."""
