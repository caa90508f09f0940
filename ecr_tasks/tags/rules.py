"""Parse the tag rules of ECR_TAGS, check them, and add the defaults of each type.

The syntax is docker/metadata-action's (README, "tags input"), with its types, keys, defaults and priorities; only
``kind=`` and ``forward=`` are additions of ecr-tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast, get_args

from ecr_tasks.errors import nearest
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.tag import Kind
from ecr_tasks.tags.dates import time_zone
from ecr_tasks.tags.syntax import Field, RuleError, split_fields, split_rules
from ecr_tasks.tags.template import EMPTY, Template, parse_template

if TYPE_CHECKING:
    from ecr_tasks.tags.js_regexp import Regexp


RuleType = Literal["schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha"]

PRIORITIES: Mapping[RuleType, float] = {
    "schedule": 1000,
    "semver": 900,
    "pep440": 900,
    "match": 800,
    "edge": 700,
    "ref": 600,
    "raw": 200,
    "sha": 100,
}


_ONE_RULE_A_LINE = "write one rule a line, or ; between rules"

DATES = ("date", "commit_date")
"""The expressions that take a format, such as ``{{date 'YYYY'}}``."""
GLOBALS = ("branch", "tag", "sha", "base_ref", "is_default_branch", "is_not_default_branch")
VERSION_PARTS = ("version", "major", "minor", "patch", "raw")

_COMMON_KEYS = ("type", "enable", "priority", "prefix", "suffix", "kind", "forward")
_KEYS: Mapping[RuleType, tuple[str, ...]] = {
    "schedule": ("pattern",),
    "semver": ("pattern", "value", "match"),
    "pep440": ("pattern", "value", "match"),
    "match": ("pattern", "group", "value"),
    "edge": ("branch",),
    "ref": ("event",),
    "raw": ("value",),
    "sha": ("format",),
}
"""The keys of each type besides the common ones."""
_EXPRESSIONS: Mapping[RuleType, tuple[str, ...]] = {
    "semver": (*VERSION_PARTS, "prerelease", "build"),
    "pep440": VERSION_PARTS,
    "schedule": GLOBALS,
}
_DEFAULTS: Mapping[RuleType, Mapping[str, str]] = {"schedule": {"pattern": "nightly"}, "sha": {"prefix": "sha-"}}


@dataclass(frozen=True)
class Rule:
    """One parsed rule. Attributes that its type doesn't have are None or the default.

    ``prefix`` and ``suffix`` are None when the flavor's apply; ``value`` is None when git's ref is used.
    """

    text: str
    number: int
    type: RuleType
    priority: float
    enable: Template
    prefix: Template | None = None
    suffix: Template | None = None
    value: Template | None = None
    pattern: Template = EMPTY
    regexp: Regexp | None = None
    group: int = 0
    event: str = ""
    branch: str = ""
    long: bool = False
    kind: Kind | None = None
    forward: bool | None = None


class RuleProblem(Exception):
    """The rule with this number has a mistake; ``error`` has the reason and the column."""

    def __init__(self, number: int, text: str, error: RuleError) -> None:
        super().__init__(number, text, error)
        self.number, self.text, self.error = number, text, error


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Parse the text of ECR_TAGS; return the rules by descending priority. Raises RuleProblem for a mistake."""
    rules = []
    for number, rule in enumerate(split_rules(text), 1):
        try:
            rules.append(parse_rule(rule, number))
        except RuleError as error:
            raise RuleProblem(number, rule, error) from error
    return tuple(sorted(rules, key=lambda rule: -rule.priority))


def parse_rule(text: str, number: int = 1) -> Rule:
    """Parse one rule. Raises RuleError for a mistake."""
    fields = _fields(text)
    field = fields["type"]
    if field.value not in get_args(RuleType):
        suggestion = nearest(field.value, get_args(RuleType)) if field.value else "raw"
        raise RuleError(f"has the type {field.value!r}, which isn't one: did you mean {suggestion}?", field.column)
    rule_type = cast(RuleType, field.value)
    for key, other in fields.items():
        if key not in (*_COMMON_KEYS, *_KEYS[rule_type]):
            remedy = "take it out" if other.key else _ONE_RULE_A_LINE
            raise RuleError(f"has {key}=, which does nothing with type={rule_type}: {remedy}", other.column)
    is_pull_request = rule_type == "ref" and "event" in fields and fields["event"].value == "pr"
    defaults = {"prefix": "pr-"} if is_pull_request else _DEFAULTS.get(rule_type, {})
    fields = {**{key: Field(key, value, 1) for key, value in defaults.items()}, **fields}
    return Rule(
        text=text,
        number=number,
        type=rule_type,
        priority=_priority(fields.get("priority"), rule_type),
        enable=_template(fields["enable"]),
        prefix=_template(fields["prefix"]) if "prefix" in fields else None,
        suffix=_template(fields["suffix"]) if "suffix" in fields else None,
        value=_value(fields, rule_type),
        pattern=_pattern(fields, rule_type),
        regexp=_regexp(fields, rule_type),
        group=_group(fields.get("group"), rule_type),
        event=_choice(fields, "event", ("branch", "tag", "pr"), None) if rule_type == "ref" else "",
        branch=fields["branch"].value if "branch" in fields else "",
        long=rule_type == "sha" and _choice(fields, "format", ("short", "long"), "") == "long",
        kind=cast("Kind | None", _choice(fields, "kind", ("fixed", "moving"), "") or None),
        forward={"true": True, "false": False}.get(_choice(fields, "forward", ("true", "false"), "")),
    )


def _fields(text: str) -> dict[str, Field]:
    """Return the fields by key: a value without a key gets the key ``value``. Each key may occur once."""
    by_key: dict[str, Field] = {}
    for field in split_fields(text):
        key = "value" if field.key is None else field.key
        known = tuple(dict.fromkeys((*_COMMON_KEYS, *(name for names in _KEYS.values() for name in names))))
        if key not in known:
            suggestion = nearest(key, known)
            raise RuleError(f"has the key {key!r}, which no rule has: did you mean {suggestion}=?", field.column)
        if key in by_key:
            remedy = "keep one" if field.key not in (None, "type") else _ONE_RULE_A_LINE
            raise RuleError(f"has {key}= twice: {remedy}", field.column)
        by_key[key] = field
    return {"type": Field("type", "raw", 1), "enable": Field("enable", "true", 1), **by_key}


def _value(fields: Mapping[str, Field], rule_type: RuleType) -> Template | None:
    field = fields.get("value")
    if rule_type == "raw" and field is None:
        raise RuleError("has no value=: a raw rule is type=raw,value=… or just the tag")
    if field is None or rule_type not in ("raw", "semver", "pep440", "match"):
        return None
    return _template(field) if field.value or rule_type == "raw" else None


def _pattern(fields: Mapping[str, Field], rule_type: RuleType) -> Template:
    if rule_type not in _EXPRESSIONS:
        return EMPTY
    if "pattern" not in fields:
        raise RuleError(f"has no pattern=: write for example type={rule_type},pattern={{{{version}}}}")
    field = fields["pattern"]
    return template_of(field.value, field.column, _EXPRESSIONS[rule_type], DATES if rule_type == "schedule" else ())


def _regexp(fields: Mapping[str, Field], rule_type: RuleType) -> Regexp | None:
    """Return the ``pattern=`` of a match rule, or the ``match=`` of a version rule, whose first group is the version.

    None when the rule has no regular expression.
    """
    key = {"match": "pattern", "semver": "match", "pep440": "match"}.get(rule_type, "")
    field = fields.get(key)
    if rule_type == "match" and field is None:
        raise RuleError("has no pattern=: write for example type=match,pattern=v(.*),group=1")
    if field is None or (key == "match" and not field.value):
        return None
    from ecr_tasks.tags.js_regexp import Regexp, UnsupportedPattern

    try:
        regexp = Regexp.parse(field.value) if key == "pattern" else Regexp(field.value)
        if key == "match" and not regexp.groups:
            raise UnsupportedPattern("it has no group (…) that says which part is the version")
    except UnsupportedPattern as error:
        raise RuleError(f"has a {key}= that can't be used: {error}", field.column) from error
    return regexp


def _group(field: Field | None, rule_type: RuleType) -> int:
    if field is None or rule_type != "match":
        return 0
    if not (field.value.isascii() and field.value.isdecimal()):
        raise RuleError(f"has the group {field.value!r}, which is not a number", field.column)
    return int(field.value[:9])


def _priority(field: Field | None, rule_type: RuleType) -> float:
    if field is None:
        return PRIORITIES[rule_type]
    try:
        priority = float(field.value or 0)
    except ValueError:
        priority = math.nan
    if math.isnan(priority):
        raise RuleError(f"has the priority {field.value!r}, which is not a number", field.column)
    return priority


def _choice(fields: Mapping[str, Field], key: str, allowed: tuple[str, ...], default: str | None) -> str:
    field = fields.get(key)
    words = " or ".join((", ".join(allowed[:-1]), allowed[-1]))
    if field is None:
        if default is None:
            raise RuleError(f"has no {key}=, which must be {words}")
        return default
    if field.value not in allowed:
        raise RuleError(f"has the {key} {field.value!r}: it must be {words}", field.column)
    return field.value


def template_of(
    text: str, column: int = 1, names: tuple[str, ...] = GLOBALS, with_format: tuple[str, ...] = DATES
) -> Template:
    """Parse a template. Raises RuleError for a syntax error or a time zone that doesn't exist."""
    template = parse_template(text, column, names, with_format)
    for expression in template.expressions:
        try:
            time_zone(expression.options.get("tz", "UTC"))
        except ValueError as error:
            raise RuleError(f"can't be used: {error}", expression.column) from error
    return template


def _template(field: Field) -> Template:
    return template_of(field.value, field.column)
