"""A value on the command line is refused when it is empty, or given twice to a flag that is no list."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from invoke.exceptions import Exit, ParseError
from invoke.parser import Parser
from invoke.parser.argument import Argument

from ecr_tasks.tasks.collection import ns
from tests.support.inv import ECR_TASKS, INVOKE, run_inv


def parsed(line: list[str]) -> dict[str, object]:
    """Return the values that Invoke's parser gives the only task of a command line."""
    (context,) = PARSER.parse_argv(line)
    return {name: argument.value for name, argument in context.args.items()}


CONTEXTS = {context.name: context for context in ns.to_contexts()}
PARSER = Parser(contexts=CONTEXTS.values())  # which parses into copies of them
FLAGS = [
    pytest.param(context.name, argument, id=f"{context.name} {argument.names[0]}")
    for context in CONTEXTS.values()
    for argument in context.args.values()
    if argument.takes_value
]


@pytest.mark.parametrize(("task", "argument"), FLAGS)
def test_every_flag_refuses_an_empty_and_a_second_value(
    task: str, argument: Argument, capsys: pytest.CaptureFixture[str]
) -> None:
    positions = ["x" for one in CONTEXTS[task].positional_args if one.name != argument.name]
    flag = f"--{argument.names[0]}"
    for words in ([f"{flag}="], [flag, " "]):
        with pytest.raises(Exit) as end:
            parsed([task, *positions, *words])
        assert end.value.code == 2
        assert " is empty.\nGive it a value" in capsys.readouterr().err
    if argument.kind is list:
        line = [task, *positions, flag, "1", f"{flag}=2"]
        assert parsed(line)[argument.name or ""] == ["1", "2"]
        return
    for words in ([flag, "1", flag, "2"], [flag, "1", f"{flag}=2"]):
        with pytest.raises(Exit) as end:
            parsed([task, *positions, *words])
        assert end.value.code == 2
        assert " is given twice: 1 and 2.\nGive it once." in capsys.readouterr().err


@pytest.mark.parametrize(("task", "argument"), FLAGS)
def test_every_flag_refuses_no_value_unless_it_does_without(task: str, argument: Argument) -> None:
    positions = ["x" for one in CONTEXTS[task].positional_args if one.name != argument.name]
    flag = f"--{argument.names[0]}"
    if not argument.optional:
        with pytest.raises(ParseError, match=f"Flag {flag} needed value"):
            parsed([task, *positions, flag])


def test_a_value_by_position_and_by_its_flag_is_given_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit):
        parsed(["env", "prod", "--name", "build"])
    assert "NAME is given twice: prod and build." in capsys.readouterr().err


def test_a_flag_without_and_with_a_value_is_given_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit):
        parsed(["promote", "v1", "--require-scan", "--require-scan=high"])
    assert "--require-scan is given twice: no value and high." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "flag", "remedy"),
    [
        ("push --image a --image", "--image", "Give it a value each time."),
        ("push --image=a --image --json", "--image", "Give it a value each time."),
        ("build --image a --image b --image push", "", ""),
        ("build --image a push --image b", "", ""),
        ("push --image build --image", "--image", "Give it a value each time."),
        ("push --image a -- --image", "", ""),
        ("promote v1 --tag a --to b --to", "--to", "Give it once."),
        ("push --only linux/amd64 --json --only", "--only", "Give it once."),
        ("push --image a --image --help", "--image", "Give it a value each time."),
        ("push --image a --image -T 5", "--image", "Give it a value each time."),
        ("push --only linux/amd64 --only --dry", "--only", "Give it once."),
    ],
)
def test_a_second_flag_without_a_value_is_refused(tmp_path: Path, line: str, flag: str, remedy: str) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n")
    for program in (INVOKE, ECR_TASKS):
        done = run_inv(line.split(), tmp_path, os.environ, program)
        refused = f"ecr-tasks: {flag} is given twice, and once without a value.\n{remedy}\n"
        if flag:
            assert (done.returncode, done.stdout, done.stderr) == (2, "", refused)
        else:
            assert "without a value" not in done.stderr


def test_a_flag_of_invokes_own_is_no_value(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n")
    for line in ("push --image --help", "promote v1 --to -h", "images --limit --dry", "iam.policy --for -T 5"):
        for program in (INVOKE, ECR_TASKS):
            done = run_inv(line.split(), tmp_path, os.environ, program)
            flag, own = next(pair for pair in pairwise(line.split()) if pair[0].startswith("--"))
            refused = f"ecr-tasks: {flag} needs a value, and {own} follows it.\nGive it one.\n"
            assert (done.returncode, done.stdout, done.stderr) == (2, "", refused)


@pytest.mark.parametrize("line", ["promote v1 --require-scan --dry --tag a", "attest v1 --get -T 5"])
def test_a_flag_of_invokes_own_is_no_value_where_there_may_be_one(tmp_path: Path, line: str) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n")
    _, _, flag, own, *_ = words = line.split()
    for program in (INVOKE, ECR_TASKS):
        done = run_inv(words, tmp_path, os.environ, program)
        refused = f"ecr-tasks: {own} stands where {flag} may have a value.\nWrite {own} before {flag}.\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", refused)


def test_an_unknown_flag_is_no_value_by_position(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n")
    for line in (["scan", "-s", "a"], ["scan", "--sevrity", "high"], ["promote", "-x", "--tag=a"]):
        for program in (INVOKE, ECR_TASKS):
            done = run_inv(line, tmp_path, os.environ, program)
            assert (done.returncode, done.stdout) == (2, "")
            assert f"ecr-tasks: {line[1]} is no flag of this task, and stands where SOURCE does." in done.stderr


@pytest.mark.parametrize("program", [["-m", "invoke"], ["-m", "ecr_tasks"]])
def test_both_programs_start_no_task(tmp_path: Path, program: list[str]) -> None:
    (tmp_path / "tasks.py").write_text(
        "from invoke.collection import Collection\nfrom invoke.tasks import task\nimport ecr_tasks\n"
        "@task\ndef own(c):\n    print('ran')\n"
        "ns = Collection.from_module(ecr_tasks)\nns.add_task(own)\n"
    )
    words = ["iam.policy", "--for", "pull", "--for", "own"]
    done = subprocess.run(
        [sys.executable, *program, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ecr-tasks: --for is given twice: pull and own.\nGive it once.\n"


def test_the_shell_still_gets_completions_after_a_flag_that_is_there_twice(tmp_path: Path) -> None:
    line = "iam.policy --for pull --for push --si"
    done = subprocess.run(
        [sys.executable, "-m", "ecr_tasks", "--complete", "--", line],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, "--side" in done.stdout.split()) == ("", True)


@pytest.mark.parametrize("program", [["-m", "invoke"], ["-m", "ecr_tasks"]])
@pytest.mark.parametrize("word", ["--yes=tags", "--yes=", "--yes=false"])
def test_a_value_of_a_flag_that_has_none_is_no_task(tmp_path: Path, program: list[str], word: str) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n")
    words = ["prune", word, "tags", "--source=x"]
    done = subprocess.run(
        [sys.executable, *program, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    cause = f"ecr-tasks: --yes has no value, and the command line says {word}.\n"
    assert done.stderr == f"{cause}Write --yes to have it, or leave it out.\n"


def test_another_tasks_flag_of_the_same_name_may_have_a_value(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "from invoke.tasks import task\nfrom ecr_tasks import ns\n"
        "@task\ndef own(c, all='x'):\n    print(all)\nns.add_task(own)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "settings", "region", "own", "--all=file"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "file"), done.stderr
