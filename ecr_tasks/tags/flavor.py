"""The flavor: whether there is a `latest`, whether it moves forward only, and the prefix and suffix of every tag.

The language is docker/metadata-action's (README, "flavor input"); ``forward=`` is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ecr_tasks.errors import nearest
from ecr_tasks.tags.rules import RuleProblem, template_of
from ecr_tasks.tags.syntax import Field, RuleError, split_fields, split_rules
from ecr_tasks.tags.template import EMPTY, Template

_KEYS = ("latest", "forward", "prefix", "suffix", "onlatest")


@dataclass(frozen=True)
class Flavor:
    """One flavor. ``latest`` is auto, true or false; ``prefix`` and ``suffix`` are for rules without their own."""

    latest: str = "auto"
    forward: bool = True
    prefix: Template = EMPTY
    prefix_on_latest: bool = False
    suffix: Template = EMPTY
    suffix_on_latest: bool = False


def parse_flavor(text: str) -> Flavor:
    """Return the flavor of ECR_FLAVOR's text. Raises RuleProblem for the first entry with a mistake."""
    flavor = Flavor()
    for number, entry in enumerate(split_rules(text), 1):
        affix = ""
        try:
            for field in split_fields(entry):
                flavor = _with(flavor, field, affix)
                affix = field.key if field.key in ("prefix", "suffix") else affix
        except RuleError as error:
            raise RuleProblem(number, entry, error) from error
    return flavor


def _with(flavor: Flavor, field: Field, affix: str) -> Flavor:
    if field.key is None:
        raise RuleError(f"has {field.value!r} without a key: write for example latest=auto", field.column)
    if field.key not in _KEYS:
        raise RuleError(
            f"has the key {field.key!r}, which a flavor hasn't: did you mean {nearest(field.key, _KEYS)}=?",
            field.column,
        )
    if field.key == "latest":
        return replace(flavor, latest=_one_of(field, "auto", "true", "false"))
    if field.key == "forward":
        return replace(flavor, forward=_one_of(field, "true", "false") == "true")
    if field.key == "onlatest":
        on = _one_of(field, "true", "false") == "true"
        if affix == "prefix":
            return replace(flavor, prefix_on_latest=on)
        if affix == "suffix":
            return replace(flavor, suffix_on_latest=on)
        raise RuleError("has onlatest= where no prefix= or suffix= stands before it", field.column)
    template = template_of(field.value, field.column)
    return replace(flavor, prefix=template) if field.key == "prefix" else replace(flavor, suffix=template)


def _one_of(field: Field, *allowed: str) -> str:
    if field.value not in allowed:
        raise RuleError(f"has {field.key}={field.value}: it must be {' or '.join(allowed)}", field.column)
    return field.value
