"""The console script ends with a sentence where a dependency is broken, outside of every task."""

from __future__ import annotations

import sys

import pytest

from ecr_tasks.__main__ import main


def test_a_broken_dependency_is_a_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["ecr-tasks", "--list"])
    monkeypatch.setitem(sys.modules, "invoke.program", None)
    monkeypatch.delitem(sys.modules, "ecr_tasks.runner.program", raising=False)  # another test may have imported it
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "ModuleNotFoundError in runner/program.py, line" in stderr
    assert "report that at" in stderr
    assert "Traceback" not in stderr
