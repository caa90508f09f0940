"""Tests of what docker sends to the builder: our walk through the contexts sees the same files as BuildKit."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.read_sources import read_sources
from ecr_tasks.source.build_context.sources import EVERYTHING
from ecr_tasks.source.build_context.walk import ContextFolder, context_files, context_folders
from tests.engine.conftest import docker
from tests.engine.test_dockerignore import NOT_UNDERSTOOD, is_valid

NAMES = ["a", "b", "ab", "a.b", ".env", "b.txt", "sub", "deep", "a b", "é"]
CASES = 40


@pytest.mark.parametrize("seed", range(2))
def test_the_files_of_random_contexts(engine: Mapping[str, str], tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311 - the same cases each time
    targets = {f"case-{number}": _case(generator, tmp_path / f"case-{number}") for number in range(CASES)}
    bake = {
        name: {
            "context": case.context,
            "contexts": dict(case.contexts),
            **case.extra,
            "output": [f"type=local,dest={tmp_path / name / 'out'}"],
        }
        for name, case in targets.items()
    }
    definition = tmp_path / "bake.json"
    definition.write_text(json.dumps({"target": bake}), encoding="utf-8")
    docker(engine, "buildx", "bake", "--file", str(definition), f"--allow=fs={tmp_path}", *bake, cwd=tmp_path)
    differences = {}
    for name, case in targets.items():
        files = (path for path in (tmp_path / name / "out").rglob("*") if not path.is_symlink())
        arrived = {path.read_text("utf-8") for path in files if path.is_file()}
        seen, is_exact = _seen(case)
        if arrived - seen or (is_exact and seen - arrived):
            differences[name] = (case.extra, arrived - seen, seen - arrived)
    assert not differences


def _seen(definition: BuildDefinition) -> tuple[set[str], bool]:
    """Return the contents of the files that our walk sees, and whether there must be no others than in the image."""
    seen: set[str] = set()
    is_exact = True
    for folder in context_folders(definition, Path("/")):
        sources = read_sources(definition, folder.name)
        within = sources.within(str(folder.path))
        lines = (folder.path / ".dockerignore").read_text("utf-8").splitlines()
        is_exact &= within is sources and not any(NOT_UNDERSTOOD.search(line) for line in lines)
        files = context_files(folder.path, folder.ignore(), frozenset(), sources=within)
        seen |= {Path(entry.path).read_text("utf-8") for _, entry in files if entry.is_file(follow_symlinks=False)}
    return seen, is_exact


def _case(generator: random.Random, folder: Path) -> BuildDefinition:
    """Write two contexts, and return a build that takes something from them; everything, if they have links."""
    has_links = generator.random() < 0.3
    kept = {name: _context(generator, folder / name, has_links) for name in ("main", "conf")}
    lines = ["FROM scratch"]
    for name, origin in (("main", ""), ("conf", "--from=conf ")):
        if name == "main" and generator.random() < 0.3:
            lines.append("COPY . /main/")
        for number in range(generator.randint(0, 3)):
            if kept[name] and not has_links:
                lines.append(f"COPY {origin}{json.dumps([_source(generator, kept[name]), f'/{name}-{number}/'])}")
    if generator.random() < 0.2:
        lines[0] = "FROM conf"
    lines.append("COPY --from=conf . /all/" if len(lines) == 1 else "")
    return BuildDefinition(
        str(folder / "main"),
        contexts={"conf": str(folder / "conf")},
        extra={"dockerfile-inline": "\n".join(lines) + "\n"},
    )


def _source(generator: random.Random, kept: list[str]) -> str:
    """Return a source of COPY: a file, a folder above it, or a pattern that matches one of them."""
    names = generator.choice(kept).split("/")
    names = names[: generator.randint(1, len(names))]
    if generator.random() < 0.4:
        index = generator.randrange(len(names))
        names[index] = generator.choice(["*", names[index][0] + "*"])
    return generator.choice(["", "/", "./"]) + "/".join(names)


def _context(generator: random.Random, folder: Path, has_links: bool) -> list[str]:
    """Write a random tree with a random .dockerignore; return the paths of files that are not ignored."""
    folder.mkdir(parents=True)
    names = [".dockerignore"]
    for number in range(generator.randint(4, 12)):
        # No two files have one name: a pattern of COPY puts the contents of several folders into one.
        names.append(f"{generator.choice(NAMES)}{number}")
        path = folder.joinpath(*generator.choices(NAMES, k=generator.randint(0, 3)), names[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        if has_links and generator.random() < 0.3:
            path.symlink_to(generator.choice(["a", "../b", "sub/a", "/etc/passwd", "nowhere"]))
        else:
            path.write_text(f"{folder.name}: {path}", encoding="utf-8")
    patterns: list[str] = []
    while len(patterns) < generator.randint(0, 4):
        parts = [*NAMES, *names, "*", "**", "**", "?", "a*", "*b*", "[a-c]"]
        line = generator.choice(["", "", "!"]) + "/".join(generator.choices(parts, k=generator.randint(1, 3)))
        if is_valid(line):
            patterns.append(line)
    (folder / ".dockerignore").write_text("\n".join(["# seen by nobody", *patterns]) + "\n", encoding="utf-8")
    files = context_files(folder, ContextFolder(folder).ignore(), frozenset())
    return [path for path, entry in files if entry.is_file(follow_symlinks=False)]


def test_a_source_behind_a_link_is_seen(engine: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "key").write_text("key", encoding="utf-8")
    (tmp_path / "linked").symlink_to("real")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY linked/ /\n", encoding="utf-8")
    docker(engine, "buildx", "build", f"--output=type=local,dest={tmp_path / 'out'}", str(tmp_path))
    assert (tmp_path / "out" / "key").read_text("utf-8") == "key"
    definition = BuildDefinition(str(tmp_path))
    assert read_sources(definition, None).within(str(tmp_path)) == EVERYTHING
