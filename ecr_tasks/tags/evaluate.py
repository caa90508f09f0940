"""Rules and flavor, applied to a source: the tags with their kinds, and each rule's result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ecr_tasks.model.tag import DIRTY, Kind, Tag
from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.dates import tells_seconds
from ecr_tasks.tags.event import Facts
from ecr_tasks.tags.flavor import Flavor
from ecr_tasks.tags.latest import Forward, higher_release
from ecr_tasks.tags.rule_types import NoValue, Value, names_one_thing, value_of
from ecr_tasks.tags.rules import Rule, RuleProblem
from ecr_tasks.tags.syntax import RuleError
from ecr_tasks.tags.tag_set import MAX_LENGTH, RuleResult, TagSet, as_tag
from ecr_tasks.tags.template import Template

UNVERSIONED = "unversioned"
"""The tag of a source that has no commit; there is nothing to name it by."""


@dataclass(frozen=True)
class _Given:
    """A tag that a rule gave. ``order`` says how well one can publish under it: 0 a commit's id, 1 fixed,
    2 fixed by the clock (a second run gives another one), 3 moving."""

    tag: Tag
    value: Value
    order: int


def evaluate(rules: Sequence[Rule], flavor: Flavor, facts: Facts, *, unversioned: bool) -> TagSet:
    """The tags of a source, without labels. RuleProblem for a rule that turns out to be unusable.

    ``unversioned``: whether a source without a commit gets a tag where no rule gives one.
    """
    source = facts.source
    if source.dirty or (source.revision is None and unversioned):
        return _uncommitted(rules, flavor, facts)
    results: list[RuleResult] = []
    given: list[_Given] = []
    for rule in rules:
        found = _apply(rule, flavor, facts)
        if isinstance(found, NoValue):
            results.append(RuleResult(rule.text, None, None, found.because))
        else:
            results.append(RuleResult(rule.text, found.tag.name, found.tag.kind, found.tag.because))
            given.append(found)
    latest = _latest(flavor, facts, given)
    results.append(latest)
    version = given[0].tag.name if given else None
    if latest.tag is not None and latest.kind is not None:
        tag = Tag(latest.tag, latest.kind, latest.rule, latest.because, _forward(flavor, given[0], latest.tag))
        given.append(_Given(tag, Value(tag.name, tag.because), 3))
    given = _each_once(given)
    publishing = min(given, key=lambda one: one.order).tag if given else None
    return TagSet(version, tuple(one.tag for one in given), rules=tuple(results), publishing=publishing)


def _apply(rule: Rule, flavor: Flavor, facts: Facts) -> _Given | NoValue:
    try:
        if not _enabled(rule, facts):
            return NoValue("it is not enabled")
        value = value_of(rule, facts, forward=flavor.forward if rule.forward is None else rule.forward)
        if isinstance(value, NoValue):
            return value
        text = _around(rule, flavor, facts, value.text)
    except RuleError as error:
        raise RuleProblem(rule.number, rule.text, error) from error
    name = as_tag(text)
    if name is None:
        return NoValue(f"nothing of {text!r} can stand in a tag" if text else "its value is empty")
    by_template = _fixed_by(rule, flavor, facts)
    kind: Kind = rule.kind or ("fixed" if value.fixed or by_template else "moving")
    order = 3 if kind == "moving" else 0 if rule.type == "sha" else 2 if by_template == "clock" else 1
    # Among several variants' tags (a prefix or suffix), whose releases are whose can't be told by the names.
    forward = value.forward if kind == "moving" and name == value.text else None
    return _Given(Tag(name, kind, rule.text, value.because, forward), value, order)


def _enabled(rule: Rule, facts: Facts) -> bool:
    enabled = facts.render(rule.enable)
    if enabled not in ("true", "false"):
        raise RuleError(f"has an enable= that gives {enabled!r}: it must be true or false")
    return enabled == "true"


def _around(rule: Rule, flavor: Flavor, facts: Facts, text: str) -> str:
    prefix, suffix = _affixes(rule, flavor)
    return f"{facts.render(prefix)}{text}{facts.render(suffix)}"


def _affixes(rule: Rule, flavor: Flavor) -> tuple[Template, Template]:
    """A rule's own prefix and suffix, even empty ones, stand for the flavor's."""
    return (
        flavor.prefix if rule.prefix is None else rule.prefix,
        flavor.suffix if rule.suffix is None else rule.suffix,
    )


def _fixed_by(rule: Rule, flavor: Flavor, facts: Facts) -> Literal["commit", "clock"] | None:
    """Whether a template puts something into the tag that another commit, or another second, has otherwise."""
    templates = [*_affixes(rule, flavor)]
    if rule.type == "raw" and rule.value is not None:
        templates.append(rule.value)
    if rule.type == "schedule" and rule.pattern is not None:
        templates.append(rule.pattern)
    by_clock = False
    for expression in (one for template in templates for one in template.expressions):
        if expression.name == "sha" and facts.tells_sources:
            return "commit"
        if expression.name == "tag" and facts.tag is not None and names_one_thing(facts.tag):
            return "commit"
        if expression.name in ("date", "commit_date") and tells_seconds(expression.argument or ""):
            if expression.name == "commit_date" and facts.source.commit_time is not None:
                return "commit"
            by_clock = True
    return "clock" if by_clock else None


def _latest(flavor: Flavor, facts: Facts, given: Sequence[_Given]) -> RuleResult:
    """`latest`: with auto, the first rule that gives a tag decides, as in metadata-action."""
    rule = f"flavor latest={flavor.latest}"
    if not given or flavor.latest == "false":
        return RuleResult(rule, None, None, "it is switched off" if given else "no rule gives a tag")
    because = "as asked"
    if flavor.latest == "auto":
        value = given[0].value
        if not value.latest:
            return RuleResult(rule, None, None, f"{given[0].tag.name} is no release")
        because = f"{given[0].tag.name} is a release"
        if flavor.forward and value.version is not None:
            higher = higher_release(value.version, facts.source)
            if higher is not None:
                return RuleResult(rule, None, None, f"latest stays with the higher release {higher}")
            shallow = " (the clone is shallow and may lack some)" if facts.source.shallow else ""
            because = f"{given[0].tag.name} is the highest release that git knows{shallow}"
    prefix = facts.render(flavor.prefix) if flavor.prefix_on_latest else ""
    suffix = facts.render(flavor.suffix) if flavor.suffix_on_latest else ""
    return RuleResult(rule, as_tag(f"{prefix}latest{suffix}"), "moving", because)


def _forward(flavor: Flavor, first: _Given, latest: str) -> Forward | None:
    """What `latest` stands for where it only moves forward and no prefix or suffix tells variants apart."""
    plain = latest == "latest" and first.tag.name == first.value.text
    if flavor.latest != "auto" or not flavor.forward or not plain or first.value.version is None:
        return None
    return Forward(first.value.version)


def _each_once(given: Sequence[_Given]) -> list[_Given]:
    """One tag a name, in the place of the first; of two kinds the stricter counts."""
    found: dict[str, _Given] = {}
    for one in given:
        there = found.get(one.tag.name)
        if there is None or (there.tag.kind == "moving" and one.tag.kind == "fixed"):
            found[one.tag.name] = one
    return list(found.values())


def _uncommitted(rules: Sequence[Rule], flavor: Flavor, facts: Facts) -> TagSet:
    """An uncommitted tree: each sha rule's tag with ``-dirty`` and nothing else (interface.md, ECRDIRTY).

    It is never a release and moves no other tag. Where no rule gives a commit's tag, ours does.
    """
    because = _changes(facts.source)
    results: list[RuleResult] = []
    tags: list[Tag] = []
    for rule in rules:
        found = _apply(rule, flavor, facts) if rule.type == "sha" else NoValue(because)
        if isinstance(found, NoValue):
            results.append(RuleResult(rule.text, None, None, found.because))
            continue
        name = found.tag.name[: MAX_LENGTH - len(DIRTY)] + DIRTY
        tag = replace(found.tag, name=name, kind="moving", because=because)
        results.append(RuleResult(rule.text, name, "moving", because))
        tags += [] if any(other.name == name for other in tags) else [tag]
    if not tags:
        name = f"sha-{facts.short}{DIRTY}" if facts.short else UNVERSIONED
        tags = [Tag(name, "moving", "type=sha" if facts.short else "type=raw", because)]
        results.append(RuleResult("uncommitted", name, "moving", because))
    return TagSet(tags[0].name, tuple(tags), rules=tuple(results), publishing=tags[0])


def _changes(source: SourceState) -> str:
    if source.revision is None:
        return "there is no git commit to name it by"
    changed = ", ".join(source.changed[:3]) + (", …" if len(source.changed) > 3 else "")
    return f"uncommitted changes ({changed})"
