"""The settings of a whole registry, by the names that ECR's API gives them, and what is to change in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, Literal, get_args

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.repository import Difference

Part = Literal[
    "accountSettings",
    "registryPolicy",
    "repositoryCreationTemplates",
    "pullThroughCacheRules",
    "scanningConfiguration",
    "signingConfiguration",
    "replicationConfiguration",
    "pullTimeUpdateExclusions",
]
"""A part of the settings, in the order in which parts are shown and set: a policy can need an account setting."""

PARTS: tuple[Part, ...] = get_args(Part)

KEYS: Mapping[Part, str] = MappingProxyType(
    {"repositoryCreationTemplates": "prefix", "pullThroughCacheRules": "ecrRepositoryPrefix"}
)
"""The parts that are lists of items with a name, and the member that has it."""

POLICIES = ("repositoryPolicy", "lifecyclePolicy")
"""The members of a creation template that are JSON texts in the API, and documents here."""


@dataclass(frozen=True)
class RegistryState:
    """The settings of one registry.

    ``parts`` are JSON values without what only ECR writes (times, the registry's id); a policy is a document, and
    None where there is none. ``backfills`` are ListReplicationBackfills' summaries. ``unasked`` has, for each part
    that these credentials may not ask for, why.
    """

    parts: Mapping[Part, Any]
    backfills: tuple[Mapping[str, Any], ...] = ()
    unasked: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class RegistryChange:
    """One part, or one item of a part, as it is and as it is wanted; None is for an item that isn't there.

    ``removes`` are those of the present lines that are gone afterwards, and on which somebody may rely.
    """

    part: Part
    now: Any
    wanted: Any
    difference: Difference
    removes: tuple[str, ...] = ()
