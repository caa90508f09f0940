"""The tag rules as shapes of tags: which ones can come of them, and whether those are fixed or move.

A release's major version is ``MAJOR`` in a shape: a filter has no way to say "a number", so that the filters
name major versions one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ecr_tasks.model.manifest import CACHE_TAG, INPUTS_TAG
from ecr_tasks.model.tag import DIRTY, Kind
from ecr_tasks.plan.repository.tag_patterns import literal
from ecr_tasks.tags.dates import tells_seconds
from ecr_tasks.tags.flavor import Flavor
from ecr_tasks.tags.rules import Rule
from ecr_tasks.tags.template import Expression, Template

MAJOR = "@"
"""Stands for a major version's number in a shape; no tag has it."""


@dataclass(frozen=True)
class Shape:
    """Tags that a rule can give. ``dirty``: those of an uncommitted tree, which `push` may replace."""

    text: str
    kind: Kind
    rule: str
    dirty: bool = False


def shapes(
    rules: Sequence[Rule], flavor: Flavor, *, dirty: bool, unversioned: bool, inputs: bool = False
) -> tuple[Shape, ...]:
    """Every shape of tag that a rule set can give, with `latest`, the build cache and uncommitted trees' tags.

    ``dirty`` is whether those are published at all (ECR_DIRTY), ``unversioned`` whether a source without a
    commit has a tag (it has with the default rules), ``inputs`` whether images are found by their inputs.
    """
    enabled = [rule for rule in rules if rule.enable.parts != ("false",)]
    found = [shape for rule in enabled for shape in _shapes(rule, flavor)]
    if flavor.latest != "false":
        prefix = _text(flavor.prefix) if flavor.prefix_on_latest else ""
        suffix = _text(flavor.suffix) if flavor.suffix_on_latest else ""
        found.append(Shape(f"{prefix}latest{suffix}", "moving", f"flavor latest={flavor.latest}"))
    if inputs:
        found.append(Shape(f"{INPUTS_TAG}%", "fixed", "ECR_SKIP=content"))
    found.append(Shape(CACHE_TAG, "moving", "the build cache"))
    if dirty:
        commits = [shape for rule in enabled if rule.type == "sha" for shape in _shapes(rule, flavor)]
        texts = dict.fromkeys(f"{shape.text}{DIRTY}" for shape in commits) or {f"sha-%{DIRTY}": None}
        found += [Shape(text, "moving", "uncommitted trees", dirty=True) for text in texts]
    if unversioned:
        found.append(Shape("unversioned", "moving", "sources without a commit"))
    return tuple(dict.fromkeys(found))


def _shapes(rule: Rule, flavor: Flavor) -> list[Shape]:
    prefix = _text(flavor.prefix if rule.prefix is None else rule.prefix)
    suffix = _text(flavor.suffix if rule.suffix is None else rule.suffix)
    by_template = _by_template(rule, flavor)
    found = []
    for text, fixed in _values(rule):
        kind: Kind = rule.kind or ("fixed" if fixed or by_template else "moving")
        found.append(Shape(f"{prefix}{text}{suffix}", kind, rule.text))
    return found


def _values(rule: Rule) -> list[tuple[str, bool]]:
    """What a rule's type gives, before prefix and suffix, and whether the type makes it fixed (tagging/values)."""
    if rule.type in ("semver", "pep440"):
        return _versions(rule)
    if rule.type == "sha":
        return [("%", True)]
    if rule.type == "edge":
        return [("edge", False)]
    if rule.type == "schedule":
        return [(_text(rule.pattern), False)]
    if rule.type == "raw":
        return [(_text(rule.value), False)]
    if rule.type == "ref" and rule.event != "tag":
        return [("#" if rule.event == "pr" else "*", False)]
    # A git tag as it is, or a part of it: 1.2.3 is one release's own, v1 and stable move.
    return [("*", True), ("*", False)]


def _versions(rule: Rule) -> list[tuple[str, bool]]:
    whole = f"{MAJOR}.*.*" if rule.type == "semver" else f"{MAJOR}.*"
    if rule.pattern is None:
        return []
    names = {expression.name for expression in rule.pattern.expressions}
    told = bool(names & {"version", "raw"}) or names >= {"major", "minor", "patch"}
    if told:
        return [(_text(rule.pattern, lambda one: _part(one.name, whole, MAJOR, "*")), True)]
    # Of a pre-release such a pattern gives the whole version (tagging/versions, Version.render).
    return [(_text(rule.pattern, lambda one: _part(one.name, whole, "#", "#")), False), (whole, True)]


def _part(name: str, whole: str, major: str, other: str) -> str:
    parts = {"version": whole, "raw": f"v{whole}", "major": major, "minor": other, "patch": other}
    return parts.get(name, "*")


def _text(template: Template | None, part: Callable[[Expression], str] = lambda expression: "*") -> str:
    if template is None:
        return ""
    return "".join(literal(item) if isinstance(item, str) else part(item) for item in template.parts)


def _by_template(rule: Rule, flavor: Flavor) -> bool:
    """Whether a template puts the commit, the git tag or the second into the tag (tagging/evaluate, _fixed_by)."""
    templates = [
        flavor.prefix if rule.prefix is None else rule.prefix,
        flavor.suffix if rule.suffix is None else rule.suffix,
        *([rule.value] if rule.type == "raw" and rule.value is not None else []),
        *([rule.pattern] if rule.type == "schedule" and rule.pattern is not None else []),
    ]
    return any(
        one.name in ("sha", "tag") or (one.name in ("date", "commit_date") and tells_seconds(one.argument or ""))
        for template in templates
        for one in template.expressions
    )
