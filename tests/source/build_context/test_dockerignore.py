"""The .dockerignore matcher by tables and properties; tests/engine holds it against BuildKit itself."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.errors import ExitCode, SettingsError
from ecr_tasks.source.build_context.dockerignore import DockerIgnore, Rule
from ecr_tasks.source.build_context.walk import context_files

FILE = Path("context/.dockerignore")


def ignore(*lines: str) -> DockerIgnore:
    """Return the rules of some lines."""
    return DockerIgnore.parse("\n".join(lines).encode(), FILE)


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        # whole names, and all that is in a folder
        ("abc", "abc", True),
        ("abc", "abc/def", True),
        ("abc", "abcd", False),
        ("abc", "dir/abc", False),
        ("abc/def", "abc/def", True),
        ("abc/def", "def", False),
        ("abc.def", "abcZdef", False),
        # cleaning
        ("/abc", "abc", True),
        ("abc/", "abc", True),
        ("abc/", "abc/def", True),
        ("./abc//def/../def", "abc/def", True),
        ("dir/..", "dir", False),
        ("../abc", "abc", False),
        (".", "abc", False),
        ("/", "abc", False),
        ("  abc\t", "abc", True),
        ("\u00a0abc\u3000", "abc", True),
        ("\x1fabc", "abc", False),
        ("abc\r", "abc", True),
        ("# abc", "# abc", False),
        (" #abc", "#abc", True),
        # within one name
        ("*", "abc", True),
        ("*", "abc/def", True),
        ("*/def", "abc/def", True),
        ("*/def", "def", False),
        ("*.txt", "a.txt", True),
        ("*.txt", "dir/a.txt", False),
        ("a*c", "a/c", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a?c", "a/c", False),
        ("a?b", "a☺b", True),
        ("a[b-d]e", "ace", True),
        ("a[^b-d]e", "ace", False),
        ("a[^b-d]e", "aze", True),
        ("[a-ζ]", "β", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("a\\\\", "a\\", True),
        ("a(b)c+$.", "a(b)c+$.", True),
        ("*(b)c+$", "a(b)c+$", True),
        ("*(b)c+", "abcc", False),
        # any number of folders
        ("**", "a/b/c", True),
        ("**/abc", "abc", True),
        ("**/abc", "x/y/abc", True),
        ("**/abc", "x/abc/y", True),
        ("**/.foo", "bar.foo", False),
        ("**file", "dir/afile", True),
        ("abc/**", "abc", False),
        ("abc/**", "abc/def/ghi", True),
        ("a**b", "a/x/b", True),
        ("a**b", "axb", False),
        ("a**b", "ab", True),
        ("a**/*.txt", "a/dir/file.txt", True),
        ("**/*.txt", "file.txt", True),
        ("**/dir2/*", "dir/dir2/file", True),
        ("a/*.txt", "a/dir/file.txt", False),
        ("***", "dir/file", True),
        # Go's regular expressions shine through
        ("*.{js,ts}", "a.js", False),
        ("*.{js,ts}", "a.{js,ts}", True),
        ("b{2}*", "bb", True),
        ("b{2}*", "b{2}", False),
        ("a|b*", "axx", True),
        ("x^a*", "x^a", False),
        ("b{02}*", "b{02}", True),
        ("[a-c]{2}x", "abx", True),
    ],
)
def test_one_pattern(pattern: str, path: str, ignored: bool) -> None:
    assert ignore(pattern).ignores(path) is ignored


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("[\\]]", "]"),
        ("[[:digit:]]", "5"),
        ("[[:^digit:]]", "5"),
        ("[\\D]", "5"),
        ("\\d", "5"),
        ("\\D", "5"),
        ("[*]", "*"),
        ("[a*]", "[]"),
        ("\\x61\\x{62}", "ab"),
        ("\\101\\60", "A0"),
        ("\\ta", "\ta"),
        ("\\ba*", "a"),
        ("[a\\-z]", "-"),
        ("[a\\-z]", "b"),
        # a build fails on these by itself
        *((line, "5") for line in ("\\g", "\\é", "\\9", "\\8", "\\x{110000}", "[a-*]", "[b-a]", "[[:no:]]")),
        *((line, "5") for line in ("*{2}", f"a{{{10**30}}}*", "\\pL")),
    ],
)
def test_what_is_not_understood_errs_on_the_safe_side(pattern: str, path: str) -> None:
    assert not ignore(pattern).ignores(path)
    assert not ignore("**", f"!{pattern}").ignores(path)
    assert ignore(pattern, "**").ignores(path)


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["docs", "!docs/README.md"], "docs/README.md", False),
        (["docs/*", "!docs/README.md"], "docs/README.md", False),
        (["!docs/README.md", "docs"], "docs/README.md", True),
        (["*.go", "!main.go"], "main.go", False),
        (["!main.go", "*.go"], "main.go", True),
        (["a", "!a", "a"], "a", True),
        (["**", "!util/web"], "util/web/foo", False),
        (["**", "!util/web", "util/web/foo"], "util/web/foo", True),
        (["**", "!dist/*.whl"], "dist/a-1+g0.whl", False),
        (["*", "! /dir/./sub/"], "dir/sub/a", False),
        (["*", "! /dir/./sub/"], "dir/other", True),
        # a line is read twice, and the second time its "!" counts
        (["abc", "/!abc"], "abc", False),
        # a folder that is ignored is entered only where a plain exception lies below it
        (["dir", "!dir/*/a"], "dir/sub/a", False),
        (["dir", "!dir/*/**"], "dir/sub/a", True),
        # a rule that could change nothing when the folder was judged does not remember it
        (["dir/a", "!dir"], "dir/a", True),
        (["dir", "!dir/a", "dir"], "dir/a", False),
        # where a pattern isn't understood, what both of its meanings have in common counts
        (["[[:alpha:]]*", "*"], "dir", True),
        (["*", "![[:alpha:]]*", "*"], "dir", True),
        (["dir", "![[:alpha:]]*"], "dir/a", False),
        (["[[:alpha:]]*", "!dir/a", "dir"], "dir/a", False),
    ],
)
def test_several_patterns(patterns: list[str], path: str, ignored: bool) -> None:
    assert ignore(*patterns).ignores(path) is ignored


@pytest.mark.parametrize(
    "line",
    ["[", "[]", "[a", "[]a]", "[-a]", "[a-]", "[a-b-c]", "[^]", "[\\", "a\\", "!", "! ", "!/"],
)
def test_a_malformed_line_is_named(line: str) -> None:
    with pytest.raises(SettingsError, match="line 2: the pattern is malformed") as caught:
        ignore("fine", line)
    assert caught.value.code == ExitCode.SETTINGS
    assert str(FILE) in caught.value.cause


def test_nothing_is_ignored_without_a_file(tmp_path: Path) -> None:
    rules = DockerIgnore.read(tmp_path, tmp_path / "Dockerfile")
    assert rules.file == tmp_path / ".dockerignore"
    assert not rules.ignores(".env")


def test_the_dockerfiles_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("a", encoding="utf-8")
    dockerfile = tmp_path / "docker" / "prod.Dockerfile"
    dockerfile.parent.mkdir()
    own = dockerfile.with_name("prod.Dockerfile.dockerignore")
    own.write_text("b", encoding="utf-8")
    rules = DockerIgnore.read(tmp_path, dockerfile)
    assert rules.file == own
    assert (rules.ignores("a"), rules.ignores("b")) == (False, True)
    assert DockerIgnore.read(tmp_path, None).ignores("a")


def test_a_lower_case_dockerfile(tmp_path: Path) -> None:
    (tmp_path / "dockerfile").touch()
    (tmp_path / "dockerfile.dockerignore").write_text("a", encoding="utf-8")
    assert DockerIgnore.read(tmp_path, tmp_path / "Dockerfile").ignores("a")


@pytest.mark.parametrize("target", ["../outside", "/etc/hosts", ".dockerignore", "nowhere"])
def test_a_link_that_leads_out_of_the_context_is_no_file(tmp_path: Path, target: str) -> None:
    """BuildKit reads it in a copy of the context, where such a link leads to nothing."""
    (tmp_path / "outside").write_text("*", encoding="utf-8")
    context = tmp_path / "context"
    (context / "folder").mkdir(parents=True)
    (context / ".dockerignore").symlink_to(target)
    assert not DockerIgnore.read(context, None).ignores("a")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """BuildKit would build without it, and the image would have in it what it excludes."""
    ignore = tmp_path / ".dockerignore"
    ignore.mkdir()
    with pytest.raises(SettingsError, match="it is a folder"):
        DockerIgnore.read(tmp_path, None)
    ignore.rmdir()
    os.mkfifo(ignore)
    with pytest.raises(SettingsError, match="it is a named pipe"):
        DockerIgnore.read(tmp_path, None)


def test_a_link_within_the_context(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "rules").write_text("a", encoding="utf-8")
    (tmp_path / "step").symlink_to("/folder")
    (tmp_path / ".dockerignore").symlink_to("step/../step/rules")
    assert DockerIgnore.read(tmp_path, None).ignores("a")
    (tmp_path / ".dockerignore").unlink()
    (tmp_path / ".dockerignore").symlink_to("../folder/rules")
    assert DockerIgnore.read(tmp_path, None).ignores("a")


def test_bytes() -> None:
    assert DockerIgnore.parse(b"\xef\xbb\xbfa\r\nb\n", FILE).ignores("a")
    assert DockerIgnore.parse(b"\xef\xbb\xbf# x\na", FILE).ignores("a")
    assert DockerIgnore.parse(b"caf\xe9\na", FILE).ignores("a")


names = st.text(st.sampled_from("abé.-_ *?[]{}|^$+()\\!#"), min_size=1, max_size=4).filter(
    lambda name: name not in (".", "..")
)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
lines = st.lists(
    st.text(st.sampled_from("ab*?/!.[]-^\\{}|1,d "), max_size=7).filter(lambda line: _is_well_formed(line)),
    max_size=5,
)

USUAL = (
    *(".git", "**/__pycache__", "**/*.pyc", "**/node_modules", ".venv", "*.md", "!README.md", "**/.env*", "dist"),
    *("build", "**/*.log", "tests/**", "!tests/data", "*/*.tmp", "[a-c]?.txt", "a\\*b", "**/x/**/y"),
)
USUAL_PATHS = (
    *("a/.git", "a/b/__pycache__/c.pyc", "web/node_modules/x/index.js", "docs/README.md", "README.md", "CHANGES.md"),
    *(
        "a/.env.prod",
        ".env",
        "a/dist",
        "dist/a",
        "tests/data/x",
        "tests/x/y",
        "a/b.tmp",
        "a/b/c.tmp",
        "b1.txt",
        "a*b",
    ),
    *("x/y", "a/x/b/y/c", "x/y.log"),
)


def _is_well_formed(line: str) -> bool:
    try:
        ignore(line)
    except SettingsError:
        return False
    return True


@settings(deadline=None)
@given(lines, paths)
def test_a_last_line_for_everything_decides(before: list[str], path: str) -> None:
    assert ignore(*before, "**").ignores(path)


def test_what_is_ignored_is_so_whatever_unknown_patterns_match() -> None:
    for chosen in product(["a", "!a", "a/b", "!a/b", "**/b", "!*"], repeat=3):
        understood = ignore(*chosen)
        for unknown in product([False, True], repeat=3):
            rules = [
                replace(rule, matches=lambda path: None) if is_unknown else rule
                for rule, is_unknown in zip(understood.rules, unknown, strict=True)
            ]
            careful = replace(understood, rules=tuple(rules))
            wrong = [path for path in ("a", "b", "a/b", "a/c") if careful.ignores(path) > understood.ignores(path)]
            assert not wrong, (chosen, unknown, wrong)


@settings(deadline=None)
@given(lines, paths)
def test_comments_and_blank_lines_say_nothing(before: list[str], path: str) -> None:
    spaced = [piece for line in before for piece in ("# no", line, "  ")]
    assert ignore(*spaced).ignores(path) == ignore(*before).ignores(path)


@settings(deadline=None)
@given(lines, paths, names)
def test_without_exceptions_a_folder_holds_its_own(before: list[str], path: str, name: str) -> None:
    rules = ignore(*[line for line in before if "!" not in line])
    assert not rules.ignores(path) or rules.ignores(f"{path}/{name}")


@settings(deadline=None)
@given(lines, paths)
def test_a_path_may_be_spelled_in_many_ways(before: list[str], path: str) -> None:
    rules = ignore(*before)
    assert rules.ignores(f"./{path}/") == rules.ignores(path)


@settings(deadline=None, max_examples=400)
@given(lines | st.lists(st.sampled_from(USUAL), max_size=6), paths | st.sampled_from(USUAL_PATHS))
def test_the_quick_way_through_a_folder_is_the_plain_one(before: list[str], path: str) -> None:
    rules, plain, quick = ignore(*before), None, None
    parts = path.split("/")
    for depth in range(len(parts)):
        folder = "/".join(parts[: depth + 1])
        expected, found = rules.apply(folder, plain), rules.in_folder(depth, quick)(folder)
        assert found == expected
        plain, quick = expected[1], found[1]


def test_a_pattern_is_tried_only_on_what_it_may_match(tmp_path: Path) -> None:
    for folder in ("src/a", "src/b", "web/node_modules", "web/pages"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(50):
            (tmp_path / folder / f"file{number}.py").touch()
    (tmp_path / "src/a/old.pyc").touch()
    tried: list[str] = []

    def counted(rule: Rule) -> Rule:
        return replace(rule, matches=lambda path: tried.append(path) or rule.matches(path))  # type: ignore[func-returns-value]

    rules = ignore(*USUAL[:-1])
    rules = replace(rules, rules=tuple(map(counted, rules.rules)))
    assert len([*context_files(tmp_path, rules, frozenset())]) == 150
    assert set(tried) == {"src/a/old.pyc", "web/node_modules"}
