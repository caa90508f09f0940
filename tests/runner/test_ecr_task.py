"""An argument by position does not take another task's name; only the tasks that a line names are inspected."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from inspect import Signature
from types import ModuleType
from typing import Any, ClassVar

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.program import Program
from invoke.tasks import task

from ecr_tasks.console import say
from ecr_tasks.runner.ecr_task import EcrTask, has_value_by_position

TASKS = ("pull", "ecr.pull", "deploy", "build", "local")
TAKES_VALUE = {"--image": True, "--platform": True, "--json": False}


@pytest.mark.parametrize(
    ("line", "by_position"),
    [
        ("pull", False),
        ("pull 1.2.3", True),
        ("ecr.pull main", True),
        ("pull deploy", False),
        ("pull deploy 1.2.3", False),
        ("local pull main deploy", True),
        ("pull --platform linux/amd64 1.2.3", True),
        ("pull --platform linux/amd64 deploy", False),
        ("pull --platform=linux/amd64 1.2.3", True),
        ("pull --json main", True),
        ("pull --image main", False),
        ("pull --image pull", False),
        ("build --pull main", False),
        ("deploy main pull", False),
    ],
)
def test_only_a_word_that_is_no_task_is_a_value(line: str, by_position: bool) -> None:
    assert has_value_by_position(line.split(), "pull", TAKES_VALUE, TASKS) is by_position


@pytest.mark.parametrize(
    ("line", "by_position"),
    [
        ("deploy build", False),
        ("deploy build main", True),
        ("deploy build pull", False),
        ("deploy --image x build main", True),
        ("deploy build --image x", False),
        ("pull main deploy build", False),
    ],
)
def test_the_values_of_required_arguments_come_before_it(line: str, by_position: bool) -> None:
    assert has_value_by_position(line.split(), "deploy", TAKES_VALUE, TASKS, required=1) is by_position


class Inspected(EcrTask):
    """A task that notes that its function was inspected."""

    log: ClassVar[list[str]] = []

    def argspec(self, body: Callable[..., Any]) -> Signature:
        self.log.append(self.name)
        return super().argspec(body)


@pytest.fixture
def collection() -> Collection:
    """Return a collection of two tasks, one of which has other names in it than its own."""

    @task(klass=Inspected, auto_shortflags=False, positional=[], aliases=["get"], help={"image": "the image to pull"})
    def pull(c: Context, image: str = "") -> None:
        say(f"pulled {image}")

    @task(klass=Inspected, auto_shortflags=False, positional=[])
    def build(c: Context, json: bool = False) -> None:
        say(f"built {json}")

    store = Collection("store")
    store.add_task(pull, name="fetch", default=True)
    Inspected.log.clear()
    return Collection(build, store)


def run(collection: Collection, *words: str) -> None:
    with suppress(SystemExit):
        Program(name="inv", binary="inv", namespace=collection).run(["inv", *words])


def test_list_inspects_no_function(collection: Collection, capsys: pytest.CaptureFixture[str]) -> None:
    run(collection, "--list")
    assert "store.fetch (store, store.get)" in capsys.readouterr().out
    assert Inspected.log == []


@pytest.mark.parametrize("name", ["store.fetch", "store.get", "store"])
def test_a_task_that_the_line_names_has_its_arguments(
    name: str, collection: Collection, capsys: pytest.CaptureFixture[str]
) -> None:
    run(collection, name, "--image", "x")
    assert capsys.readouterr().err == "pulled x\n"
    assert Inspected.log == ["pull"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (["--help", "store.fetch"], "the image to pull"),
        (["--help=store.get"], "the image to pull"),
        (["-hstore"], "the image to pull"),
        (["store.fetch", "--help"], "the image to pull"),
        (["--complete", "--", "inv", "build", "store", "--"], "--image\n"),
        (["--complete", "--", "inv build store.get --"], "--image\n"),
        (["--complete", "--", "inv build -"], "--json\n"),
    ],
)
def test_help_and_completion_show_flags(
    line: list[str], shown: str, collection: Collection, capsys: pytest.CaptureFixture[str]
) -> None:
    run(collection, *line)
    assert shown in capsys.readouterr().out


def test_a_copy_for_a_collection_keeps_its_help(collection: Collection, capsys: pytest.CaptureFixture[str]) -> None:
    module = ModuleType("tasks")
    module.ns = collection  # type: ignore[attr-defined]
    for _ in range(2):  # Invoke takes out of a copy's help what it has read
        copied = Collection.from_module(module)
        assert copied["store.fetch"] is not collection["store.fetch"]
        run(copied, "--help", "store.fetch")
        assert "the image to pull" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "by_position"),
    [
        ("pull --get --image main", False),
        ("pull --get sbom", False),
        ("pull --get sbom main", True),
        ("pull --get --json main", True),
        ("pull --image --get main", True),
    ],
)
def test_a_flag_after_one_that_may_have_no_value_is_none(line: str, by_position: bool) -> None:
    takes_value = {**TAKES_VALUE, "--get": True}
    assert has_value_by_position(line.split(), "pull", takes_value, TASKS, optional={"--get"}) is by_position
