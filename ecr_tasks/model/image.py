"""An image to build and publish, in buildx's terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ecr_tasks.model.manifest import INPUTS_DIGITS, INPUTS_TAG, VERSION
from ecr_tasks.model.tag import Tag

Keep = Literal["store", "builder"]
"""Where a build's result stays: in the engine's image store, or with the builder that made it."""

Files = Mapping[str, tuple[str, str]]
"""A folder's files: path → git's kind of it (file, exec, link), and the hash of its content."""

_SPECIFICITY = ("schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha")
"""Rule types, the most specific first: the priorities of docker/metadata-action."""

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
        """The number of manifests: each platform's, one of attestations beside each, the index around them."""
        return max(1, len(self.platforms)) * (1 + self.attests) + self.makes_index

    def annotation_entries(self) -> tuple[str, ...]:
        """Return the annotations in buildx's syntax: on every manifest, and on the index where there is one.

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
    """One image to publish: its name, its repository and what it is built from.

    ``bare`` is the definition as settings and bake file have it, without what git, CI and the commit's time add.
    ``inputs`` are known where they decide about the build (ECR_SKIP=content).
    """

    name: str
    repository: str
    definition: BuildDefinition
    tags: tuple[Tag, ...]
    bare: BuildDefinition | None = None
    inputs: Inputs | None = None

    @property
    def tag_names(self) -> tuple[str, ...]:
        """The names of the tags that the registry is asked for, the tag of the inputs included."""
        inputs_tag = self.inputs.tag if self.inputs else None
        return (*(tag.name for tag in self.tags), *([inputs_tag] if inputs_tag else []))

    @property
    def version(self) -> str | None:
        """The version that the tag rules name, else the tag whose rule is the most specific."""
        label = self.definition.labels.get(VERSION)
        if label or not self.tags:
            return label or None
        return min(self.tags, key=_specificity).name


def _specificity(tag: Tag) -> int:
    """Return the rank of a tag's rule type; the first one is the most specific."""
    rule_type = next((part[5:] for part in tag.rule.split(",") if part.startswith("type=")), "")
    return _SPECIFICITY.index(rule_type) if rule_type in _SPECIFICITY else len(_SPECIFICITY)
