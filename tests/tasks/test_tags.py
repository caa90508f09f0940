"""The task tags, on a command line, in a real repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.program import Program

from ecr_tasks.tasks.tags import tags

GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of a project."""
    monkeypatch.chdir(tmp_path)
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x"), ("tag", "v1.2.3")):
        subprocess.run([*GIT, *words], check=True)
    return tmp_path


def inv(*words: str) -> int:
    """Runs a command line in this process."""
    program = Program(name="inv", binary="inv", namespace=Collection(tags))
    try:
        program.run(["inv", *words])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_tags_one_a_line(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECR_TAGS", "type=semver,pattern={{version}};type=ref,event=branch")
    assert inv("tags") == 0
    assert capsys.readouterr().out == "1.2.3\nmain\nlatest\n"


def test_json(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECR_TAGS", "type=semver,pattern={{version}};type=edge,branch=dev")
    monkeypatch.setenv("ECR_REPOSITORY", "team/app")
    assert inv("tags", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["version", "tags", "publishing", "labels", "annotations", "rules"]
    assert (document["version"], document["tags"], document["publishing"]) == ("1.2.3", ["1.2.3", "latest"], "1.2.3")
    assert document["labels"]["org.opencontainers.image.title"] == "app"
    assert document["annotations"]["org.opencontainers.image.version"] == "1.2.3"
    assert document["rules"][0] == {
        "rule": "type=semver,pattern={{version}}",
        "tag": "1.2.3",
        "kind": "fixed",
        "because": "git tag v1.2.3",
    }
    assert document["rules"][1]["because"] == "branch main is not dev"


def test_explain(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECR_TAGS", "type=semver,pattern={{version}};type=edge,branch=dev")
    assert inv("tags", "--explain") == 0
    said = capsys.readouterr()
    assert said.out == "1.2.3\nlatest\n"
    first, head, *rows = said.err.splitlines()
    assert first == "Rules: environment variable ECR_TAGS. Flavor: default."
    assert head.split() == ["tag", "kind", "rule", "because"]
    assert [row.split()[:2] for row in rows] == [["1.2.3", "fixed"], ["-", "-"], ["latest", "moving"]]
    assert rows[1].endswith("branch main is not dev")


@pytest.mark.parametrize("words", [["--explain"], ["--json"], []])
def test_no_tag_is_shown_and_an_error(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("ECR_TAGS", "type=schedule")
    assert inv("tags", *words) == 2
    said = capsys.readouterr()
    assert "No tag rule gives a tag here (type=schedule: this is no scheduled run" in said.err
    assert ("it is no" in said.out or '"tags": []' in said.out) is ("--json" in words)
