"""Names that the server and its controllers must agree on."""

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

ADMIN_HEADER = "X-Local-Ecr"
"""Must be sent with a reset or a stop: a web page cannot send it without a permission that is never granted."""

LOCK_FILE = "serving.lock"
"""Held by a server for as long as it lives, so that a folder has one server."""

SERVING_FILE = "serving.json"
"""Where the folder's server is, or last was: ``store``, ``pid``, ``endpoint``, ``port``."""
