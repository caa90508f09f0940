"""The tags, labels and annotations that the settings give to a source, for the plan and `inv tags`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from types import MappingProxyType

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.default_rules import DEFAULT_RULES
from ecr_tasks.tags.evaluate import evaluate
from ecr_tasks.tags.event import Event, event_of
from ecr_tasks.tags.flavor import Flavor, parse_flavor
from ecr_tasks.tags.labels import oci_labels, render_additions
from ecr_tasks.tags.rules import Rule, RuleProblem, parse_rules
from ecr_tasks.tags.syntax import RuleError
from ecr_tasks.tags.tag_set import TagSet

SHORT_SHA_VARIABLE = "DOCKER_METADATA_SHORT_SHA_LENGTH"
HEAD_VARIABLE = "DOCKER_METADATA_PR_HEAD_SHA"


@functools.cache
def process_time() -> datetime:
    """Return the time of ``{{date}}``, which is the same during the whole process."""
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
    """Return the tags, labels and annotations of a source, by ECR_TAGS, ECR_FLAVOR, ECR_LABELS and ECR_ANNOTATIONS.

    ``title`` is the image's repository. ``labels`` and ``annotations`` are those of the image in a bake file; they
    replace git's, and the settings' replace them. ``environ`` may contain metadata-action's own variables. Raises
    SettingsError with the place of a mistake. A result without tags becomes an error only when it is published.
    """
    head = environ.get(HEAD_VARIABLE, "").lower() == "true"
    event = event_of(source, now or process_time(), _short_sha(environ), head=head)
    flavor, rules, is_default = rules_of(settings)
    with _located(settings, "ECR_TAGS"):
        result = evaluate(rules, flavor, event, unversioned=is_default)
    of_source = oci_labels(title, event, result.version)
    own_labels = _additions(settings, "ECR_LABELS", settings.labels, event)
    own_annotations = _additions(settings, "ECR_ANNOTATIONS", settings.annotations, event)
    return replace(
        result,
        labels=_sorted({**of_source, **(labels or {}), **own_labels}),
        annotations=_sorted({**of_source, **(annotations or {}), **own_annotations}),
        of_source=of_source,
    )


def lost_release(settings: Settings, source: SourceState, environ: Mapping[str, str]) -> str | None:
    """Return the tag that a run for a git tag would give if nothing were changed; None if no tag names the release.

    A rule that gives only the commit's id names no release.
    """
    event = event_of(source, process_time(), _short_sha(environ), head=False)
    if event.tag is None or event.branch is not None:
        return None
    clean = tag_set(settings, replace(source, dirty=False, changed=(), changes=()), environ)
    return next((tag.name for tag in clean.tags if "type=sha" not in tag.rule.split(",")), None)


def rules_of(settings: Settings) -> tuple[Flavor, tuple[Rule, ...], bool]:
    """Return the flavor, the rules, and whether those are the default ones. Raises SettingsError like ``tag_set``."""
    with _located(settings, "ECR_FLAVOR"):
        flavor = parse_flavor(settings.flavor or "")
    with _located(settings, "ECR_TAGS"):
        rules = parse_rules(settings.tags or "")
    return flavor, rules or _default_rules(), not rules


def _sorted(texts: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(sorted(texts.items())))


@functools.cache
def _default_rules() -> tuple[Rule, ...]:
    return parse_rules(DEFAULT_RULES)


def _additions(settings: Settings, name: str, additions: Mapping[str, str], event: Event) -> dict[str, str]:
    try:
        return render_additions(additions, event)
    except RuleError as error:
        raise SettingsError(
            f"{_place(settings, name)}: {error.sentence}",
            "Correct it there; write \\{{ for two braces that are no expression.",
        ) from error


@contextmanager
def _located(settings: Settings, name: str) -> Iterator[None]:
    """Turn a RuleProblem into a SettingsError with its place in the setting ``name``."""
    try:
        yield
    except RuleProblem as problem:
        part, text = ("rule", settings.tags) if name == "ECR_TAGS" else ("entry", settings.flavor)
        lines = [line.strip() for line in (text or "").splitlines()]
        line = lines.index(problem.text) if problem.text in lines else 0
        where = f"{part} {problem.number} ({problem.text[:80]}), column {problem.error.column}"
        raise SettingsError(
            f"{_place(settings, name, line)}: {where}: {problem.error.sentence}",
            "Correct it there; docs/tags.md has the language.",
        ) from problem


def _place(settings: Settings, name: str, line: int = 0) -> str:
    """Return where a setting is written; ``line`` is the number of a line within its value, from 0."""
    origin = settings.origin(name)
    if origin.kind == "file" and origin.line is not None:
        return f"{replace(origin, line=origin.line + line)}: {name}"
    if origin.kind == "environment":
        return f"Environment variable {name}"
    return name if origin.kind == "default" else f"{name} ({origin})"


def _short_sha(environ: Mapping[str, str]) -> int:
    text = environ.get(SHORT_SHA_VARIABLE, "").strip() or "7"
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        raise SettingsError(
            f"The environment variable {SHORT_SHA_VARIABLE} must be a number above 0, not {text!r}.",
            "Correct it, or take it out for 7.",
        )
    return int(text[:9])
