"""TODO."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """The builder that would build, and the image store it would load into.

    ``containerd_store`` tells the two stores apart: only containerd's holds indexes and attestations.
    ``driver`` is buildx's: ``docker`` builds inside the engine, the others beside it.
    """

    version: str
    containerd_store: bool
    platform: str
    builder: str
    driver: str
