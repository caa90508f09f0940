"""The state that is read from a repository, in every kind of checkout."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ecr_tasks.errors import ExitCode, SettingsError
from ecr_tasks.source.git.read import NO_REPOSITORY, git_state, is_tracked
from ecr_tasks.source.read import read
from tests.support.repo import Repo


def test_a_clean_commit(repo: Repo) -> None:
    state = repo.read()
    assert state.root == repo.path
    assert state.revision == repo.git("rev-parse", "HEAD")
    assert state.branch == "main"
    assert (state.tag, state.tags, state.release_tags) == (None, (), ())
    assert (state.dirty, state.changed) == (False, ())
    assert state.commit_time == datetime(2024, 5, 6, 5, 8, 9, tzinfo=timezone.utc)
    assert state.commit_time.tzinfo is timezone.utc
    assert (state.remote_url, state.default_branch, state.shallow) == (None, None, False)
    assert state.fingerprint == state.revision


def test_no_repository(tmp_path: Path, environ: dict[str, str]) -> None:
    assert read(tmp_path, environ={**environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}) == NO_REPOSITORY


def test_a_bare_repository_has_no_sources(repo: Repo) -> None:
    assert repo.clone("bare", "--bare").read() == NO_REPOSITORY
    assert repo.read(".git") == NO_REPOSITORY


def test_before_the_first_commit(empty: Repo) -> None:
    state = empty.read()
    assert (state.root, state.revision, state.branch) == (empty.path, None, "main")
    assert (state.dirty, state.commit_time, state.fingerprint) == (False, None, "unborn")
    empty.write("new")
    state = empty.read()
    assert (state.dirty, state.changed) == (True, ("new",))
    assert state.fingerprint is not None
    assert state.fingerprint.startswith("unborn+")


def test_a_detached_head_has_no_branch(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "--detach")
    assert repo.read().branch is None


@pytest.mark.parametrize("name", ["feature/a-b_c", "grün/日本", "a\N{NO-BREAK SPACE}b", "a#1,{x}", "refs/heads/x"])
def test_branch_names(repo: Repo, name: str) -> None:
    repo.git("checkout", "--quiet", "-b", name)
    assert repo.read().branch == name


def test_a_project_in_a_subfolder(repo: Repo) -> None:
    repo.commit("services/api/Dockerfile")
    state = repo.read("services/api")
    assert (state.root, state.dirty) == (repo.path, False)
    repo.write("elsewhere/new")
    assert repo.read("services/api").changed == ("elsewhere/new",)


def test_a_folder_whose_name_breaks_lines(tmp_path: Path, environ: dict[str, str]) -> None:
    repo = Repo(tmp_path / "a\nb\n", environ)
    repo.path.mkdir()
    repo.git("init", "--quiet")
    repo.commit()
    assert repo.read().root == repo.path


def test_a_worktree(repo: Repo) -> None:
    repo.git("worktree", "add", "--quiet", "-b", "side", "../side")
    side = Repo(repo.path.parent / "side", repo.environ)
    revision = side.commit("other")
    state = side.read()
    assert (state.root, state.branch, state.revision) == (side.path, "side", revision)


def test_a_shallow_clone(repo: Repo) -> None:
    repo.commit("second")
    repo.git("tag", "v1.0.0")
    state = repo.clone("shallow", "--depth=1").read()
    assert state.shallow
    assert (state.tag, state.default_branch) == ("v1.0.0", "main")
    assert not repo.clone("whole").read().shallow


def test_a_submodule_is_its_own_repository(repo: Repo) -> None:
    outer = _with_submodule(repo)
    state = outer.read("inner")
    assert state.root == outer.path / "inner"
    assert state.revision == repo.git("rev-parse", "HEAD")
    assert outer.read().revision != state.revision


def test_a_changed_submodule_is_a_change(repo: Repo) -> None:
    outer = _with_submodule(repo)
    outer.git("config", "submodule.inner.ignore", "all")
    clean = outer.read()
    assert not clean.dirty
    seen = {clean.fingerprint}
    for content in ("one", "two"):
        outer.write("inner/new", content)
        state = outer.read()
        assert (state.dirty, state.changed) == (True, ("inner/",))
        seen.add(state.fingerprint)
    assert len(seen) == 3


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("is_committed", [False, True])
def test_a_changed_submodule_that_git_is_told_to_take_as_unchanged(repo: Repo, flag: str, is_committed: bool) -> None:
    outer = _with_submodule(repo)
    outer.git("update-index", flag, "inner")
    assert not outer.read().dirty
    inner = Repo(outer.path / "inner", outer.environ)
    inner.write("new")
    if is_committed:
        inner.commit("new")
    assert outer.read().changed == ("inner/",)


def test_a_submodule_without_a_work_tree_is_an_error_and_not_no_repository(repo: Repo) -> None:
    outer = _with_submodule(repo)
    Repo(outer.path / "inner", outer.environ).git("config", "--unset", "core.worktree")
    Repo(outer.path / "inner", outer.environ).git("config", "core.bare", "true")
    with pytest.raises(SettingsError, match="inner"):
        outer.read()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("is_file", [False, True])
def test_a_submodule_that_is_gone_is_a_change_whatever_git_is_told(repo: Repo, flag: str, is_file: bool) -> None:
    outer = _with_submodule(repo)
    outer.git("update-index", flag, "inner")
    shutil.rmtree(outer.path / "inner")
    if is_file:
        outer.write("inner")
    else:
        (outer.path / "inner").symlink_to(repo.path)  # a work tree at the same commit
        assert outer.read().changed == ("inner/",)
        (outer.path / "inner").unlink()
    assert outer.read().changed == ("inner/",)


@pytest.mark.parametrize("hides", ["untracked", "submodules", "gitmodules"])
def test_no_setting_hides_what_a_submodule_has(repo: Repo, hides: str) -> None:
    """git takes the settings of who runs it, and each .gitmodules, when it looks into a submodule."""
    middle = _with_submodule(repo)
    options = ("-c", "protocol.file.allow=always")
    if hides == "gitmodules":
        middle.git("config", "--file", ".gitmodules", "submodule.inner.ignore", "all")
    middle.git("commit", "--quiet", "--all", "--allow-empty", "--message", "ignored")
    outer = Repo(repo.path.parent / "outermost", repo.environ)
    outer.path.mkdir()
    outer.git("init", "--quiet")
    outer.git(*options, "submodule", "--quiet", "add", middle.path.as_uri(), "middle")
    outer.git(*options, "submodule", "--quiet", "update", "--init", "--recursive")
    outer.commit()
    assert not outer.read().dirty
    outer.write("middle/new" if hides == "untracked" else "middle/inner/file", "changed\n")
    settings = {"untracked": ("status.showUntrackedFiles", "no"), "submodules": ("diff.ignoreSubmodules", "dirty")}
    name, value = settings.get(hides, ("a.b", "c"))
    hidden = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": name, "GIT_CONFIG_VALUE_0": value}
    assert outer.read(**hidden).changed == ("middle/",)


def test_a_repository_within_is_a_change(repo: Repo) -> None:
    inner = Repo(repo.path / "inner", repo.environ)
    inner.path.mkdir()
    inner.git("init", "--quiet")
    inner.commit()
    first = repo.read()
    assert first.changed == ("inner/",)
    inner.write("new")
    assert repo.read().fingerprint != first.fingerprint


def test_a_damaged_index_with_a_submodule_without_a_name(repo: Repo) -> None:
    index = repo.path / ".git" / "index"
    content = index.read_bytes().replace(
        b"\0\0\x81\xa4", b"\0\0\xe0\0"
    )  # a file's mode, a submodule's (gitformat-index)
    index.write_bytes(content.replace(b"\0\x04file", b"\0\x04\0ile"))
    with suppress(SettingsError):
        assert repo.read().dirty


def test_another_program_under_gits_name_is_no_git(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho hello; echo hello\n", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(SettingsError, match="answer can't be read"):
        git_state(tmp_path, environ={**environ, "PATH": f"{program.parent}:{environ['PATH']}"})


def test_the_highest_version_is_the_tag(repo: Repo) -> None:
    for name in ("v1.9.0", "v1.10.0-rc.1", "v1.10.0", "zebra", "nightly/2024"):
        repo.git("tag", name)
    state = repo.read()
    assert state.tag == "v1.10.0"
    assert state.tags == ("nightly/2024", "v1.10.0", "v1.10.0-rc.1", "v1.9.0", "zebra")
    assert state.release_tags == ("v1.9.0", "v1.10.0-rc.1", "v1.10.0")


def test_without_a_version_the_first_by_name(repo: Repo) -> None:
    repo.git("tag", "b")
    repo.git("tag", "a")
    assert repo.read().tag == "a"


def test_annotated_tags_count_for_their_commit(repo: Repo) -> None:
    repo.git("tag", "--annotate", "--message", "one\ntwo", "v1.0.0")
    repo.git("tag", "--annotate", "--message", "a tag of a tag", "v1.0.1", "v1.0.0")
    repo.git("tag", "blob", repo.git("rev-parse", "HEAD:file"))
    assert repo.read().tags == ("v1.0.0", "v1.0.1")
    repo.git("pack-refs", "--all")
    assert repo.read().tags == ("v1.0.0", "v1.0.1")
    repo.commit("second")
    state = repo.read()
    assert (state.tag, state.tags, state.release_tags) == (None, (), ("v1.0.0", "v1.0.1"))


def test_the_remote_is_origin_or_the_only_one(repo: Repo) -> None:
    repo.git("remote", "add", "fork", "https://user:secret@example.com/fork/app.git")
    assert repo.read().remote_url == "https://example.com/fork/app"
    repo.git("remote", "add", "upstream", "https://example.com/upstream/app")
    assert repo.read().remote_url is None
    repo.git("remote", "add", "origin", "git@example.com:team/app.git")
    assert repo.read().remote_url == "https://example.com/team/app"


def test_the_remote_is_what_git_makes_of_it(repo: Repo) -> None:
    repo.git("config", "url.https://token@github.com/.insteadOf", "gh:")
    repo.git("remote", "add", "origin", "gh:team/app")
    assert repo.read().remote_url == "https://github.com/team/app"


def test_a_partial_clone_has_a_remote(repo: Repo) -> None:
    repo.git("remote", "add", "origin", "https://example.com/team/app")
    repo.git("config", "remote.origin.promisor", "true")
    repo.git("config", "remote.origin.partialCloneFilter", "blob:none")
    assert repo.read().remote_url == "https://example.com/team/app"


def test_the_default_branch(repo: Repo) -> None:
    repo.git("branch", "--move", "trunk/x")
    clone = repo.clone("clone")
    assert clone.read().default_branch == "trunk/x"
    clone.git("remote", "set-head", "origin", "--delete")
    assert clone.read().default_branch is None


def test_a_hooks_variables_point_elsewhere(repo: Repo, tmp_path: Path) -> None:
    other = Repo(tmp_path / "other", repo.environ)
    other.path.mkdir()
    other.git("init", "--quiet")
    other.commit("another")
    redirected = repo.read(
        GIT_DIR=str(other.path / ".git"),
        GIT_WORK_TREE=str(other.path),
        GIT_INDEX_FILE=str(tmp_path / "index"),
        GIT_PREFIX="services/",
        GIT_NAMESPACE="x",
        GIT_CONFIG_PARAMETERS="'core.bare'='true'",
    )
    assert redirected == repo.read()


def test_read_from_a_hook(repo: Repo, tmp_path: Path) -> None:
    """A commit hook of one repository reads another one, with the environment that git gives it."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    hook = hooks / "pre-commit"
    hook.write_text(f"#!/bin/sh\nenv -0 > '{tmp_path}/hook-env'\n", encoding="utf-8")
    hook.chmod(0o755)
    repo.git("config", "core.hooksPath", str(hooks))
    side = repo.clone("side")
    repo.commit("hooked")
    records = (tmp_path / "hook-env").read_text(encoding="utf-8").split("\0")[:-1]
    inherited = dict(record.split("=", 1) for record in records)
    assert "GIT_INDEX_FILE" in inherited
    state = side.read(**inherited)
    assert (state.root, state.dirty) == (side.path, False)


def test_a_repository_of_another_user(repo: Repo, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        repo.read(PATH=_git_that(tmp_path, "export GIT_TEST_ASSUME_DIFFERENT_OWNER=1", repo))
    assert caught.value.code == ExitCode.SETTINGS
    assert "belongs to another user" in caught.value.cause
    assert f"git config --global --add safe.directory {repo.path}" in caught.value.remedy


def test_a_git_file_that_leads_nowhere(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / ".git").write_text("gitdir: /nonexistent/worktree\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="can't read the repository") as caught:
        read(tmp_path, environ=environ)
    assert "not a git repository: /nonexistent/worktree." in caught.value.cause


def test_a_broken_index(repo: Repo) -> None:
    (repo.path / ".git/index").write_bytes(b"nonsense")
    with pytest.raises(SettingsError, match="can't read the repository"):
        repo.read()


def test_without_git(repo: Repo, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "bin")
    with pytest.raises(SettingsError, match="git is not installed") as caught:
        repo.read(PATH=nowhere)
    assert "Install git" in caught.value.remedy
    assert read(tmp_path, environ={"PATH": nowhere}) == NO_REPOSITORY
    assert not is_tracked(None, repo.path / "file", environ={"PATH": nowhere})


def test_git_gets_no_credentials_and_takes_no_lock(repo: Repo, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    path = _git_that(tmp_path, f"env >> '{seen}'", repo)
    repo.read(PATH=path, AWS_SECRET_ACCESS_KEY="secret-1", ECR_BUILD_ARGS="TOKEN=secret-2", GIT_SSH="keep-me")
    environment = seen.read_text(encoding="utf-8")
    assert "secret" not in environment
    assert "GIT_OPTIONAL_LOCKS=0" in environment
    assert "GIT_TERMINAL_PROMPT=0" in environment
    assert "GIT_SSH=keep-me" in environment


def test_seven_processes(repo: Repo, tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    repo.commit("second")
    repo.git("tag", "v1.0.0")
    repo.git("remote", "add", "origin", "https://example.com/team/app")
    repo.write("new")
    repo.read(PATH=_git_that(tmp_path, f"echo x >> '{counted}'", repo))
    assert len(counted.read_text(encoding="utf-8").splitlines()) <= 7


def test_the_users_settings_change_nothing(repo: Repo) -> None:
    repo.git("tag", "v1.0.0")
    repo.commit("docs/a")
    plain = repo.read()
    for name, value in {
        "status.showUntrackedFiles": "no",
        "status.relativePaths": "true",
        "log.showSignature": "true",
        "color.ui": "always",
        "core.pager": "false",
        "core.fsmonitor": "false-program",
        "status.branch": "true",
        "tag.sort": "-version:refname",
    }.items():
        repo.git("config", name, value)
    assert repo.read("docs") == plain
    repo.write("docs/new")
    assert repo.read("docs").changed == ("docs/new",)


@pytest.mark.parametrize("name", ["a file", "*", "grün", "[x]", "a\nb", "-n", ":top"])
def test_is_tracked(repo: Repo, name: str) -> None:
    path = repo.write(f"folder/{name}")
    assert not is_tracked(repo.path, path, environ=repo.environ)
    repo.git("--literal-pathspecs", "add", "--", f"folder/{name}")
    assert is_tracked(repo.path, path, environ=repo.environ)
    assert not is_tracked(repo.path, path.with_name("other"), environ=repo.environ)


def test_is_tracked_elsewhere(repo: Repo, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x", encoding="utf-8")
    bounded = {**repo.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    assert not is_tracked(repo.path, outside, environ=bounded)
    assert not is_tracked(repo.path, tmp_path / "nowhere/.env", environ=bounded)
    assert not is_tracked(None, repo.path / "file", environ=bounded)
    assert is_tracked(repo.path, _with_submodule(repo).path / "inner/file", environ=bounded)


def _with_submodule(repo: Repo) -> Repo:
    outer = Repo(repo.path.parent / "outer", repo.environ)
    outer.path.mkdir()
    outer.git("init", "--quiet")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repo.path.as_uri(), "inner")
    outer.git("commit", "--quiet", "--message", "Add inner")
    return outer


def _git_that(folder: Path, first: str, repo: Repo) -> str:
    """Return a PATH whose git runs a script first."""
    real = shutil.which("git", path=repo.environ["PATH"])
    wrapper = folder / "wrapped" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\n{first}\nexec {real} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    subprocess.run([wrapper, "--version"], check=True, capture_output=True, env=dict(repo.environ))
    (folder / "counted").unlink(missing_ok=True)
    return f"{wrapper.parent}:{repo.environ['PATH']}"
