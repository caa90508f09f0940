"""The error for inputs of a build that are unknown before it runs."""

from __future__ import annotations


class Unknown(Exception):
    """An input can't be known before the build. The message is a clause that can follow "because" or a comma."""
