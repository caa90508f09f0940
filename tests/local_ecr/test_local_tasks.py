"""The tasks local.status, local.reset and local.open, as a user types them, with a server in the background."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr import background, process, stored
from ecr_tasks.local_ecr.app import App
from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.sample import fill
from tests.support.inv import INVOKE, run_inv


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text('from ecr_tasks import ns\n\n__all__ = ["ns"]\n', encoding="utf-8")
    return tmp_path


@pytest.fixture
def root(api: Any, ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The folder that the tasks use, filled; its server is stopped."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    fill(ecr, api)
    ecr.stop()
    root = background.default_root()
    root.parent.mkdir(parents=True)
    ecr.root.rename(root)
    state = {"account": ecr.account, "region": ecr.region}
    (root / "control.json").write_text(json.dumps(state), encoding="utf-8")
    yield root
    background.down(root)


def inv(project: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_inv(words, project, {**os.environ, **environ})


def names(root: Path) -> set[str]:
    return {f"{item.registry}/{item.name}" for item in stored.contents(root)}


ALL = {
    "123456789012/eu-west-1/team/app",
    "123456789012/eu-west-1/team/empty",
    "222233334444/eu-west-1/prod/app",
}


@pytest.mark.parametrize("is_running", [True, False])
def test_the_status_says_what_is_held_and_where(root: Path, project: Path, is_running: bool) -> None:
    if is_running:
        background.up(root)
    shown = inv(project, "local.status")
    assert shown.returncode == 0
    assert "it holds 3 repositories, 3 images, " in shown.stdout
    assert str(root) in shown.stdout
    document = json.loads(inv(project, "local.status", "--json").stdout)
    assert (document["running"], document["repositories"], document["images"]) == (is_running, 3, 3)
    assert document["bytes"] > 4000
    assert document["root"] == str(root)


def test_the_numbers_of_a_stopped_server_are_those_of_a_running_one(root: Path) -> None:
    stopped = background.status(root)
    running = background.up(root)
    numbers = [(item.repositories, item.images, item.bytes) for item in (stopped, running)]
    assert numbers[0] == numbers[1]
    listed = stored.contents(root)
    background.down(root)
    assert stored.contents(root) == listed


def test_a_store_that_cannot_be_read_has_no_numbers_and_can_be_emptied(root: Path, project: Path) -> None:
    (root / "store.sqlite3").write_bytes(b"damaged" * 1000)
    document = json.loads(inv(project, "local.status", "--json").stdout)
    assert (document["repositories"], document["images"], document["bytes"]) == (None, None, None)
    assert f"its data is in {root}" in inv(project, "local.status").stdout
    done = inv(project, "local.reset", "--yes")
    assert done.returncode == 0
    assert "can't be read" in done.stderr
    assert names(root) == set()


def test_a_server_that_does_not_list_its_contents_is_not_taken_for_empty(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was started by a version without that list, or has more than fits into an answer."""
    background.up(root)
    request = process.request
    monkeypatch.setattr(
        process,
        "request",
        lambda endpoint, path, *more: None if "contents" in path else request(endpoint, path, *more),
    )
    with pytest.raises(LocalEcrError, match="its contents can't be read"):
        stored.contents(root)


@pytest.mark.parametrize("environ", [{}, {"CI": "true", "GITHUB_ACTIONS": "true"}])
def test_a_reset_that_nobody_agrees_to_empties_nothing(root: Path, project: Path, environ: dict[str, str]) -> None:
    done = inv(project, "local.reset", **environ)
    assert done.returncode == 6
    for text in (str(root), "3 repositories", "3 images", "team/app", "--yes"):
        assert text in done.stderr
    assert names(root) == ALL


@pytest.mark.parametrize("is_running", [True, False])
def test_a_reset_empties_everything(root: Path, project: Path, is_running: bool) -> None:
    if is_running:
        background.up(root)
    assert inv(project, "--dry", "local.reset", "--yes").returncode == 0
    assert names(root) == ALL
    done = inv(project, "local.reset", "--yes")
    assert done.returncode == 0
    assert "3 repositories" in done.stderr
    assert names(root) == set()


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize(
    ("name", "deleted"),
    [
        ("team/app", "123456789012/eu-west-1/team/app"),
        ("prod/app", "222233334444/eu-west-1/prod/app"),
        ("222233334444/eu-west-1/prod/app", "222233334444/eu-west-1/prod/app"),
    ],
)
def test_one_repository_can_be_deleted(root: Path, project: Path, is_running: bool, name: str, deleted: str) -> None:
    if is_running:
        background.up(root)
    refused = inv(project, "local.reset", name)
    assert refused.returncode == 6
    assert name in refused.stderr
    assert names(root) == ALL
    assert inv(project, "local.reset", name, "--yes").returncode == 0
    assert names(root) == ALL - {deleted}


def test_a_repository_that_is_not_in_the_registry_is_named(root: Path, project: Path) -> None:
    background.up(root)
    (item,) = [item for item in stored.contents(root) if item.name == "prod/app"]
    assert (item.account, item.images, item.bytes) == ("222233334444", 0, 0)
    unknown = inv(project, "local.reset", "--repository", "123456789012/eu-west-1/prod/app", "--yes")
    assert unknown.returncode == 5
    assert "has no repository 123456789012/eu-west-1/prod/app" in unknown.stderr
    assert names(root) == ALL


def test_a_reset_asks_on_a_terminal(root: Path, project: Path) -> None:
    for answer, left in ((b"n\n", ALL), (b"y\n", set[str]())):
        ours, theirs = pty.openpty()
        with subprocess.Popen([*INVOKE, "local.reset"], cwd=project, stdin=theirs, stderr=subprocess.PIPE) as asked:
            os.write(ours, answer)
            _, stderr = asked.communicate(timeout=120)
        os.close(theirs)
        os.close(ours)
        assert b"Empty it? [y/N]" in stderr
        assert names(root) == left


def test_the_page_is_opened_once_the_server_runs(root: Path, project: Path, tmp_path: Path) -> None:
    """In a pipe its address is data; on a terminal the browser that BROWSER names is started."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >>{opened}\n', encoding="utf-8")
    browser.chmod(0o755)
    printed = inv(project, "local.open", BROWSER=str(browser))
    address = f"{background.status(root).endpoint}/"
    assert printed.stdout == f"{address}\n"
    ours, theirs = pty.openpty()
    environ = {**os.environ, "BROWSER": str(browser)}
    for words in (["local.open", "--print"], ["local.open"]):
        assert not opened.exists()
        done = subprocess.run([*INVOKE, *words], cwd=project, env=environ, stdout=theirs, check=False)
        assert done.returncode == 0
    assert opened.read_text(encoding="utf-8") == f"{address}\n"
    os.close(theirs)
    assert os.read(ours, 1000).split() == [address.encode()]
    os.close(ours)


def test_a_local_ecr_of_another_version_is_named_and_how_to_replace_it(
    root: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs on after an upgrade; one from before there was a page has none to open."""
    with (
        LocalEcr(root.parent / "other" / "ecr-tasks" / "local") as running,
        monkeypatch.context() as patch,
    ):
        other = running.root.parents[1]
        answer = App._status
        patch.setattr(App, "_status", lambda app: {**answer(app), "code": "another"})
        environ = {"XDG_DATA_HOME": str(other)}
        for task in ("local.status", "local.up", "local"):
            shown = inv(project, task, **environ)
            assert shown.returncode == 0
            assert "another version of ecr-tasks; `inv local.down local.up`" in shown.stderr
        assert inv(project, "local.open", "--print", **environ).stdout == f"{running.endpoint}/\n"
        old = ("code", "repositories", "images", "bytes")
        patch.setattr(App, "_status", lambda app: {key: item for key, item in answer(app).items() if key not in old})
        opened = inv(project, "local.open", "--print", **environ)
        assert (opened.returncode, opened.stdout) == (5, "")
        assert "has no page" in opened.stderr
    assert "another version" not in inv(project, "local.up").stderr


def test_a_mistyped_repository_is_guessed(root: Path, project: Path) -> None:
    unknown = inv(project, "local.reset", "team/ap", "--yes")
    assert unknown.returncode == 5
    assert "Did you mean team/app?" in unknown.stderr
    assert names(root) == ALL


def test_public_repositories_have_the_local_alias_also_in_a_map(root: Path, project: Path) -> None:
    written = {
        "ECR_REPOSITORY_PREFIX": "public.ecr.aws/team/site/",
        "ECR_REPOSITORY_MAP": "api=public.ecr.aws/team/site/api,web=public.ecr.aws/team/web",
    }
    result = inv(project, "local", "settings", "--json", **written)
    assert result.returncode == 0, result.stderr
    settings = json.loads(result.stdout)["settings"]
    assert settings["ECR_REPOSITORY_PREFIX"]["value"] == "public.ecr.aws/local/site/"
    assert settings["ECR_REPOSITORY_MAP"]["value"].split() == [
        "api=public.ecr.aws/local/site/api",
        "web=public.ecr.aws/local/web",
    ]
