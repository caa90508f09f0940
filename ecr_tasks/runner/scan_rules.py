"""Which findings of scans fail: the settings and flags that scan, verify and promote have in common."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ecr_tasks.console import warn
from ecr_tasks.errors import SettingsError
from ecr_tasks.model.scan import DEFAULT_LEVEL, AcceptedFinding, ScanRules

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


def scan_rules(
    run: Run,
    level: str | bool | None,
    flag: str,
    *,
    only_fixable: bool = False,
    than: str | None = None,
    shows: bool = False,
) -> ScanRules:
    """Return the rules by a flag with a level, ECR_SCAN_FAIL_ON and ECR_SCAN_ACCEPTED; warn of expired entries.

    ``level`` is True for a flag without one. Without any level it is the lowest with ``than``; otherwise critical, or
    none for a task that ``shows`` what there is. Raises SettingsError for an unknown level or tag, and for a file
    that can't be read.
    """
    from ecr_tasks.model.reference import parse_image_name
    from ecr_tasks.plan.scan_gate import scan_level

    default = "undefined" if than is not None else None if shows else DEFAULT_LEVEL
    other = None
    if than is not None:
        name = parse_image_name(than)
        other = name.reference
        if name.repository is not None:
            raise SettingsError(
                f"--than names {name.repository}, and an image is compared with another of its own repository.",
                f"Write --than {other} alone.",
            )
    chosen = scan_level(True if level is None else level, run.settings.scan_fail_on, default, flag)
    accepted, expired = accepted_findings(run)
    for entry in expired:
        warn(f"{entry.place}: {entry} was accepted until {entry.until}, so it counts again. Look at it anew.")
    return ScanRules(chosen, only_fixable, accepted, other)


def accepted_findings(run: Run) -> tuple[tuple[AcceptedFinding, ...], tuple[AcceptedFinding, ...]]:
    """Return the findings that ECR_SCAN_ACCEPTED's file accepts today (UTC), and those that it did before today."""
    if run.settings.scan_accepted is None:
        return (), ()
    from ecr_tasks.source.accepted_findings import read_accepted_findings

    entries = read_accepted_findings(run.settings.scan_accepted)
    today = datetime.now(timezone.utc).date()
    expired = tuple(entry for entry in entries if entry.is_expired(today))
    return tuple(entry for entry in entries if entry not in expired), expired


def parse_timeout(text: str) -> float:
    """Return the seconds of a time such as ``90s``, ``10m`` or ``1h``; a number alone is seconds.

    Raises SettingsError for anything else.
    """
    match = re.fullmatch(r"([0-9]{1,6})([smh]?)", text.strip())
    if match is None:
        raise SettingsError(f"--timeout {text[:40]!r} is no time.", "Write one such as 90s, 10m or 1h.")
    return float(int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]])
