"""The commands that remedies name are those that the person who started this run would type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_tasks.ci.outputs.write import show_error
from ecr_tasks.ci.systems import outputs_adapter
from ecr_tasks.console import commands_as
from ecr_tasks.errors import Refused
from ecr_tasks.model.receipt import FailedCopy, ImageReceipt, Receipt, Source
from ecr_tasks.runner import receipt_file
from ecr_tasks.runner.typed_commands import as_typed, prefix
from ecr_tasks.tasks.findings import problem_json

NAMES = ("build", "push", "init", "ci.init", "repo.ensure", "settings", "local.use", "local", "local.up", "env")


@pytest.mark.parametrize(
    ("command", "selection", "collection", "typed"),
    [
        ("repo.ensure", "", "", "inv repo.ensure"),
        ("repo.ensure", "env prod local", "", "inv env prod local repo.ensure"),
        ("build push --republish", "local", "ecr.", "inv ecr.local ecr.build ecr.push --republish"),
        ("local.up", "local", "", "inv local.up"),
        ("local …", "local", "ecr.", "inv ecr.local …"),
        ("env NAME …", "env prod", "", "inv env NAME …"),
        ("ci.init github", "", "ecr.", "inv ecr.ci.init github"),
        ("--list", "local", "", "inv --list"),
    ],
)
def test_a_command_has_the_selection_and_the_collection(
    command: str, selection: str, collection: str, typed: str
) -> None:
    text = as_typed(f"Or `inv {command}`, `docker run`.", "inv", selection, collection, NAMES)
    assert text == f"Or `{typed}`, `docker run`."


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("build push", ""),
        ("ci.init github", ""),
        ("own ecr.ci.init github", "ecr."),
        ("a.b.push", "a.b."),
        ("own", ""),
    ],
)
def test_the_collection_is_that_of_the_first_task_of_ours(line: str, expected: str) -> None:
    assert prefix(line.split(), NAMES) == expected


@pytest.mark.parametrize(
    ("program", "line", "remedy"),
    [
        (["invoke"], "ecr.env prod ecr.settings xyz", "`inv ecr.env prod ecr.settings --all` shows all of them."),
        (["ecr_tasks"], "env prod settings xyz", "`ecr-tasks env prod settings --all` shows all of them."),
    ],
)
def test_a_remedy_names_what_was_run(tmp_path: Path, program: list[str], line: str, remedy: str) -> None:
    (tmp_path / "tasks.py").write_text(
        "from invoke.collection import Collection\nimport ecr_tasks\n"
        "ns = Collection(Collection.from_module(ecr_tasks))\n"
    )
    (tmp_path / ".env.prod").touch()
    environ = {name: text for name, text in os.environ.items() if name != "UV_RUN_RECURSION_DEPTH"}
    command = [sys.executable, "-m", *program, *line.split()]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, remedy)


def test_a_remedy_for_a_program_or_a_ci_is_typed_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = Refused("It isn't built.", "Run `inv build`.")
    with commands_as(lambda text: text.replace("inv ", "./ecr-tasks ")):
        assert problem_json(error)["remedy"] == "Run `./ecr-tasks build`."
        show_error(outputs_adapter("github"), {}, error, tmp_path)
        image = ImageReceipt("app", "app", ("main",), "", failed=(FailedCopy("123456789012/eu-west-1", error),))
        source = Source(None, dirty=False, branch="main", tag=None, pull_request=None, ci=None)
        receipt = json.loads(receipt_file.write(tmp_path, Receipt(source, (image,))).read_text("utf-8"))
    assert receipt["images"][0]["failed"][0]["remedy"] == "Run `./ecr-tasks build`."
    assert "Run `./ecr-tasks build`." in capsys.readouterr().err
