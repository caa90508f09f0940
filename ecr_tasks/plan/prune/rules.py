"""Parse the rules of ECR_PRUNE: which images may go, and which stay whatever the other rules say.

A rule is written like one of ECR_TAGS: ``type=…,key=value``, one on each line, or with ``;`` between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, cast, get_args

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.frozen import dataclass
from ecr_tasks.tags.syntax import Field, RuleError, split_fields, split_rules

RuleType = Literal["untagged", "cache", "tags", "gone", "archived", "keep"]

_KEYS: Mapping[RuleType, tuple[str, ...]] = {
    "untagged": ("older", "newest"),
    "cache": ("older", "newest"),
    "tags": ("pattern", "older", "newest"),
    "gone": ("pattern", "older", "newest"),
    "archived": ("older",),
    "keep": ("pattern", "pulled", "releases"),
}
_ALL_KEYS = tuple(dict.fromkeys(key for keys in _KEYS.values() for key in keys))
_NEEDED: Mapping[RuleType, tuple[str, ...]] = {
    "untagged": ("older", "newest"),
    "cache": ("older", "newest"),
    "tags": ("older", "newest"),
    "gone": ("pattern",),
    "archived": ("older",),
    "keep": ("pattern", "pulled", "releases"),
}
"""Of these keys, a rule of the type has at least one."""

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_TAG_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,128}")
_LITERALS = 2

ARCHIVE_DAYS = 90
"""For how many days ECR charges an archived image at least (ECR user guide, "Archiving an image")."""


@dataclass(frozen=True)
class PruneRule:
    """One rule. ``pattern`` is a wildcard over a whole tag; it is ``*`` where the rule has none.

    ``older`` is the least age of what may go, ``newest`` how many of what the rule is about stay in any case, and
    ``pulled`` within what time a pull keeps an image. ``releases`` is how many earlier images of a tag stay, which
    `rollback` could put back.
    """

    text: str
    type: RuleType
    pattern: str = "*"
    older: timedelta = timedelta()
    newest: int = 0
    pulled: timedelta | None = None
    releases: int | None = None

    @property
    def keeps_tags(self) -> bool:
        """Whether the rule keeps what has a tag that its pattern fits, whatever else is known of it."""
        return self.type == "keep" and self.pulled is None and self.releases is None


def parse_prune_rules(text: str, place: str) -> tuple[PruneRule, ...]:
    """Parse the text of ECR_PRUNE, which is set at ``place``. Raises SettingsError for a mistake, or without a rule
    that lets anything go.
    """
    rules = []
    for number, rule in enumerate(split_rules(text), 1):
        try:
            rules.append(_rule(rule))
        except RuleError as error:
            raise SettingsError(
                f"{place}: rule {number} ({rule[:80]}), column {error.column}: {error.sentence}",
                "Correct it there; docs/prune.md has the language.",
            ) from error
    if all(rule.type == "keep" for rule in rules):
        raise SettingsError(
            "No rule says what may go, so nothing is pruned.",
            "Set ECR_PRUNE, such as ECR_PRUNE='type=untagged,older=14d' (docs/prune.md).",
        )
    return tuple(rules)


def _rule(text: str) -> PruneRule:
    fields: dict[str, Field] = {}
    for field in split_fields(text):
        if field.key not in ("type", *_ALL_KEYS):
            hint = nearest(field.key or "", ("type", *_ALL_KEYS)) or "type"
            raise RuleError(f"has {field.key or field.value!r}, which is no key: did you mean {hint}=?", field.column)
        if field.key in fields:
            raise RuleError(f"has {field.key}= twice: keep one", field.column)
        fields[field.key] = field
    kind = fields.pop("type", None)
    if kind is None:
        raise RuleError(f"has no type=, which is {', '.join(get_args(RuleType))}")
    if kind.value not in get_args(RuleType):
        hint = nearest(kind.value, get_args(RuleType)) or "untagged"
        raise RuleError(f"has the type {kind.value!r}, which isn't one: did you mean {hint}?", kind.column)
    rule_type = cast(RuleType, kind.value)
    for key, field in fields.items():
        if key not in _KEYS[rule_type]:
            raise RuleError(f"has {key}=, which does nothing with type={rule_type}: take it out", field.column)
    if rule_type == "tags" and "pattern" not in fields:
        raise RuleError("has no pattern=, which says whose tags may go: pattern=sha-*, or pattern=* for all of them")
    if not any(key in fields for key in _NEEDED[rule_type]):
        raise RuleError(f"has no {' or '.join(f'{key}=' for key in _NEEDED[rule_type])}")
    if "pulled" in fields and "releases" in fields:
        raise RuleError("has pulled= and releases=, which say different things: write two rules")
    rule = PruneRule(
        text=text,
        type=rule_type,
        pattern=_pattern(fields.get("pattern"), rule_type),
        older=_time(fields["older"]) if "older" in fields else timedelta(),
        newest=_number(fields["newest"]) if "newest" in fields else 0,
        pulled=_time(fields["pulled"]) if "pulled" in fields else None,
        releases=_number(fields["releases"], least=0) if "releases" in fields else None,
    )
    if rule_type == "archived" and rule.older < timedelta(days=ARCHIVE_DAYS):
        raise RuleError(f"has less than the {ARCHIVE_DAYS} days for which ECR charges an archived image")
    return rule


def _pattern(field: Field | None, rule_type: RuleType) -> str:
    if field is None:
        return "*"
    if not _TAG_PATTERN.fullmatch(field.value):
        raise RuleError(f"has the pattern {field.value!r}: it may have the characters of a tag, and *", field.column)
    if rule_type == "gone":
        if "*" not in field.value:
            raise RuleError(
                "has a pattern without *, which stands for the branch or the change's number", field.column
            )
        if len(field.value.replace("*", "")) < _LITERALS:
            raise RuleError(
                "has a pattern that every tag fits, and a tag that is no branch's would seem to be one that is gone: "
                "write what such tags begin with, as in pr-*",
                field.column,
            )
    return field.value


def _time(field: Field) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", field.value)
    if match is None:
        raise RuleError(f"has the time {field.value!r}: write 12h, 14d or 8w", field.column)
    return int(match[1]) * _UNITS[match[2]]


def _number(field: Field, least: int = 1) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", field.value) or int(field.value) < least:
        raise RuleError(f"has the number {field.value!r}: write one from {least} on", field.column)
    return int(field.value)
