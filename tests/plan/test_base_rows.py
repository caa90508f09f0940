"""Tests of plan/base_rows: a base image beside its lock, and what its registry has now where that was asked."""

from __future__ import annotations

import pytest

from ecr_tasks.plan.base_rows import base_row
from ecr_tasks.source.bases import Base
from ecr_tasks.source.bases_lock import Lock

NAME = "docker.io/library/python:3.12"
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.mark.parametrize(
    ("lock", "now", "state"),
    [
        (None, None, "not locked"),
        ({}, None, "not locked"),
        ({NAME: A}, None, "locked"),
        ({NAME: A}, {NAME: A}, "locked"),
        ({NAME: A}, {NAME: B}, "has moved"),
        ({NAME: A}, {NAME: None}, "has moved"),
        ({NAME: None}, None, "only in the engine's store"),
        ({NAME: None}, {NAME: None}, "only in the engine's store"),
        ({NAME: None}, {NAME: A}, "not locked"),
        ({}, {NAME: A}, "not locked"),
        (None, {NAME: A}, "not locked"),
    ],
)
def test_a_base_image_is_locked_until_its_registry_has_another_one(
    lock: Lock | None, now: Lock | None, state: str
) -> None:
    row = base_row("app", Base("python:3.12", NAME, "python:3.12"), lock, now)
    assert (row.locked, row.now, row.state) == ((lock or {}).get(NAME), (now or {}).get(NAME), state)


def test_a_digest_in_the_dockerfile_counts_whatever_the_lock_has() -> None:
    base = Base(f"python:3.12@{B}", NAME, "python:3.12")
    row = base_row("app", base, {NAME: A}, {NAME: A})
    assert (row.locked, row.now, row.state) == (B, None, "fixed in the Dockerfile")
