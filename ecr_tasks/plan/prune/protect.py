"""What protects a manifest from `prune` whatever the rules let go, and the facts that decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.registry import wildcard_matches
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.prune.rules import PruneRule

FRESH = timedelta(days=1)
"""For how long nothing goes that was pushed: a run may still be about to tag it, or to join its platforms. Nor what
was restored from the archive: somebody wants it."""


@dataclass(frozen=True)
class Facts:
    """What decides besides the manifests themselves.

    ``children`` are the digests that each index lists, of those indexes that could be read; ``caches`` the digests of
    indexes that are build caches. ``running`` says by digest, ``running_tags`` by tag, what uses an image;
    ``unasked`` who may use one and could not be asked. ``released`` says by digest why an image stays for a rollback.
    ``is_release`` tells whether a tag is of a release, ``is_gone`` whether the branch or change of a tag that a
    pattern fits is gone; None is unknown.
    """

    now: datetime
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)
    caches: frozenset[str] = frozenset()
    running: Mapping[str, str] = field(default_factory=dict)
    running_tags: Mapping[str, str] = field(default_factory=dict)
    unasked: tuple[str, ...] = ()
    released: Mapping[str, str] = field(default_factory=dict)
    is_release: Callable[[str], bool] = lambda tag: False
    is_gone: Callable[[str, str], bool | None] = lambda pattern, tag: None


def protection(detail: ImageDetail, rules: Sequence[PruneRule], facts: Facts) -> str:
    """Return why a manifest stays whatever the rules let go; empty if nothing says so."""
    if detail.pushed is None or detail.begun is None:
        return "when it was pushed is unknown"
    if facts.now - detail.begun < FRESH:
        return f"it was {'pushed' if detail.begun == detail.pushed else 'restored'} within the last day"
    if detail.status not in ("ACTIVE", "ARCHIVED"):
        return "it is being restored"
    if tag := next((tag for tag in detail.tags if tag.startswith(TURN_TAG)), None):
        return f"a run may be setting its tags ({tag})"
    users = [facts.running_tags[tag] for tag in detail.tags if tag in facts.running_tags]
    if user := facts.running.get(detail.digest) or next(iter(users), None):
        return f"in use: {user}"
    if tag := next((tag for tag in detail.own_tags if facts.is_release(tag)), None):
        return f"{tag} is a release's tag"
    if reason := facts.released.get(detail.digest, ""):
        return reason
    for rule in rules:
        if rule.type == "keep" and (reason := _kept_by(rule, detail, facts.now)):
            return f"{reason} ({rule.text})"
    if facts.unasked and _may_run(detail, facts):
        return f"may be in use: {facts.unasked[0]}"
    return ""


def is_cache(detail: ImageDetail, facts: Facts) -> bool:
    """Return whether a manifest is a build cache."""
    return detail.kind == "cache" or detail.digest in facts.caches


def _kept_by(rule: PruneRule, detail: ImageDetail, now: datetime) -> str:
    matching = next((tag for tag in detail.own_tags if wildcard_matches(rule.pattern, tag)), None)
    if rule.keeps_tags:
        return f"{matching} is kept" if matching else ""
    # Whoever asks for the history reads the records of releases: that says nothing of the image.
    if rule.pulled is None or detail.kind == "release":
        return ""
    if rule.pattern != "*" and matching is None:
        return ""
    return "it was pulled lately" if detail.pulled is not None and now - detail.pulled < rule.pulled else ""


def _may_run(detail: ImageDetail, facts: Facts) -> bool:
    """Return whether something that could not be asked may use a manifest: anything but caches and documents."""
    return not is_cache(detail, facts) and detail.belongs_to is None
