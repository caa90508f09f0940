"""TODO."""

from __future__ import annotations


class Unknown(Exception):
    """Something that can't be known before the build; ``reason`` is words that follow "because" or a comma."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
