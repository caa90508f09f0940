"""The shapes of the tags that the tag rules can give, and whether they are fixed or moving.

A shape is a pattern (see tag_patterns) with ``MAJOR`` in place of a release's major version: ECR's filters can't
express "a number", so that there is one filter for each major version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import CACHE_TAGS, INPUTS_TAG
from ecr_tasks.model.tag import DIRTY, INPUTS_RULE, Kind
from ecr_tasks.tags.dates import has_seconds
from ecr_tasks.tags.evaluate import UNVERSIONED, affixes, templates
from ecr_tasks.tags.flavor import Flavor
from ecr_tasks.tags.rules import Rule
from ecr_tasks.tags.tag_set import tag_characters
from ecr_tasks.tags.template import Expression, Template

MAJOR = "@"
"""The placeholder for a major version in a shape; no tag contains this character."""


@dataclass(frozen=True)
class Shape:
    """A pattern of tags that a rule can give; ``dirty`` marks tags of uncommitted trees, which `push` may replace."""

    text: str
    kind: Kind
    rule: str
    dirty: bool = False


def tag_shapes(
    rules: Sequence[Rule], flavor: Flavor, *, dirty: bool, unversioned: bool, inputs: bool = False
) -> tuple[Shape, ...]:
    """Return every shape that a rule set can give, with `latest`, the build cache and uncommitted trees' tags.

    ``dirty`` says whether uncommitted trees are published (ECR_DIRTY), ``unversioned`` whether a source without a
    commit gets a tag (as with the default rules), ``inputs`` whether images get a tag of their inputs.
    """
    enabled = [rule for rule in rules if rule.enable.parts != ("false",)]
    shapes = [shape for rule in enabled for shape in _shapes(rule, flavor)]
    if flavor.latest != "false":
        prefix = _text(flavor.prefix) if flavor.prefix_on_latest else ""
        suffix = _text(flavor.suffix) if flavor.suffix_on_latest else ""
        shapes.append(Shape(f"{prefix}latest{suffix}", "moving", f"flavor latest={flavor.latest}"))
    if inputs:
        shapes.append(Shape(f"{INPUTS_TAG}%", "fixed", INPUTS_RULE))
    shapes.append(Shape(CACHE_TAGS, "moving", "the build caches"))
    if dirty:
        commits = [shape for rule in enabled if rule.type == "sha" for shape in _shapes(rule, flavor)]
        texts = dict.fromkeys(f"{shape.text}{DIRTY}" for shape in commits) or {f"sha-%{DIRTY}": None}
        shapes += [Shape(text, "moving", "uncommitted trees", dirty=True) for text in texts]
    if unversioned:
        shapes.append(Shape(UNVERSIONED, "moving", "sources without a commit"))
    return tuple(dict.fromkeys(shapes))


def _shapes(rule: Rule, flavor: Flavor) -> list[Shape]:
    prefix, suffix = (_text(affix) for affix in affixes(rule, flavor))
    always_fixed = _is_fixed_by_template(rule, flavor)
    return [
        Shape(f"{prefix}{text}{suffix}", rule.kind or ("fixed" if fixed or always_fixed else "moving"), rule.text)
        for text, fixed in _values(rule)
    ]


def _values(rule: Rule) -> list[tuple[str, bool]]:
    """Return the patterns of a rule's values (see tags.rule_types), each with True if its type makes it fixed."""
    if rule.type in ("semver", "pep440"):
        return _versions(rule)
    if rule.type == "sha":
        return [("%", True)]
    if rule.type == "edge":
        return [("edge", False)]
    if rule.type in ("schedule", "raw"):
        return [(_text(rule.pattern if rule.type == "schedule" else rule.value), False)]
    if rule.type == "ref" and rule.event != "tag":
        return [("#" if rule.event == "pr" else "*", False)]
    # A git tag or a part of it: 1.2.3 is fixed, whereas v1 and stable move.
    return [("*", True), ("*", False)]


def _versions(rule: Rule) -> list[tuple[str, bool]]:
    whole = f"{MAJOR}.*.*" if rule.type == "semver" else f"{MAJOR}.*"
    names = {expression.name for expression in rule.pattern.expressions}
    if names & {"version", "raw"} or names >= {"major", "minor", "patch"}:
        return [(_text(rule.pattern, lambda one: _part(one.name, whole, MAJOR, "*")), True)]
    # With such a pattern a pre-release gets its whole version (tags.versions, Version.render).
    return [(_text(rule.pattern, lambda one: _part(one.name, whole, "#", "#")), False), (whole, True)]


def _part(name: str, whole: str, major: str, other: str) -> str:
    parts = {"version": whole, "raw": f"v{whole}", "major": major, "minor": other, "patch": other}
    return parts.get(name, "*")


def _text(template: Template | None, part: Callable[[Expression], str] = lambda expression: "*") -> str:
    if template is None:
        return ""
    return "".join(tag_characters(item) if isinstance(item, str) else part(item) for item in template.parts)


def _is_fixed_by_template(rule: Rule, flavor: Flavor) -> bool:
    """Return whether a template makes the tag fixed: it has the commit, the git tag or a time with seconds."""
    return any(
        one.name in ("sha", "tag") or (one.name in ("date", "commit_date") and has_seconds(one.argument or ""))
        for template in templates(rule, flavor)
        for one in template.expressions
    )
