"""The fixtures of real git repositories."""

from __future__ import annotations

from tests.support.repo import empty, environ, repo

__all__ = ["empty", "environ", "repo"]
