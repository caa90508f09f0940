"""Print findings as a table: a row for each, with its remedy (`doctor`, `verify`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Meaning, Styled, Text, result_table, with_typed_commands

if TYPE_CHECKING:
    from ecr_tasks.errors import EcrTasksError
    from ecr_tasks.model.finding import Finding, State
    from ecr_tasks.plan.gates import Failed

MEANINGS: Mapping[State, Meaning] = {"wrong": "bad", "warning": "warning", "unknown": "dim", "fine": "good"}


def findings_table(findings: Sequence[Finding], section: str = "section") -> None:
    """Print the table on stdout; ``section`` is the heading of the first column."""
    rows: list[tuple[Text, ...]] = []
    last = ""
    for item in findings:
        remedy = (Styled(" → ", "dim"), item.remedy) if item.remedy and item.state != "fine" else ()
        # A person sees a section's name once; each row of a pipe has it.
        head = Styled(item.section, "strong", short="" if item.section == last else None)
        last = item.section
        text = (Styled(f"{item.name}: ", "strong"), item.text, *remedy)
        rows.append((head, Styled(item.state, MEANINGS[item.state]), text))
    result_table((Column(section, worth=1, heads=True), "state", Column("what is so → what to do", least=24)), rows)


def finding_json(item: Finding) -> dict[str, Any]:
    """Return a finding for a JSON document."""
    return {
        "section": item.section,
        "name": item.name,
        "state": item.state,
        "text": with_typed_commands(item.text),
        "remedy": with_typed_commands(item.remedy) or None,
    }


def problem_json(problem: EcrTasksError | Failed) -> dict[str, str]:
    """Return an error or a gate that isn't passed for a JSON document."""
    return {"cause": with_typed_commands(problem.cause), "remedy": with_typed_commands(problem.remedy)}
