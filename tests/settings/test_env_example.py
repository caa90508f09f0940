"""`.env.example` as it is committed, and each example in it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from ecr_tasks.settings.env_example import render
from ecr_tasks.settings.schema import TABLE
from tests.support.dotenv_project import Project

ROOT = Path(__file__).parents[2]


def test_the_committed_example_is_the_tables() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == render(), "write it anew: python -m ecr_tasks.settings.env_example > .env.example"
    assert text.isascii()
    for name in TABLE:
        assert sum(line.startswith(f"#{name}=") for line in text.splitlines()) == 1
        before = text.splitlines()[text.splitlines().index(f"#{name}={TABLE[name].example}") - 1]
        assert before.startswith("# ")
    assert all(binding.key is None for binding in parse_stream(io.StringIO(text)))


@pytest.mark.parametrize("name", TABLE)
def test_every_example_can_be_used_as_it_stands(project: Project, name: str) -> None:
    for file in ("docker-bake.hcl", "ecr/lifecycle.json", "ecr/policy.json", ".env.ecr"):
        project.write("", file)
    project.write(f"{name}={TABLE[name].example}")
    project.load()
