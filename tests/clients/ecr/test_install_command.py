"""The command that adds a package, by the tool that made the environment."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from ecr_tasks.clients.ecr.install_command import install_command


@pytest.mark.parametrize(
    ("prefix", "command", "upgrade"),
    [
        (
            "/home/me/.local/share/pipx/venvs/ecr-tasks",
            "pipx inject ecr-tasks 'botocore[crt]'",
            "pipx upgrade ecr-tasks",
        ),
        (
            "/home/me/.local/share/uv/tools/ecr-tasks",
            "uv tool install /src --with 'botocore[crt]'",
            "uv tool upgrade ecr-tasks",
        ),
        (
            "/home/me/.cache/uv/archive-v0/AbCd",
            "uvx --from /src --with 'botocore[crt]' ecr-tasks",
            "uvx --from /src --refresh ecr-tasks",
        ),
    ],
)
def test_a_tool_s_environment_is_changed_by_the_tool(
    monkeypatch: pytest.MonkeyPatch, prefix: str, command: str, upgrade: str
) -> None:
    record = '{"url": "file:///src", "dir_info": {}}'
    distribution = SimpleNamespace(read_text=lambda name: record if name == "direct_url.json" else None)
    monkeypatch.setattr(metadata, "distribution", lambda name: distribution)
    assert install_command("botocore[crt]", prefix=prefix) == command
    assert install_command("ecr-tasks", upgrades=True, prefix=prefix) == upgrade


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        ("uv.lock", "", "uv add 'botocore[crt]'"),
        ("poetry.lock", "", "poetry add 'botocore[crt]'"),
        (".venv/pyvenv.cfg", "home = /usr\nuv = 0.9\n", "uv pip install --python /py 'botocore[crt]'"),
        (".venv/pyvenv.cfg", "home = /usr\n", "/py -m pip install 'botocore[crt]'"),
    ],
)
def test_a_project_s_environment_is_changed_by_its_tool(tmp_path: Path, file: str, text: str, command: str) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert install_command("botocore[crt]", prefix=str(tmp_path / ".venv"), python="/py") == command


def test_here_pip_is_the_tool() -> None:
    assert install_command("x") == f"{sys.executable} -m pip install x"
    assert install_command("x", upgrades=True) == f"{sys.executable} -m pip install --upgrade x"
