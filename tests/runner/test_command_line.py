"""Tests of reading the command line: what Invoke would drop is refused."""

from __future__ import annotations

import pytest
from invoke.tasks import task

from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.command_line import check_repetitions, chosen_with_push, push_values, value_flags
from ecr_tasks.tasks.push import push


@pytest.mark.parametrize(
    "line",
    [
        "env a build push env b build push",
        "build push local build push",
        "local build push env prod push",
        "ecr.env a ecr.push ecr.env b ecr.push",
    ],
)
def test_a_task_that_is_repeated_with_other_settings_is_refused(line: str) -> None:
    with pytest.raises(SettingsError, match="Invoke runs a task only once") as caught:
        check_repetitions(line.split())
    assert caught.value.remedy.startswith("Run two command lines, the second one from ")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "env prod local build push",
        "local env prod build push",
        "build push env prod plan",
        "env push push",
        "promote v1 --tag push env prod push",
        "push env push",
        "build build",
    ],
)
def test_any_other_command_line_is_taken(line: str) -> None:
    check_repetitions(line.split())


@pytest.mark.parametrize(
    ("line", "images"),
    [
        ("build push", ()),
        ("build push --image web", ("web",)),
        ("ecr.build ecr.push --json --image=web --image api", ("web", "api")),
        ("build push --only linux/arm64 --image web", ("web",)),
        ("build push --config invoke.yaml -T 5 --image web", ("web",)),
        ("build push export --image web", ()),
        ("build push --json export --image web", ()),
        ("build --image web", ()),
    ],
)
def test_a_build_knows_the_images_of_the_push_after_it(
    line: str, images: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["inv", *line.split()])
    assert push_values("--image", push) == images
    assert chosen_with_push((), push) == images


def test_a_build_and_its_push_choose_the_same_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["inv", "build", "--image", "web", "push", "--image", "api", "--image", "web"])
    assert chosen_with_push(("web", "api"), push) == ("web", "api")
    with pytest.raises(SettingsError, match="build has --image web and push has --image api, web"):
        chosen_with_push(("web",), push)


def test_the_flags_of_push_with_a_value_are_those_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    @task(iterable=["image"])
    def push(c: object, image: list[str], some_new: str = "", number: int = 1, switch: bool = False) -> None:
        """Push."""

    assert {"--image", "--some-new", "--number"} <= {*value_flags(push)}
    assert "--switch" not in value_flags(push)
    line = "build push --switch --some-new x --number 2 --image web --image=api export --image cli"
    monkeypatch.setattr("sys.argv", ["inv", *line.split()])
    assert push_values("--image", push) == ("web", "api")
    assert push_values("--some-new", push) == ("x",)
