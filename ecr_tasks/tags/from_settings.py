"""The tag rules as the settings have them, applied to a source: what the tasks and the plan ask for."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from types import MappingProxyType

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.tag import Tag
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.evaluate import evaluate
from ecr_tasks.tags.event import SHORT_SHA, Facts, facts_of
from ecr_tasks.tags.flavor import Flavor, parse_flavor
from ecr_tasks.tags.labels import expanded, oci_labels
from ecr_tasks.tags.rules import DEFAULT_RULES, Rule, RuleProblem, parse_rules
from ecr_tasks.tags.syntax import RuleError
from ecr_tasks.tags.tag_set import TagSet

SHORT_SHA_VARIABLE = "DOCKER_METADATA_SHORT_SHA_LENGTH"
HEAD_VARIABLE = "DOCKER_METADATA_PR_HEAD_SHA"
LEVELS_VARIABLE = "DOCKER_METADATA_ANNOTATIONS_LEVELS"

_LEVEL = re.compile(r"(?:manifest|index)(?:-descriptor)?(?:\[[^\]]*\])?")
_AT_LEVEL = re.compile(rf"{_LEVEL.pattern}(?:,{_LEVEL.pattern})*:")


@functools.cache
def started() -> datetime:
    """The time that ``{{date}}`` tells: the same one for everything that one process does."""
    return datetime.now(tz=timezone.utc)


def tag_set(
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    *,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> TagSet:
    """The tags, labels and annotations of a source, by ECR_TAGS, ECR_FLAVOR, ECR_LABELS and ECR_ANNOTATIONS.

    ``title`` is the image's repository; ``labels`` and ``annotations`` are what a bake file says of the image,
    between what git says and what the settings say. ``environ`` may hold metadata-action's own variables. Raises
    SettingsError with the place of what can't be used. Having no tag at all is an error where it is published.
    """
    head = environ.get(HEAD_VARIABLE, "").lower() == "true"
    facts = facts_of(source, now or started(), _short_sha(environ), head=head)
    flavor, rules = _flavor(settings), _rules(settings)
    try:
        found = evaluate(rules or _default_rules(), flavor, facts, unversioned=not rules)
    except RuleProblem as problem:
        raise _error(settings, "ECR_TAGS", problem) from problem
    known = oci_labels(title, facts, found.version)
    own = {**known, **(labels or {}), **_additions(settings, "ECR_LABELS", settings.labels, facts)}
    noted = {**known, **(annotations or {}), **_additions(settings, "ECR_ANNOTATIONS", settings.annotations, facts)}
    return replace(found, labels=_sorted(own), annotations=_sorted(noted), of_source=known)


def tags(source: SourceState, now: datetime | None = None) -> tuple[Tag, ...]:
    """The default rules' tags of a source, the one to publish under first."""
    facts = facts_of(source, now or started())
    return evaluate(_default_rules(), Flavor(), facts, unversioned=True).in_publishing_order


def configured(settings: Settings) -> tuple[Flavor, tuple[Rule, ...], bool]:
    """The flavor, the rules, and whether those are the default ones; SettingsError as for ``tag_set``."""
    rules = _rules(settings)
    return _flavor(settings), rules or _default_rules(), not rules


def at_levels(annotations: Mapping[str, str], environ: Mapping[str, str], *, index: bool) -> dict[str, str]:
    """Annotations with the levels of ``DOCKER_METADATA_ANNOTATIONS_LEVELS`` before keys that name none.

    Unchanged where that isn't set. Without an index (``index``) its levels for one are left out: BuildKit would
    refuse them. SettingsError for a level that there isn't.
    """
    levels = [level.strip() for level in environ.get(LEVELS_VARIABLE, "").split(",") if level.strip()]
    for level in levels:
        if not _LEVEL.fullmatch(level):
            raise SettingsError(
                f"The environment variable {LEVELS_VARIABLE} names {level!r}, which is no level.",
                "Use manifest, index, manifest-descriptor or index-descriptor, separated by commas.",
            )
    kept = ",".join(level for level in levels if index or not level.startswith("index"))
    if not kept:
        return dict(annotations)
    return {key if _AT_LEVEL.match(key) else f"{kept}:{key}": value for key, value in annotations.items()}


def _sorted(found: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(sorted(found.items())))


@functools.cache
def _default_rules() -> tuple[Rule, ...]:
    return parse_rules(DEFAULT_RULES)


def _rules(settings: Settings) -> tuple[Rule, ...]:
    try:
        return parse_rules(settings.tags or "")
    except RuleProblem as problem:
        raise _error(settings, "ECR_TAGS", problem) from problem


def _flavor(settings: Settings) -> Flavor:
    try:
        return parse_flavor(settings.flavor or "")
    except RuleProblem as problem:
        raise _error(settings, "ECR_FLAVOR", problem) from problem


def _additions(settings: Settings, name: str, given: Mapping[str, str], facts: Facts) -> dict[str, str]:
    try:
        return expanded(given, facts)
    except RuleError as error:
        raise SettingsError(
            f"{_place(settings, name)}: {error.message}{'' if error.message.endswith('?') else '.'}",
            "Correct it there; write \\{{ for two braces that are no expression.",
        ) from error


def _error(settings: Settings, name: str, problem: RuleProblem) -> SettingsError:
    what = "rule" if name == "ECR_TAGS" else "entry"
    text = (settings.tags if name == "ECR_TAGS" else settings.flavor) or ""
    lines = [line.strip() for line in text.splitlines()]
    line = lines.index(problem.text) if problem.text in lines else 0
    where = f"{what} {problem.number} ({problem.text[:80]}), column {problem.error.column}"
    message = problem.error.message + ("" if problem.error.message.endswith("?") else ".")
    return SettingsError(
        f"{_place(settings, name, line)}: {where}: {message}",
        "Correct it there; docs/tags.md has the language.",
    )


def _place(settings: Settings, name: str, line: int = 0) -> str:
    """Where a setting stands, with the file's line of the setting's line (from 0)."""
    origin = settings.origin(name)
    if origin.kind == "file" and origin.line is not None:
        return f"{replace(origin, line=origin.line + line)}: {name}"
    if origin.kind == "environment":
        return f"Environment variable {name}"
    return name if origin.kind == "default" else f"{name} ({origin})"


def _short_sha(environ: Mapping[str, str]) -> int:
    text = environ.get(SHORT_SHA_VARIABLE, "").strip()
    if not text:
        return SHORT_SHA
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        raise SettingsError(
            f"The environment variable {SHORT_SHA_VARIABLE} must be a number above 0, not {text!r}.",
            "Correct it, or take it out for 7.",
        )
    return int(text[:9])
