"""Which Python runs, and which program a shell would start in its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ecr_tasks.clients.python_packages import python_facts

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
