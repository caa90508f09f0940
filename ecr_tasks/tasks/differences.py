"""Show a difference between what is set in ECR and what is wanted: red for what goes, green for what comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_tasks.console import Meaning, Styled, say

if TYPE_CHECKING:
    from ecr_tasks.model.repository import Difference

_MEANINGS: Mapping[str, Meaning] = {"+": "add", "-": "remove"}


def show_difference(difference: Difference) -> None:
    """Print a difference's name, and below it the lines to remove and to add."""
    title, *changes = difference.lines
    say(title, indent=2)
    say(*(Styled(line.strip(), _MEANINGS[line.strip()[0]]) for line in changes), indent=4)
