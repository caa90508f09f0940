"""Which Python runs, and which program a shell would start in its place."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ecr_tasks.clients import python_packages
from ecr_tasks.clients.python_packages import python_facts, typed

SHORT = "#!{python}\n# -*- coding: utf-8 -*-\n"
LONG = '#!/bin/sh\n\'\'\'exec\' "{python}" "$0" "$@"\n'


def program(folder: Path, text: str) -> Path:
    path = folder / "inv"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_this_python_has_what_it_needs() -> None:
    facts = python_facts()
    assert facts.version == ".".join(map(str, sys.version_info[:3]))
    versions = {package.name: package.version for package in facts.packages}
    assert all(versions[name] for name in ("ecr-tasks", "boto3", "botocore", "invoke"))


@pytest.mark.parametrize("head", [SHORT, LONG])
def test_a_program_of_another_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    other = program(tmp_path, head.format(python="/opt/other/bin/python3"))
    assert python_facts().other_programs == {"inv": other}
    program(tmp_path, head.format(python=f"{sys.prefix}/bin/python3"))
    assert python_facts().other_programs == {}
    program(tmp_path, "#!/bin/sh\nexec something else\n")
    assert python_facts().other_programs == {}


@pytest.mark.parametrize(
    ("prefix", "environ", "inv", "ours"),
    [
        ("/home/me/.cache/uv/archive-v0/AbCd", {}, None, "uvx --from SOURCE ecr-tasks"),
        ("/home/me/.local/share/pipx/.cache/0a1b", {}, None, "pipx run --spec SOURCE ecr-tasks"),
        ("/project/.venv", {"UV_RUN_RECURSION_DEPTH": "1"}, "uv run inv", "uv run ecr-tasks"),
        ("/project/.venv", {"PATH": "/nowhere"}, None, None),
    ],
)
def test_what_a_person_types_is_not_what_a_tool_has_on_its_own_path(
    monkeypatch: pytest.MonkeyPatch, prefix: str, environ: dict[str, str], inv: str | None, ours: str | None
) -> None:
    monkeypatch.setattr(python_packages, "install_source", lambda: "SOURCE")
    assert typed("inv", environ, prefix) == inv
    assert typed("ecr-tasks", environ, prefix) == ours


@pytest.mark.parametrize(
    ("record", "source"),
    [
        ({"url": "file:///tools/my%20ecr-tasks", "dir_info": {}}, "'/tools/my ecr-tasks'"),
        ({"url": "https://git.example/ecr-tasks.git", "vcs_info": {}}, "git+https://git.example/ecr-tasks.git"),
        ({"url": "https://me:token@git.example/ecr-tasks.git", "vcs_info": {}}, "ecr-tasks"),
        (None, "ecr-tasks"),
    ],
)
def test_where_it_came_from_is_named_without_a_token(
    monkeypatch: pytest.MonkeyPatch, record: dict[str, object] | None, source: str
) -> None:
    class Distribution:
        def read_text(self, name: str) -> str | None:
            return json.dumps(record) if record else None

    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Distribution())
    assert typed("ecr-tasks", {}, "/cache/uv/archive-v0/x") == f"uvx --from {source} ecr-tasks"
