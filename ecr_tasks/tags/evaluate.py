"""Applies rules and flavor to an event: returns the tags with their kinds, and each rule's result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.tag import DIRTY, MAX_LENGTH, Forward, Kind, Tag
from ecr_tasks.tags.dates import has_seconds
from ecr_tasks.tags.event import Event
from ecr_tasks.tags.flavor import Flavor
from ecr_tasks.tags.latest import LatestRelease
from ecr_tasks.tags.rule_types import NoValue, Value, is_one_release, value_of
from ecr_tasks.tags.rules import Rule, RuleProblem
from ecr_tasks.tags.syntax import RuleError
from ecr_tasks.tags.tag_set import RuleResult, TagSet, as_tag
from ecr_tasks.tags.template import Template

UNVERSIONED = "unversioned"
"""The tag of a source without a commit."""


_RELEASES = ("semver", "pep440", "match")
"""The types of rules whose moving tags are those of releases, also of a version that is given by ``value=``."""


@dataclass(frozen=True)
class _RuleTag:
    """A rule's tag. The tag with the lowest ``order`` is published first: 0 a commit's id, 1 fixed, 2 fixed by the
    clock (another run gets another tag), 3 moving."""

    tag: Tag
    value: Value
    order: int


def evaluate(rules: Sequence[Rule], flavor: Flavor, event: Event, *, unversioned: bool) -> TagSet:
    """Return the tags of an event, without labels. Raises RuleProblem for a rule that can't be evaluated.

    ``unversioned`` is whether a source without a commit gets a tag if no rule gives one.
    """
    if event.source.dirty or (event.source.revision is None and unversioned):
        return _uncommitted(rules, flavor, event)
    results: list[RuleResult] = []
    rule_tags: list[_RuleTag] = []
    for rule in rules:
        try:
            rule_tags.append(_apply(rule, flavor, event))
            results.append(_result(rule_tags[-1].tag))
        except NoValue as reason:
            results.append(RuleResult(rule.text, str(reason)))
    version = rule_tags[0].tag.name if rule_tags else None
    try:
        latest = _latest(flavor, event, rule_tags)
        rule_tags.append(_RuleTag(latest, Value(latest.name, latest.because), 3))
        results.append(_result(latest))
    except NoValue as reason:
        results.append(RuleResult(f"flavor latest={flavor.latest}", str(reason)))
    rule_tags = _unique(rule_tags)
    publishing = min(rule_tags, key=lambda item: item.order).tag if rule_tags else None
    return TagSet(version, tuple(item.tag for item in rule_tags), rules=tuple(results), publishing=publishing)


def _result(tag: Tag) -> RuleResult:
    return RuleResult(tag.rule, tag.because, tag.name, tag.kind)


def _apply(rule: Rule, flavor: Flavor, event: Event) -> _RuleTag:
    """Return a rule's tag, or raise NoValue."""
    try:
        enabled = event.render(rule.enable)
        if enabled not in ("true", "false"):
            raise RuleError(f"has an enable= that gives {enabled!r}: it must be true or false")
        if enabled == "false":
            raise NoValue("it is not enabled")
        forward = flavor.forward if rule.forward is None else rule.forward
        value = value_of(rule, event, forward=forward)
        prefix, suffix = affixes(rule, flavor)
        text = f"{event.render(prefix)}{value.text}{event.render(suffix)}"
    except RuleError as error:
        raise RuleProblem(rule.number, rule.text, error) from error
    name = as_tag(text)
    if name is None:
        raise NoValue(f"nothing of {text!r} can stand in a tag" if text else "its value is empty")
    by_template = _fixed_by(rule, flavor, event)
    kind: Kind = rule.kind or ("fixed" if value.fixed or by_template else "moving")
    if kind == "moving" and event.source.is_change and rule.type in _RELEASES:
        raise NoValue(f"{name} stays with the releases: this is a {event.name}")
    order = 3 if kind == "moving" else 0 if rule.type == "sha" else 2 if by_template == "clock" else 1
    # Several variants (with a prefix or suffix) may exist, and the name of a release doesn't tell its variant.
    release = value.release if kind == "moving" and name == value.text else None
    moves_forward = forward and kind == "moving" and value.release is None and not _is_git_tag(rule)
    tag = Tag(name, kind, rule.text, value.because, release, _forward(rule, flavor) if moves_forward else None)
    return _RuleTag(tag, value, order)


def _is_git_tag(rule: Rule) -> bool:
    """Return whether the rule's tag is the git tag: who pushes that again moves it on purpose, also back."""
    return rule.type == "ref" and rule.event == "tag"


def _forward(rule: Rule, flavor: Flavor) -> Forward:
    """Return how the rule's tag is kept from going back; "branch" if all images under it are of one branch."""
    names = {expression.name for template in templates(rule, flavor) for expression in template.expressions}
    names |= {expression.name for expression in rule.enable.expressions}
    of_branch = rule.type in ("edge", "ref") or not names.isdisjoint(("branch", "is_default_branch"))
    return "branch" if of_branch else "commits"


def affixes(rule: Rule, flavor: Flavor) -> tuple[Template, Template]:
    """Return a rule's prefix and suffix: its own, even empty ones, replace the flavor's."""
    return (
        flavor.prefix if rule.prefix is None else rule.prefix,
        flavor.suffix if rule.suffix is None else rule.suffix,
    )


def templates(rule: Rule, flavor: Flavor) -> list[Template]:
    """Return the templates of a rule's tag that have global expressions."""
    own = {"raw": rule.value, "schedule": rule.pattern}.get(rule.type)
    return [*affixes(rule, flavor), *([own] if own else [])]


def _fixed_by(rule: Rule, flavor: Flavor, event: Event) -> Literal["commit", "clock"] | None:
    """Return whether an expression gives each commit or each second (clock) its own tag; None if none does."""
    by_clock = False
    expressions = [expression for template in templates(rule, flavor) for expression in template.expressions]
    for expression in expressions:
        if expression.name == "sha" and event.builds_revision:
            return "commit"
        if expression.name == "tag" and event.tag is not None and is_one_release(event.tag):
            return "commit"
        if expression.name in ("date", "commit_date") and has_seconds(expression.argument or ""):
            if expression.name == "commit_date" and event.source.commit_time is not None:
                return "commit"
            by_clock = True
    return "clock" if by_clock else None


def _latest(flavor: Flavor, event: Event, rule_tags: Sequence[_RuleTag]) -> Tag:
    """Return the tag `latest`, or raise NoValue. With ``latest=auto``, the first rule that gives a tag decides, as in
    metadata-action."""
    if not rule_tags or flavor.latest == "false":
        raise NoValue("it is switched off" if rule_tags else "no rule gives a tag")
    first, value = rule_tags[0].tag.name, rule_tags[0].value
    because, release, forward = "as asked", None, flavor.forward
    if flavor.latest == "auto" and not value.latest:
        raise NoValue(f"{first} is no release")
    if event.source.is_change:
        raise NoValue(f"latest stays with branches and releases: this is a {event.name}")
    if flavor.latest == "auto":
        because = f"{first} is a release"
        if flavor.forward and value.version is not None:
            release, forward = LatestRelease(value.version), False
            higher = release.higher(value.releases)
            if higher is not None:
                raise NoValue(f"latest stays with the higher release {higher.tag}")
            shallow = " (the clone is shallow and may lack some)" if event.source.shallow else ""
            because = f"{first} is the highest release that git knows{shallow}"
    prefix = event.render(flavor.prefix) if flavor.prefix_on_latest else ""
    suffix = event.render(flavor.suffix) if flavor.suffix_on_latest else ""
    name = as_tag(f"{prefix}latest{suffix}") or "latest"
    # Each variant (with a prefix or suffix) has its own `latest`, and the name of a release doesn't tell its variant.
    is_variant = name != "latest" or first != value.text
    release = None if is_variant else release
    return Tag(name, "moving", f"flavor latest={flavor.latest}", because, release, "commits" if forward else None)


def _unique(rule_tags: Sequence[_RuleTag]) -> list[_RuleTag]:
    """Return one tag for each name, at the position of the first; a fixed tag replaces a moving one."""
    by_name: dict[str, _RuleTag] = {}
    for item in rule_tags:
        earlier = by_name.get(item.tag.name)
        if earlier is None or (earlier.tag.kind == "moving" and item.tag.kind == "fixed"):
            by_name[item.tag.name] = item
    return list(by_name.values())


def _uncommitted(rules: Sequence[Rule], flavor: Flavor, event: Event) -> TagSet:
    """Return the tags of an uncommitted tree: those of sha rules with ``-dirty``, or a default tag if there are none.

    Such a tree is never a release and moves no tag (docs/tags.md, "Which event it is").
    """
    source = event.source
    because = f"uncommitted changes ({', '.join(source.changed[:3])}{', …' if len(source.changed) > 3 else ''})"
    if source.revision is None:
        because = "there is no git commit to name it by"
    results: list[RuleResult] = []
    tags: dict[str, Tag] = {}
    for rule in rules:
        try:
            if rule.type != "sha":
                raise NoValue(because)
            clean = _apply(rule, flavor, event).tag
            name = clean.name[: MAX_LENGTH - len(DIRTY)] + DIRTY
            tag = replace(clean, name=name, kind="moving", because=because, forward=None)
            tags.setdefault(name, tag)
            results.append(_result(tag))
        except NoValue as reason:
            results.append(RuleResult(rule.text, str(reason)))
    if not tags:
        name = f"sha-{event.short_revision}{DIRTY}" if event.short_revision else UNVERSIONED
        tags[name] = Tag(name, "moving", "type=sha" if event.short_revision else "type=raw", because)
        results.append(RuleResult("uncommitted", because, name, "moving"))
    first = next(iter(tags.values()))
    return TagSet(first.name, tuple(tags.values()), rules=tuple(results), publishing=first)
