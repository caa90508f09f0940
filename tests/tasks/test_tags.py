"""Tests of `tags` on a command line, in a git repository."""

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
    """Return a repository with a tagged release."""
    monkeypatch.chdir(tmp_path)
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x"), ("tag", "v1.2.3")):
        subprocess.run([*GIT, *words], check=True)
    return tmp_path


def inv(*words: str) -> int:
    """Run a command line in this process and return its exit code."""
    program = Program(name="inv", binary="inv", namespace=Collection(tags))
    try:
        program.run(["inv", *words])
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def test_stdout_has_one_tag_per_line(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECR_TAGS", "type=semver,pattern={{version}};type=ref,event=branch")
    assert inv("tags") == 0
    assert capsys.readouterr().out == "1.2.3\nmain\nlatest\n"


def test_json_has_the_tags_labels_and_rules(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_explain_shows_a_row_for_each_rule(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECR_TAGS", "type=semver,pattern={{version}};type=edge,branch=dev")
    assert inv("tags", "--explain") == 0
    output = capsys.readouterr()
    head, *rows = output.out.splitlines()
    assert output.err.rstrip("\n") == "Rules: environment variable ECR_TAGS. Flavor: default."
    assert head.split() == ["tag", "kind", "rule", "because"]
    assert [row.split()[:2] for row in rows] == [["1.2.3", "fixed"], ["-", "-"], ["latest", "moving"]]
    assert rows[1].endswith("branch main is not dev")


@pytest.mark.parametrize("words", [["--explain"], ["--json"], []])
def test_no_tag_is_an_error_that_names_the_rules(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("ECR_TAGS", "type=schedule")
    assert inv("tags", *words) == 2
    output = capsys.readouterr()
    assert "No tag rule gives a tag here (type=schedule: this is no scheduled run" in output.err
    shown = {"--explain": "this is no scheduled run", "--json": '"tags": []'}
    assert shown[words[0]] in output.out if words else output.out == ""
