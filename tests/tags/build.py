"""Builders for the tag rules' tests: sources of CI events, and rule sets applied to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.tag import Tag
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import tag_set
from ecr_tasks.tags.tag_set import TagSet
from tests.support.build import settings, source

NOW = datetime(2024, 5, 6, 22, 8, 9, 123000, tzinfo=timezone.utc)


def push(branch: str | None = "main", **changes: Any) -> SourceState:
    """Return a push of a branch; main is the default one."""
    return source(**{"event": "push", "branch": branch, "default_branch": "main", **changes})


def pushed_tag(name: str, *others: str, **changes: Any) -> SourceState:
    """Return a push of a git tag in a repository with other release tags."""
    defaults = {"event": "tag", "branch": None, "default_branch": "main", "tag": name, "tags": (name,)}
    return source(**{**defaults, "release_tags": (*others, name), **changes})


def pull_request(number: str | None = "7", **changes: Any) -> SourceState:
    """Return a pull request from feature/x into main."""
    defaults = {"event": "pull_request", "branch": "feature/x", "base_ref": "main", "default_branch": "main"}
    return source(**{**defaults, "pull_request": number, **changes})


def apply(
    rules: str | None,
    state: SourceState | None = None,
    flavor: str | None = None,
    environ: Mapping[str, str] | None = None,
    **changes: Any,
) -> TagSet:
    """Apply a rule set to a source, by default a push of main."""
    return tag_set(settings(tags=rules, flavor=flavor, **changes), state or push(), environ or {}, now=NOW)


def names(rules: str | None, state: SourceState | None = None, flavor: str | None = None) -> list[str]:
    """Return the tags' names, in order."""
    return [tag.name for tag in apply(rules, state, flavor).tags]


def only(rules: str, state: SourceState | None = None, flavor: str | None = "latest=false") -> Tag:
    """Return the one tag that the rules give."""
    (tag,) = apply(rules, state, flavor).tags
    return tag


def why(rules: str, state: SourceState | None = None, flavor: str | None = None) -> str:
    """Return the reason why the one rule gives no tag."""
    result = apply(rules, state, flavor).rules[0]
    assert (result.tag, result.kind) == (None, None)
    return result.because


def problem(rules: str | None, flavor: str | None = None, **changes: Any) -> str:
    """Return the error for a rule set."""
    with pytest.raises(SettingsError) as caught:
        apply(rules, flavor=flavor, **changes)
    assert caught.value.remedy
    return caught.value.cause
