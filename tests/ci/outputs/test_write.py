"""Passing results to a CI: its files, lines on stderr only, its program; and what happens when it fails."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from ecr_tasks.ci.azure.outputs import Azure
from ecr_tasks.ci.buildkite.outputs import Buildkite
from ecr_tasks.ci.github.outputs import GitHub
from ecr_tasks.ci.outputs import write
from ecr_tasks.ci.outputs.adapter import FILES_ONLY, Annotation, Append, Start, Write
from ecr_tasks.ci.outputs.mask import mask
from ecr_tasks.ci.outputs.write import log_group, perform, show_annotations, show_error, write_outputs
from ecr_tasks.ci.systems import SYSTEMS, outputs_adapter
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.registry import RegistryToken
from tests.ci.outputs.build import REFERENCE, outputs

SECRET = "a-registry-password"


@pytest.fixture(autouse=True)
def nothing_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what is masked, as a new process does."""
    monkeypatch.setattr("ecr_tasks.ci.outputs.mask._masked", set())


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a ``buildkite-agent`` on the PATH that records its arguments and stdin; return its folder."""
    folder = tmp_path / "agent"
    folder.mkdir()
    program = folder / "buildkite-agent"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> "{folder}/arguments"\ncat >> "{folder}/stdin"\nexit ${{AGENT_EXIT:-0}}\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_github_gets_its_files_and_the_project_the_ones_for_any_ci(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, page = tmp_path / "output", tmp_path / "summary"
    output.write_text("before=1\n", encoding="utf-8")
    environ = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(page)}
    write_outputs(GitHub(), environ, outputs(), tmp_path)
    assert output.read_text(encoding="utf-8").startswith("before=1\nimage<<")
    assert REFERENCE in page.read_text(encoding="utf-8")
    folder = tmp_path / ".ecr-tasks"
    assert {path.name for path in folder.iterdir()} == {
        *(".gitignore", "outputs.env", "outputs.json", "outputs.properties", "summary.md")
    }
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_every_ci_leaves_stdout_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for provider in (*SYSTEMS, None):
        adapter = outputs_adapter(provider)
        with log_group(adapter, "Build"):
            write_outputs(adapter, {}, outputs(), tmp_path)
        show_error(adapter, {}, RegistryError("It broke.", "Mend it."), tmp_path)
        mask(adapter, tmp_path, f"{SECRET} {provider}")
    assert capsys.readouterr().out == ""


def test_a_group_is_closed_when_what_is_in_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), log_group(GitHub(), "Build"):
        raise ValueError("broken")
    assert capsys.readouterr().err == "::group::Build\n::endgroup::\n"


def test_without_a_ci_there_are_no_groups(capsys: pytest.CaptureFixture[str]) -> None:
    with log_group(FILES_ONLY, "Build"):
        pass
    assert capsys.readouterr().err == ""


def test_an_error_is_annotated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_error(Azure(), {}, RegistryError("It broke.", "Mend it."), tmp_path)
    assert capsys.readouterr().err == "##vso[task.logissue type=error]It broke. Mend it.\n"


def test_the_agent_is_told_on_its_stdin(tmp_path: Path, agent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_outputs(Buildkite(), {}, outputs(), tmp_path)
    mask(Buildkite(), tmp_path, SECRET)
    arguments = (agent / "arguments").read_text(encoding="utf-8")
    assert arguments.startswith("meta-data set IMAGE\n")
    assert "annotate --style info --context ecr-tasks\n" in arguments
    assert SECRET not in arguments
    stdin = (agent / "stdin").read_text(encoding="utf-8")
    assert REFERENCE in stdin
    assert stdin.endswith(SECRET)
    assert capsys.readouterr().err == ""


def test_an_agent_that_fails_is_a_warning_without_the_text(
    tmp_path: Path, agent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_EXIT", "1")
    mask(Buildkite(), tmp_path, SECRET)
    stderr = capsys.readouterr().err
    assert "buildkite-agent redactor add" in stderr
    assert SECRET not in stderr


def test_an_agent_that_hangs_is_a_warning(
    tmp_path: Path, agent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (agent / "buildkite-agent").write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    monkeypatch.setattr(write, "TIMEOUT", 0.1)
    perform([Start(("buildkite-agent", "annotate"), "")], tmp_path)
    assert "failed" in capsys.readouterr().err


def test_a_missing_agent_is_no_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    perform([Start(("no-such-agent", "annotate"), "text")], tmp_path)
    assert capsys.readouterr().err == ""


def test_what_cant_be_written_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    perform([Append(str(tmp_path / "gone" / "output"), "x"), Write("outputs.env", "x")], tmp_path / "file")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("Warning: ") for line in lines)


def test_a_file_with_a_limit_never_grows_past_it(tmp_path: Path) -> None:
    page = tmp_path / "summary"
    for _ in range(5):
        perform([Append(str(page), "a line of the summary\n" * 10, 500)], tmp_path)
    assert page.stat().st_size <= 500
    assert page.read_text(encoding="utf-8").count("a line of the summary\n") > 15


def test_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    perform([Write("outputs.env", "a\udcffb\n")], tmp_path)
    assert (tmp_path / ".ecr-tasks" / "outputs.env").read_text(encoding="utf-8") == "a\\udcffb\n"


def test_the_users_own_gitignore_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".ecr-tasks"
    folder.mkdir()
    (folder / ".gitignore").write_text("mine\n", encoding="utf-8")
    write_outputs(FILES_ONLY, {}, outputs(), tmp_path)
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "mine\n"


def test_a_secret_is_told_once(tmp_path: Path, agent: Path) -> None:
    for _ in range(3):
        mask(Buildkite(), tmp_path, SECRET)
    assert (agent / "stdin").read_text(encoding="utf-8") == SECRET


@pytest.mark.parametrize("provider", SYSTEMS)
def test_no_mask_is_printed_where_somebody_may_keep_it(
    provider: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask(outputs_adapter(provider), tmp_path, SECRET)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_what_must_not_be_seen_of_a_login() -> None:
    token = RegistryToken("host", "AWS", SECRET)
    assert token.password == SECRET
    assert base64.b64decode(token.auth).decode() == f"AWS:{SECRET}"


def test_annotations_are_the_first_of_each_level_and_no_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [Annotation("error", f"CVE-{number}", "line\n::warning::x") for number in range(12)]
    show_annotations(GitHub(), {}, [*items, Annotation("warning", "old", "entry")], tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "::error title=CVE-0::line ::warning::x"
    assert lines[9] == "::error title=ecr-tasks::3 more are in the log."
    assert lines[10] == "::warning title=old::entry"
    show_annotations(GitHub(), {}, [], tmp_path)
    assert capsys.readouterr().err == ""
