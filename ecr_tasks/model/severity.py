"""The severities of vulnerabilities."""

from __future__ import annotations

from typing import Literal, get_args

Level = Literal["critical", "high", "medium", "low", "informational", "undefined"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""The severities, the worst first (ECR's API model, FindingSeverity)."""
