"""The benchmark's registry: every answer comes late, on every port, and is counted."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.registry import Registry

DELAY = 0.2


def refused(url: str) -> float:
    """Ask a registry without a login and return how many seconds the refusal took."""
    begun = time.monotonic()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(url, timeout=30)  # noqa: S310
    return time.monotonic() - begun


def test_every_answer_comes_late_and_waves_are_told_from_requests(tmp_path: Path) -> None:
    """A refused request too, and one to another account's port; those at the same time are one wave."""
    registry = Registry(tmp_path / "ecr", DELAY)
    try:
        address = registry.create("team/app", "222233334444", "eu-west-1")
        assert not address.startswith(registry.host)
        urls = [f"{registry.endpoint}/v2/", f"http://{address.partition('/')[0]}/v2/"]
        with registry.counted() as counted:
            registry.api("DescribeRepositories")
            with ThreadPoolExecutor(2) as pool:
                seconds = list(pool.map(refused, urls))
        assert min(seconds) >= DELAY
        assert (counted[0].calls, counted[0].requests) == (1, 2)
        # On a machine that starts one of them only after the other's answer, they are two.
        assert 2 <= counted[0].waves <= 3
    finally:
        registry.stop()
