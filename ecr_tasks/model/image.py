"""An image to build and publish, in buildx's terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ecr_tasks.model.manifest import INPUTS_DIGITS, INPUTS_TAG
from ecr_tasks.model.tag import Tag

Keep = Literal["store", "builder"]
"""Where a build's result stays: in the engine's image store, or with the builder that made it."""

Files = Mapping[str, tuple[str, str]]
"""A folder's files: path → git's kind of it (file, exec, link), and the hash of its content."""

_LEVEL = re.compile(r"^(?:manifest|index|manifest-descriptor|index-descriptor)(?:\[[^\]]*\])?(?:,[^:]*)?:")
"""An annotation key's level, as buildx has it: ``index:``, ``manifest[linux/arm64]:``, ``index,manifest:``."""


@dataclass(frozen=True)
class BuildDefinition:
    """Everything that decides an image's bytes, and the cache that may speed it up.

    ``args`` may hold values that must not be printed; ``secrets`` and ``ssh`` only say where to find them.
    ``extra`` is whatever else a bake target says (``no-cache``, ``shm-size``, …), handed on untouched.
    """

    context: str
    dockerfile: str | None = None
    target: str | None = None
    platforms: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict, repr=False)
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    attest: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attests(self) -> bool:
        """Whether attestations are asked for; a disabled one is none."""
        return any("disabled=true" not in entry for entry in self.attest)

    @property
    def makes_index(self) -> bool:
        """Whether the result is an index: several platforms, or attestations beside the image."""
        return len(self.platforms) > 1 or self.attests

    @property
    def manifests(self) -> int:
        """How many manifests it makes: each platform's, one of attestations beside each, the index around them."""
        platforms = max(1, len(self.platforms))
        return platforms * (2 if self.attests else 1) + (1 if self.makes_index else 0)

    def annotation_entries(self) -> tuple[str, ...]:
        """The annotations in buildx's syntax: on every manifest, and on the index where there is one.

        BuildKit refuses ``index:`` where it makes none. A key that names its level (``index:team``) keeps it.
        """
        everywhere = "index,manifest:" if self.makes_index else "manifest:"
        return tuple(
            f"{'' if _LEVEL.match(key) else everywhere}{key}={value}" for key, value in self.annotations.items()
        )


@dataclass(frozen=True)
class BuildInput:
    """One image to build: its definition, the names it gets and where it stays."""

    name: str
    definition: BuildDefinition
    references: tuple[str, ...]
    keep: Keep = "store"
    push: bool = False


@dataclass(frozen=True)
class Inputs:
    """The digest of all inputs, and of those that a commit decides (``tracked``); ``unknown`` says why there is none.

    ``unshared`` are files of the context that git ignores, so other machines may not have them. ``local`` is the
    digest of the inputs on this machine, ``files`` are the context's.
    """

    digest: str | None = None
    tracked: str | None = None
    unknown: str | None = None
    unshared: tuple[str, ...] = ()
    local: str | None = None
    files: Files = field(default_factory=dict, repr=False, compare=False)

    @property
    def tag(self) -> str | None:
        """The tag by which an image with these inputs is found."""
        return f"{INPUTS_TAG}{self.digest.removeprefix('sha256:')[:INPUTS_DIGITS]}" if self.digest else None


@dataclass(frozen=True)
class Image:
    """One image to publish: what it is called, where it goes and what it is made of."""

    name: str
    repository: str
    definition: BuildDefinition
    tags: tuple[Tag, ...]
    bare: BuildDefinition | None = None
    """The definition as settings and bake file have it, without what git, CI and the commit's time add."""
    inputs: Inputs | None = None
    """What it is made of, where that decides (ECR_SKIP=content)."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The tags that the registry is asked for."""
        found = self.inputs.tag if self.inputs else None
        return (*(tag.name for tag in self.tags), *([found] if found else []))
