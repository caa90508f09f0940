"""The fixtures of real git repositories."""

from __future__ import annotations

from tests.support.repo import Repo, empty, environ, repo

__all__ = ["Repo", "empty", "environ", "repo"]
