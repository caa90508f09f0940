"""What tests of runs that take turns share."""

from __future__ import annotations

import pytest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits, which take no time."""
    waits: list[float] = []
    monkeypatch.setattr("ecr_tasks.execute.turns.time.sleep", waits.append)
    return waits
