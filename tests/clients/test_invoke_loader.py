"""Why Invoke can't load a project's tasks, with the line of theirs that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.clients.invoke_loader import load_mistake


@pytest.mark.parametrize("name", ["tasks.py", "tasks/__init__.py"])
@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("from invoke import task\n\n\n@task\ndef own(c):\n    pass\n", ""),
        ("import invoke\n\ndef own(:\n", "line 3: SyntaxError"),
        ("from invoke import task\nimport not_there\n", "line 2: ModuleNotFoundError: No module named 'not_there'"),
        ("def own():\n    raise ValueError('x')\n\nown()\n", "line 2: ValueError: x"),
        ("import json\njson.loads('{')\n", "line 2: json.decoder.JSONDecodeError"),
    ],
)
def test_the_last_line_of_the_tasks_is_named(tmp_path: Path, name: str, text: str, mistake: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    found = load_mistake(path)
    assert found.startswith(mistake)
    assert bool(found) is bool(mistake)


def test_where_it_can_not_be_asked_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("def own(:\n")
    assert load_mistake(tmp_path / "tasks.py", "/no/python") == ""
