"""Access keys that git tracks or that the context carries, and the refusal, which has no values in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.checks.leaked_keys import Leak, _quoted, check_leaked_keys, find_keys, find_leaks, refusal
from ecr_tasks.errors import ExitCode, Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.errors import SettingsProblems
from ecr_tasks.settings.load import load
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from tests.support.build import source

ROOT = Path(__file__).parents[2]
KEYS = "ECR_REPOSITORY=app\nAWS_ACCESS_KEY_ID=AKIAsecret1\nAWS_SECRET_ACCESS_KEY=secret2\n"
NAMES = (("AWS_ACCESS_KEY_ID", 2), ("AWS_SECRET_ACCESS_KEY", 3))


def write(path: Path, content: str = KEYS) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def find(
    context: Path, *files: Path, tracked: Callable[[Path], bool] = lambda path: False, dockerfile: str = "Dockerfile"
) -> tuple[Leak, ...]:
    """Return the leaks of a build in ``context``."""
    return find_leaks(context=context, dockerfile=context / dockerfile, files=files, tracked=tracked)


def test_a_key_in_the_context(tmp_path: Path) -> None:
    env = write(tmp_path / ".env")
    assert find(tmp_path, env) == (Leak(env, "in-context", NAMES, tmp_path / ".dockerignore", ".env"),)


@pytest.mark.parametrize("line", [".env", ".env*", "**/.env", "*", "**/.*"])
def test_an_ignored_one_is_none(tmp_path: Path, line: str) -> None:
    env = write(tmp_path / ".env")
    write(tmp_path / ".dockerignore", line)
    assert find(tmp_path, env) == ()


def test_an_exception_brings_it_back(tmp_path: Path) -> None:
    env = write(tmp_path / ".env")
    write(tmp_path / ".dockerignore", ".env*\n!.env\n")
    assert [leak.path for leak in find(tmp_path, env)] == [env]


def test_the_dockerfiles_own_ignore_file_is_the_one_to_mend(tmp_path: Path) -> None:
    env = write(tmp_path / ".env")
    write(tmp_path / ".dockerignore", ".env")
    own = write(tmp_path / "prod.Dockerfile.dockerignore", "other")
    assert [leak.ignore_file for leak in find(tmp_path, env, dockerfile="prod.Dockerfile")] == [own]


def test_a_key_that_git_tracks(tmp_path: Path) -> None:
    env = write(tmp_path / "project" / ".env")
    context = tmp_path / "context"
    context.mkdir()
    leak = Leak(env, "tracked", NAMES, env.with_name(".gitignore"), "/.env")
    assert find(context, env, tracked=lambda path: path == env) == (leak,)


def test_files_without_keys_may_be_anywhere(tmp_path: Path) -> None:
    env = write(tmp_path / ".env", "ECR_REPOSITORY=app\n")
    write(tmp_path / ".env.example", "# AWS_ACCESS_KEY_ID=\n")
    assert find(tmp_path, env, tmp_path / ".env.missing", tracked=lambda path: True) == ()


def test_the_files_beside_those_that_were_read(tmp_path: Path) -> None:
    env = write(tmp_path / "project" / ".env", "")
    prod = write(tmp_path / "project" / ".env.prod")
    write(tmp_path / "project" / "envelope")
    context = tmp_path / "context"
    context.mkdir()
    leaks = find(context, env, tracked=lambda path: True)
    assert [(leak.path, leak.why) for leak in leaks] == [(prod, "tracked")]


@pytest.mark.parametrize(
    "name", [".env.local", ".envrc", "prod.env", "services/.env", "services/api/.env", "env/prod.env"]
)
def test_others_in_the_context(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    leaks = find(tmp_path, tracked=lambda path: True)
    assert [(leak.why, leak.ignore_line) for leak in leaks] == [("in-context", name)]


@pytest.mark.parametrize("name", ["a/b/c/.env", "node_modules/x/.env", ".git/.env", "environment", "env"])
def test_what_is_not_looked_at(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert find(tmp_path) == ()


def test_one_that_was_read_counts_at_any_depth(tmp_path: Path) -> None:
    env = write(tmp_path / "a/b/c/d/.env")
    assert [leak.ignore_line for leak in find(tmp_path, env)] == ["a/b/c/d/.env"]


def test_a_link_is_looked_at_where_it_leads(tmp_path: Path) -> None:
    context = tmp_path / "context"
    outside, inside = write(tmp_path / "outside"), write(context / "config" / "secrets")
    (context / ".env").symlink_to(outside)
    (context / ".env.prod").symlink_to(inside)
    leaks = find(context, context / ".env", context / ".env.prod", tracked=lambda path: path == outside)
    assert [(leak.path, leak.why) for leak in leaks] == [(outside, "tracked"), (inside, "in-context")]


def test_a_context_that_is_a_link(tmp_path: Path) -> None:
    env = write(tmp_path / "real" / ".env")
    (tmp_path / "link").symlink_to("real")
    assert [leak.path for leak in find(tmp_path / "link", tmp_path / "link" / ".env")] == [env]


def test_a_file_that_is_no_dotenv_file_in_spite_of_its_name(tmp_path: Path) -> None:
    encrypted = tmp_path / ".env.gpg"
    encrypted.write_bytes(b"\x8c\xff\xfe")
    (tmp_path / ".env").mkdir()
    assert find(tmp_path) == ()
    with pytest.raises(SettingsError, match=r"\.env\.gpg"):
        find(tmp_path, encrypted)


def test_the_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    env = write(tmp_path / ".env")
    write(tmp_path / "api" / ".env", "AWS_SESSION_TOKEN=secret3\n")
    error = refusal(find(tmp_path, env, tracked=lambda path: True))
    assert error.code == ExitCode.REFUSED
    assert error.cause == (
        ".env holds AWS_ACCESS_KEY_ID (line 2) and AWS_SECRET_ACCESS_KEY (line 3), and git tracks it and the "
        "build context would carry it into the image; api/.env holds AWS_SESSION_TOKEN (line 1), and the build "
        "context would carry it into the image."
    )
    assert error.remedy == (
        "Add the line /.env to .gitignore, run `git rm --cached -- .env`, and replace the keys, because git's "
        "history keeps them; add the line .env to .dockerignore; add the line api/.env to .dockerignore."
    )
    assert "secret" not in str(error)


def test_a_key_in_a_comment(tmp_path: Path) -> None:
    leak = Leak(tmp_path / "a file", "tracked", (("#", 7),), tmp_path / ".gitignore", "/a file")
    error = refusal([leak])
    assert "holds a key in a comment (line 7), and git tracks it." in error.cause
    assert f"git rm --cached -- '{tmp_path}/a file'" in error.remedy


def with_keys(folder: Path, ignored: str) -> Settings:
    """Return settings from a .env with keys, in a context that ignores these names."""
    keys = "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=hush\n"
    (folder / ".env").write_text(keys, encoding="utf-8")
    (folder / ".dockerignore").write_text(ignored, encoding="utf-8")
    return load(folder, environ={})


def test_keys_that_the_context_would_carry_are_refused_with_the_line_to_add(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        check_leaked_keys(with_keys(tmp_path, "*.pyc\n"), source(root=None), [BuildDefinition(str(tmp_path))])
    assert caught.value.code == ExitCode.REFUSED
    assert ".dockerignore" in str(caught.value)
    assert ".env" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_ignored_keys_and_files_without_keys_are_in_nobodys_way(tmp_path: Path) -> None:
    build = [BuildDefinition(str(tmp_path))]
    check_leaked_keys(with_keys(tmp_path, ".env\n"), source(root=None), build)
    (tmp_path / ".dockerignore").unlink()
    (tmp_path / ".env").write_text("ECR_REPOSITORY=team/app\n", encoding="utf-8")
    check_leaked_keys(load(tmp_path, environ={}), source(root=None), build)


def test_a_remote_context_has_no_files_of_ours(tmp_path: Path) -> None:
    remote = BuildDefinition("https://git.example.com/app.git")
    check_leaked_keys(with_keys(tmp_path, ""), source(root=None), [remote])


names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]) | st.sampled_from("*?[]{}|^\\!# ~.\n"),
    min_size=1,
    max_size=6,
).filter(lambda name: name not in (".", ".."))


@settings(deadline=None)
@given(st.lists(names, min_size=1, max_size=3).map("/".join), st.sampled_from(["", "!**", "*\n!*/**\n!*"]))
def test_the_line_ignores_the_file(path: str, before: str) -> None:
    rules = f"{before}\n{_quoted(path)}\n".encode()
    assert DockerIgnore.parse(rules, Path(".dockerignore")).ignores(path)


@settings(deadline=None)
@given(st.lists(names, min_size=1, max_size=3).map("/".join))
def test_the_line_ignores_little_else(path: str) -> None:
    rules = DockerIgnore.parse(_quoted(path).encode(), Path(".dockerignore"))
    assert not rules.ignores(f"{path}x")
    assert not rules.ignores(f"x{path}")
    assert not rules.ignores(".gitignore")


@pytest.mark.parametrize(
    "name", [".env", "a b", "*", "[x]", "?", "#a", "!a", "{a}", "a\\b", " a ", "é", "a\nb", "a^|b"]
)
def test_git_reads_the_line_the_same_way(tmp_path: Path, name: str) -> None:
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path)}
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, env=environ)
    write(tmp_path / name)
    write(tmp_path / ".gitignore", f"/{_quoted(name)}\n")
    done = subprocess.run(
        ["git", "check-ignore", "--quiet", "--", f"./{name}"], cwd=tmp_path, env=environ, check=False
    )
    assert done.returncode == 0


def test_keys_are_found_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "\n# AKIAIOSFODNN7EXAMPLE\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=\n"
        "AWS_SESSION_TOKEN=${TOKEN}\n"
        'OTHER="two\nASIAIOSFODNN7EXAMPLE"\nAWS_REGION=eu-west-1\n'
    )
    assert find_keys(path) == [("#", 2), ("AWS_ACCESS_KEY_ID", 3), ("OTHER", 7)]


def test_no_file_holds_no_keys_and_an_unreadable_one_is_not_trusted(tmp_path: Path) -> None:
    assert find_keys(tmp_path / ".env") == []
    assert find_keys(ROOT / ".env.example") == []
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsProblems):
        find_keys(tmp_path / ".env")
