"""Whether the credentials may remove tags, which takes a call to know."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from threading import Lock

from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import Denied
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG


class UntagRights:
    """What is known of a registry's repositories; each is asked about once, also by several threads."""

    def __init__(self, untag: Callable[[Repository, str], object]) -> None:
        self._untag = untag
        self._lock = Lock()
        self._asked: dict[str, Callable[[], bool]] = {}

    def of(self, repository: Repository) -> bool:
        """Return whether tags of a repository may be removed. Raises the error that leaves it unknown."""
        with self._lock:
            ask = self._asked.get(repository.name) or begin(partial(self._ask, repository))
            self._asked[repository.name] = ask
        return ask()

    def _ask(self, repository: Repository) -> bool:
        try:
            self._untag(repository, f"{TURN_TAG}{secrets.token_hex(8)}")  # a missing tag is no error
        except Denied:
            return False
        return True
