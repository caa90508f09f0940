"""The page of the leak guards has each of them by its name, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from ecr_tasks.checks import allowed_secrets, password_files, secret_shapes
from ecr_tasks.checks.allowed_secrets import guard_of

PAGE = Path(__file__).parents[2] / "docs" / "leak-guards.md"


def test_every_guard_is_on_the_page() -> None:
    shapes = [shape for _, group in secret_shapes._GATES for shape in group] + list(secret_shapes._OTHERS)
    found = [shape.what for shape in shapes]
    found += [what for rules in password_files._OF_FILES.values() for what, _, _ in rules]
    found += [*allowed_secrets._GUARDS, "a private key in DER", "an authorization header", "the value of X"]
    rows = re.findall(r"(?m)^\| (`[a-z].*?`) \|", PAGE.read_text("utf-8").partition("## The guards")[2])
    assert {name for row in rows for name in re.findall(r"`(.+?)`", row)} == set(map(guard_of, found))
