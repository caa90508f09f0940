"""Tests of build_context/dockerignore with BuildKit: both ignore the same files."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from tests.engine.conftest import docker

TREE = [
    *("Dockerfile", ".env", ".env.example", "README.md", "a", "b.txt", "ab.txt", "a b", "A.txt", "é", "日本.txt"),
    *("a.b", "a|b", "{a,b}", "b{2}", "bb", "a^b", "a+b", "(a)", "$a", "[a]", "]", "a]", "-", "\\", "a\\b", "*", "?"),
    *("dir/a", "dir/.env", "dir/b.txt", "dir/sub/a", "dir/sub/.env", "dir/sub/deep/a", "dir/sub/deep/b.txt"),
    *("abc/def", "abc/deg", "abc/d/f", "abd/def", "#x", "!x", "dir/!x", " x", "x ", "5", "d", "a5", "ad"),
    *("build/a.js", "build/a.ts", "build/lib/b.js", "src/build/a.js", "src/.env", "src/a/b/c", "src/a/c"),
]
"""The files of every context, chosen so that each special rule of patterns makes a difference."""

PATTERNS = [
    ["*", "!dir"],
    ["**", "!dir/**"],
    ["*", "!dir/sub/.env"],
    ["dir", "!dir/*/a"],
    ["dir", "!dir/sub/**"],
    ["dir", "!dir/*/**"],
    ["a", "!a", "a"],
    ["dir", "!dir/sub", "dir/sub/deep"],
    ["dir", "!dir/sub/a", "dir"],
    ["dir/sub/a", "!dir"],
    ["dir/sub", "!dir", "dir/sub/deep", "!dir/sub"],
    ["!dir", "dir/a", "!dir/a", "**/a"],
    ["# a comment", " # none", "#x", "./#x"],
    ["  dir/  ", "\ta\t", "\u00a0b.txt\u3000"],
    ["/dir/", "//abc//def", "./abc/../abd", "../a", "/"],
    ["/!x", "!dir/!x", "! b.txt"],
    ["*", "! /dir/./sub/"],
    ["*.{txt,md}", "{a,b}"],
    ["b{2}*"],
    ["[b]{2}"],
    ["a|b*"],
    ["dir|[5]"],
    ["a^b", "[a]^b"],
    ["[*]", "[?]"],
    ["[a\\]]", "\\[a\\]", "a\\\\b", "\\\\"],
    ["[^a-z]", "![[:upper:]]*"],
    ["[[:alpha:]]*"],
    ["[[:^alpha:]]*"],
    ["[\\d]", "a\\d"],
    ["\\x61*", "\\142b"],
    ["a\\b*"],
    ["[a**b]", "**[.]txt"],
    ["***", "!***.txt"],
    ["**/a**"],
    ["a**", "**b", "**/"],
    ["**/.env*", "!**/.env.example"],
    ["**/sub/**"],
    ["dir/**/a", "**/b/**/c"],
    ["src/**/", "!src/a/**/c"],
    ["?", "??", "日?.txt"],
    ["(a)", "$a", "a+b", "*$a", "*+?"],
    ["."],
    ["dir/.."],
    ["!*.txt"],
    [""],
]

PATTERN_PARTS = [
    *("a", "b", "ab", "abc", "dir", "sub", "deep", "def", "src", "build", ".env", "txt", "js", "x", "5", "é", "日本"),
    *("*", "*", "**", "**", "?", "[a-c]", "[^a]", "[a|b]", "\\a", "\\*", "\\.", "{a,b}", "{2}", "|", "^", "+", "$"),
    *("/", "/", "/", "/", "/", ".", "..", "-", "!", "#", " ", "(", ")", "]"),
]

NOT_UNDERSTOOD = re.compile(r"\[(?!\^?(?:[a-z]-[a-z]|\w)+\])|\\[A-Za-z0-9]")
"""A class of more than letters, digits and ranges; a backslash before a letter or digit."""


def test_chosen_patterns_ignore_the_same_files(engine: Mapping[str, str], tmp_path: Path) -> None:
    compare(engine, tmp_path, PATTERNS)


@pytest.mark.parametrize("seed", range(2))
def test_random_patterns_ignore_the_same_files(engine: Mapping[str, str], tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311 - the same patterns each time
    compare(engine, tmp_path, [random_patterns(generator) for _ in range(40)])


def random_patterns(generator: random.Random) -> list[str]:
    """Return a few well-formed patterns, about half of them similar to paths of the tree."""
    lines: list[str] = []
    while len(lines) < generator.randint(1, 5):
        if generator.random() < 0.5:
            path = generator.choice(TREE).split("/")
            parts = path[: generator.randint(1, len(path))]
            line = "/".join(generator.choice([part, part, part, "*", "**", f"{part[:1]}*"]) for part in parts)
        else:
            line = "".join(generator.choice(PATTERN_PARTS) for _ in range(generator.randint(1, 6)))
        line = generator.choice(["", "", "!", "/"]) + line
        if is_valid(line):
            lines.append(line)
    return lines


def is_valid(line: str) -> bool:
    """Tell whether DockerIgnore accepts a line."""
    try:
        DockerIgnore.parse(line.encode(), Path(".dockerignore"))
    except SettingsError:
        return False
    return True


@pytest.mark.parametrize(
    ("line", "valid"),
    [
        *((line, False) for line in ("[", "[]", "[a", "[]a]", "[-a]", "[a-]", "[^]", "!", "!/", "a\\")),
        *((line, True) for line in ("[b-a]", "\\ga", "[[:no:]]", "*{2}", "a{1001}*")),  # as a regular expression only
    ],
)
def test_invalid_patterns_fail_a_build(engine: Mapping[str, str], tmp_path: Path, line: str, valid: bool) -> None:
    assert is_valid(line) is valid
    write(tmp_path, TREE)
    (tmp_path / ".dockerignore").write_text(f"{line}\n", encoding="utf-8")
    result = docker(engine, "buildx", "build", "--output=type=cacheonly", str(tmp_path), check=False)
    assert result.returncode != 0


@pytest.mark.parametrize(
    ("files", "dockerfile", "ignored"),
    [
        ({".dockerignore": "a", "Dockerfile.dockerignore": "b.txt"}, "Dockerfile", {"b.txt"}),
        ({".dockerignore": "a", "dir/Dockerfile.dockerignore": "b.txt"}, "dir/Dockerfile", {"b.txt"}),
        ({".dockerignore": "a", "dir/.dockerignore": "b.txt"}, "dir/Dockerfile", {"a"}),
        ({".dockerignore": "a", "prod.dockerignore": "b.txt"}, "prod", {"b.txt"}),
        ({".dockerignore": "a", "Dockerfile.dockerignore": ""}, "Dockerfile", set()),
        ({".dockerignore": "\ufeffa\r\nb.txt\r\n"}, "Dockerfile", {"a", "b.txt"}),
        ({"dockerfile.dockerignore": "a"}, "dockerfile", {"a"}),
        ({"linked": "a", ".dockerignore": Path("linked")}, "Dockerfile", {"a"}),
        ({"dir/linked": "a", ".dockerignore": Path("/dir/linked")}, "Dockerfile", {"a"}),
        ({"../outside": "a", ".dockerignore": Path("../outside")}, "Dockerfile", set()),
        ({".dockerignore": "a", "Dockerfile.dockerignore": Path("nowhere")}, "Dockerfile", {"a"}),
    ],
)
def test_the_same_ignore_file_is_used(
    engine: Mapping[str, str],
    tmp_path: Path,
    files: Mapping[str, str | Path],
    dockerfile: str,
    ignored: set[str],
) -> None:
    context = tmp_path / "context"
    write(context, ["a", "b.txt"])
    for name, content in {dockerfile: "FROM scratch\nCOPY . /\n", **files}.items():
        path = context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        else:
            path.symlink_to(content)
    (tmp_path / "out").mkdir()
    output = f"--output=type=local,dest={tmp_path / 'out'}"
    docker(engine, "buildx", "build", "--file", str(context / dockerfile), output, str(context))
    assert {"a", "b.txt"} - present(tmp_path / "out") == ignored
    dockerignore = DockerIgnore.read(context, context / dockerfile)
    assert {name for name in ("a", "b.txt") if dockerignore.ignores(name)} == ignored


def compare(engine: Mapping[str, str], folder: Path, cases: Sequence[Sequence[str]]) -> None:
    """Build all cases with one command, each in its own context, and compare the files that are copied.

    With a pattern that DockerIgnore doesn't understand, it may keep files that BuildKit ignores, but not the reverse.
    """
    targets = {}
    for number, lines in enumerate(cases):
        context, out = folder / f"context-{number}", folder / f"out-{number}"
        write(context, TREE)
        (context / ".dockerignore").write_text("\n".join(lines), encoding="utf-8")
        targets[f"case-{number}"] = {
            "context": str(context),
            "dockerfile-inline": "FROM scratch\nCOPY . /\n",
            "output": [f"type=local,dest={out}"],
        }
    definition = folder / "bake.json"
    definition.write_text(json.dumps({"target": targets}), encoding="utf-8")
    allowed = f"--allow=fs={folder}"
    docker(engine, "buildx", "bake", "--file", str(definition), allowed, *targets, cwd=folder)
    differences = {}
    for number, lines in enumerate(cases):
        dockerignore = DockerIgnore.read(folder / f"context-{number}", None)
        expected = {path for path in [*TREE, ".dockerignore"] if not dockerignore.ignores(path)}
        arrived = present(folder / f"out-{number}")
        surplus_allowed = any(NOT_UNDERSTOOD.search(line) for line in lines)
        if arrived - expected or (expected - arrived and not surplus_allowed):
            differences["\n".join(lines)] = {
                "only BuildKit": arrived - expected,
                "only DockerIgnore": expected - arrived,
            }
    assert not differences


def write(folder: Path, names: Iterable[str]) -> None:
    """Write files, each with its name as its content (except the Dockerfile)."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("FROM scratch\nCOPY . /\n" if name == "Dockerfile" else name, encoding="utf-8")


def present(folder: Path) -> set[str]:
    """Return the files of a folder, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
