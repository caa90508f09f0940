"""Names that the server and those who control it must agree on."""

from __future__ import annotations

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"

PUBLIC_REGION = "public"
"""What the public registry has for a region."""

PUBLIC_ALIAS = "local"
"""The public registry's alias, which stands before its repositories' names."""

STATUS_PATH = "/_local/status"
RESET_PATH = "/_local/reset"
STOP_PATH = "/_local/stop"

ADMIN_HEADER = "X-Local-Ecr"
"""Must be sent with a reset or stop: a page in a browser cannot send it unasked, and asking is never granted."""

LOCK_FILE = "serving.lock"
"""Held by a server for as long as it lives, so that a folder has one server."""

REPLICATION_SETTING = "replication"
"""The name of a registry's setting that has its replication rules; not there while there have never been any."""

FURTHER_FILE = "registries.json"
"""The further registries of a folder, with their ports; not there while there has never been one."""

SERVING_FILE = "serving.json"
"""Where the folder's server is, or last was: ``store``, ``pid``, ``endpoint``, ``port``."""
