"""`init` in three projects: the lines that it prints are typed as they are, and end in a push with a clean tag."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.folder import Folder

DOCKERFILE = "FROM {base}\nCOPY hello.txt /\n"
BAKE = """
group "default" {{ targets = ["api", "web"] }}
target "base" {{ context = "base" }}
target "api" {{
  context = "api"
  contexts = {{ base = "target:base" }}
}}
target "web" {{
  context = "web"
  contexts = {{ base = "target:base" }}
}}
"""
LINKED = "FROM base\nCOPY hello.txt /\n"
COMPOSE = "services:\n  api: {{build: ./api}}\n  web: {{build: ./web}}\n  db: {{image: postgres}}\n"
PROJECTS: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "dockerfile": ({"docker/Dockerfile": DOCKERFILE}, ("acme/shop",)),
    "bake": (
        {"docker-bake.hcl": BAKE, "base/Dockerfile": DOCKERFILE, "api/Dockerfile": LINKED, "web/Dockerfile": LINKED},
        ("acme/shop/api", "acme/shop/web"),
    ),
    "compose": (
        {"compose.yaml": COMPOSE, "api/Dockerfile": DOCKERFILE, "web/Dockerfile": DOCKERFILE},
        ("acme/shop/api", "acme/shop/web"),
    ),
}


@pytest.mark.parametrize("kind", PROJECTS)
def test_the_lines_that_init_prints_end_in_a_push(
    tmp_path: Path, engine: dict[str, str], tiny_base: str, kind: str
) -> None:
    files, repositories = PROJECTS[kind]
    folder = Folder(tmp_path / "project")
    folder.path.mkdir()
    for name, text in files.items():
        folder.write(name, text.format(base=tiny_base))
    for name in {os.path.dirname(name) for name in files} | {""}:  # noqa: PTH120 - it is a relative name
        folder.write(os.path.join(name, "hello.txt"), "hello\n")  # noqa: PTH118
    folder.git("init", "--quiet", "--initial-branch=main")
    folder.git("remote", "add", "origin", "https://github.com/acme/shop.git")
    who = {f"GIT_{role}_{field}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    scripts = str(Path(sys.executable).parent)
    environ = {**engine, **who, "XDG_DATA_HOME": str(tmp_path / "data")}
    environ["PATH"] = f"{scripts}{os.pathsep}{engine['PATH']}"

    def type_(line: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            ["sh", "-c", line], cwd=folder.path, env=environ, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{line}\n{result.stderr}"
        return result

    try:
        lines = [line.strip() for line in type_("ecr-tasks init --yes").stderr.splitlines()[-3:]]
        *_, pushed = [type_(line) for line in lines]
    finally:
        type_("ecr-tasks local.down")
    assert [line.partition("@")[0].partition("/")[2] for line in pushed.stdout.splitlines()] == list(repositories)
    assert "-dirty" not in pushed.stderr
