"""The flavor: when to set `latest`, whether it only moves to higher versions, and the prefix and suffix of tags.

The syntax is docker/metadata-action's (README, "flavor input"); only ``forward=`` is an addition of ecr-tasks.
"""

from __future__ import annotations

from typing import Any

from ecr_tasks.errors import nearest
from ecr_tasks.frozen import dataclass
from ecr_tasks.tags.rules import RuleProblem, template_of
from ecr_tasks.tags.syntax import Field, RuleError, split_fields, split_rules
from ecr_tasks.tags.template import EMPTY, Template

_KEYS = ("latest", "forward", "prefix", "suffix", "onlatest")


@dataclass(frozen=True)
class Flavor:
    """One flavor. ``latest`` is auto, true or false; ``prefix`` and ``suffix`` apply to rules without their own.

    ``forward`` lets `latest` move to higher versions only.
    """

    latest: str = "auto"
    forward: bool = True
    prefix: Template = EMPTY
    prefix_on_latest: bool = False
    suffix: Template = EMPTY
    suffix_on_latest: bool = False


def parse_flavor(text: str) -> Flavor:
    """Parse the text of ECR_FLAVOR. Raises RuleProblem for the first entry with a mistake."""
    values: dict[str, Any] = {}
    for number, entry in enumerate(split_rules(text), 1):
        affix = ""
        try:
            for field in split_fields(entry):
                name, value = _parse_field(field, affix)
                if name in values:
                    raise RuleError(f"has {field.key}=, which was given before: keep one", field.column)
                values[name] = value
                affix = name if name in ("prefix", "suffix") else affix
        except RuleError as error:
            raise RuleProblem(number, entry, error) from error
    return Flavor(**values)


def _parse_field(field: Field, affix: str) -> tuple[str, str | bool | Template]:
    """Return the attribute of the flavor that a field sets, and its value.

    ``affix`` is the key before ``onlatest=`` that it belongs to: prefix, suffix, or empty without one.
    """
    if field.key is None:
        raise RuleError(f"has {field.value!r} without a key: write for example latest=auto", field.column)
    if field.key not in _KEYS:
        suggestion = nearest(field.key, _KEYS)
        raise RuleError(
            f"has the key {field.key!r}, which a flavor hasn't: did you mean {suggestion}=?", field.column
        )
    if field.key in ("prefix", "suffix"):
        return field.key, template_of(field.value, field.column)
    allowed = ("auto", "true", "false") if field.key == "latest" else ("true", "false")
    if field.value not in allowed:
        raise RuleError(f"has {field.key}={field.value}: it must be {' or '.join(allowed)}", field.column)
    if field.key == "latest":
        return "latest", field.value
    if field.key == "onlatest" and not affix:
        raise RuleError("has onlatest= where no prefix= or suffix= stands before it", field.column)
    return "forward" if field.key == "forward" else f"{affix}_on_latest", field.value == "true"
