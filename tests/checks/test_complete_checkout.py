"""Tests of the check that the checkout has everything that a build context would carry."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from ecr_tasks.checks.complete_checkout import check_complete
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.git.incomplete import Checkouts
from tests.support.repo import Repo

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
FILE_PROTOCOL = ("-c", "protocol.file.allow=always")


def refusal(repo: Repo, definition: BuildDefinition, project: str = ".", ci: str | None = None) -> Refused | None:
    """Return the error of the check, or None."""
    try:
        check_complete("team/app", [definition], repo.path / project, Checkouts(repo.environ), ci)
    except Refused as error:
        return error
    return None


def context(repo: Repo, folder: str = ".", **fields: object) -> BuildDefinition:
    """Return a definition with a folder of the repository as its context."""
    return BuildDefinition(str(repo.path / folder), **fields)  # type: ignore[arg-type]


def run_remedy(repo: Repo, error: Refused, project: str = ".") -> None:
    """Run the commands that the remedy names."""
    for command in re.findall(r"`([^`]+)`", error.remedy.partition(" (here in CI")[0].partition(", or ")[0]):
        words = shlex.split(command)
        assert words[0] == "git"
        subprocess.run(
            ["git", *FILE_PROTOCOL, *words[1:]], cwd=repo.path / project, env=dict(repo.environ), check=True
        )


def add_submodule(repo: Repo, source: Repo, folder: str) -> None:
    """Commit a submodule."""
    repo.git(*FILE_PROTOCOL, "submodule", "--quiet", "add", "--", source.path.as_uri(), folder)
    repo.git("commit", "--quiet", "--message", f"Add {folder}")


@pytest.fixture
def with_submodules(repo: Repo, tmp_path: Path) -> Repo:
    """Return a clone without its submodule ``web/vendor/lib``, which has a submodule ``inner`` of its own."""
    inner, library = repo.clone("inner"), repo.clone("library")
    add_submodule(library, inner, "inner")
    repo.commit("web/Dockerfile", "FROM scratch\n")
    repo.commit("api/Dockerfile", "FROM scratch\n")
    add_submodule(repo, library, "web/vendor/lib")
    return repo.clone("clone")


@pytest.mark.parametrize("folder", [".", "web", "web/vendor", "web/vendor/lib"])
def test_a_submodule_that_is_not_checked_out_is_refused(with_submodules: Repo, folder: str) -> None:
    assert with_submodules.git("status", "--porcelain") == ""
    error = refusal(with_submodules, context(with_submodules, folder))
    assert error is not None
    assert "the submodule web/vendor/lib is not checked out" in error.cause
    assert "`git submodule update --init --recursive --checkout -- web/vendor/lib`" in error.remedy
    run_remedy(with_submodules, error)
    assert refusal(with_submodules, context(with_submodules, folder)) is None


def test_a_submodule_of_a_submodule_is_refused_too(with_submodules: Repo) -> None:
    with_submodules.git(*FILE_PROTOCOL, "submodule", "--quiet", "update", "--init")
    error = refusal(with_submodules, context(with_submodules, "web"))
    assert error is not None
    assert "web/vendor/lib/inner" in error.cause
    run_remedy(with_submodules, error)
    assert refusal(with_submodules, context(with_submodules, "web")) is None


@pytest.mark.parametrize(
    ("folder", "ignored"), [("api", ""), ("web", "vendor"), ("web", "vendor/lib\n"), ("web", "*\n!Dockerfile\n")]
)
def test_what_the_context_does_not_carry_need_not_be_there(with_submodules: Repo, folder: str, ignored: str) -> None:
    with_submodules.write(f"{folder}/.dockerignore", ignored)
    assert refusal(with_submodules, context(with_submodules, folder)) is None


def test_an_exception_of_dockerignore_brings_a_submodule_back(with_submodules: Repo) -> None:
    with_submodules.write("web/.dockerignore", "vendor\n!vendor/lib/file\n")
    assert refusal(with_submodules, context(with_submodules, "web")) is not None


def test_a_named_context_must_be_complete_too(with_submodules: Repo) -> None:
    named = context(with_submodules, "api", contexts={"lib": "web", "base": "docker-image://base:1"})
    assert refusal(with_submodules, named) is not None
    other = context(with_submodules, "api", contexts={"lib": "../clone/web"})
    error = refusal(with_submodules, other, project="api")
    assert error is None  # a path is relative to the project: there is no api/../clone/web
    error = refusal(with_submodules, context(with_submodules, "api", contexts={"lib": "../web"}), project="api")
    assert error is not None
    assert "../web/vendor/lib" in error.cause
    run_remedy(with_submodules, error, project="api")
    assert refusal(with_submodules, named) is None


@pytest.mark.parametrize(
    ("ci", "words"), [("github", "submodules: recursive"), ("gitlab", "GIT_SUBMODULE_STRATEGY"), ("drone", "")]
)
def test_in_ci_the_option_of_the_checkout_is_named(with_submodules: Repo, ci: str, words: str) -> None:
    error = refusal(with_submodules, context(with_submodules), ci=ci)
    assert error is not None
    assert words in error.remedy
    assert ("in CI" in error.remedy) is bool(words)


@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
def test_what_a_sparse_checkout_leaves_out_is_refused(repo: Repo, cone: str) -> None:
    for name in ("web/Dockerfile", "web/src/a.py", "web/src/b.py", "api/Dockerfile"):
        repo.commit(name)
    repo.git("sparse-checkout", "set", cone, "web/src" if cone == "--no-cone" else "api")
    assert repo.git("status", "--porcelain") == ""
    assert (refusal(repo, context(repo, "api")) is None) is (cone == "--cone")
    error = refusal(repo, context(repo, "web"))
    assert error is not None
    assert "web/Dockerfile" in error.cause
    assert f"`git sparse-checkout {'add web' if cone == '--cone' else 'disable'}`" in error.remedy
    run_remedy(repo, error)
    assert refusal(repo, context(repo, "web")) is None


def test_a_sparse_checkout_by_names_can_be_completed(repo: Repo) -> None:
    repo.commit("web/video.mp4")
    repo.git("sparse-checkout", "set", "--no-cone", "/*", "!*.mp4")
    error = refusal(repo, context(repo))
    assert error is not None
    run_remedy(repo, error)
    assert refusal(repo, context(repo)) is None


def test_a_submodule_that_wants_no_update_can_be_fetched(with_submodules: Repo) -> None:
    with_submodules.git("config", "--file", ".gitmodules", "submodule.web/vendor/lib.update", "none")
    error = refusal(with_submodules, context(with_submodules))
    assert error is not None
    run_remedy(with_submodules, error)
    assert refusal(with_submodules, context(with_submodules)) is None


def test_a_repository_without_an_address_can_be_taken_out(repo: Repo) -> None:
    repo.clone("repo/embedded")
    repo.git("add", "embedded")
    repo.git("commit", "--quiet", "--message", "By mistake")
    clone = repo.clone("clone")
    error = refusal(clone, context(clone))
    assert error is not None
    assert "embedded is a repository of its own" in error.cause
    run_remedy(clone, error)
    assert refusal(clone, context(clone)) is None


def test_many_absent_files_are_counted(repo: Repo) -> None:
    for number in range(9):
        repo.commit(f"folder{number}/file")
    repo.git("sparse-checkout", "set", "folder0")
    error = refusal(repo, context(repo))
    assert error is not None
    assert "folder1/file, folder2/file, folder3/file and 5 more" in error.cause


def test_a_file_that_git_was_told_to_skip_and_that_is_gone_is_refused(repo: Repo) -> None:
    repo.commit("a file")
    repo.git("update-index", "--skip-worktree", "a file")
    (repo.path / "a file").unlink()
    assert repo.git("status", "--porcelain") == ""
    error = refusal(repo, context(repo))
    assert error is not None
    run_remedy(repo, error)
    assert repo.git("status", "--porcelain") == 'D "a file"'


@pytest.mark.parametrize(
    ("driver", "content", "words"),
    [
        ("lfs", POINTER.encode(), "git lfs install --skip-repo` and `git lfs pull --include=model.bin --exclude="),
        ("annex", b"/annex/objects/SHA256E-s5--abc\n", "git annex get model.bin"),
        ("git-crypt", b"\0GITCRYPT\0\x01\x02", "git crypt unlock"),
        ("git-crypt-team", b"\0GITCRYPT\0\x01\x02", "git crypt unlock"),
        ("crypt", b"U2FsdGVkX1+abc\n", "transcrypt"),
        ("crypt-super", b"U2FsdGVkX1+abc\n", "transcrypt"),
    ],
)
def test_content_that_a_filter_has_not_put_in_place_is_refused(
    repo: Repo,
    driver: str,
    content: bytes,
    words: str,
) -> None:
    repo.commit(".gitattributes", f"*.bin filter={driver} -text\n")
    (repo.path / "model.bin").write_bytes(content)
    repo.commit("other.bin", "the content itself\n")
    repo.git("add", "model.bin")
    repo.git("commit", "--quiet", "--message", "Model")
    assert repo.git("status", "--porcelain") == ""
    error = refusal(repo, context(repo))
    assert error is not None
    assert "model.bin" in error.cause
    assert "other.bin" not in error.cause
    assert f"`{words}`" in error.remedy
    repo.write(".dockerignore", "*.bin\n")
    assert refusal(repo, context(repo)) is None


def test_git_lfs_is_given_names_as_patterns(repo: Repo) -> None:
    repo.commit(".gitattributes", "*.bin filter=lfs\n")
    repo.commit("a,[1].bin", POINTER)
    error = refusal(repo, context(repo))
    assert error is not None
    assert "`git lfs pull '--include=a??1?.bin' --exclude=`" in error.remedy


@pytest.mark.parametrize("attribute", ["", "*.txt -filter\n", "*.txt filter\n", "*.txt filter=other\n"])
def test_a_text_about_git_lfs_is_no_pointer(repo: Repo, attribute: str) -> None:
    repo.commit(".gitattributes", attribute)
    repo.commit("docs/pointer.txt", POINTER)
    assert refusal(repo, context(repo)) is None


def test_pointers_of_a_submodule_are_fetched_there(repo: Repo) -> None:
    library = repo.clone("library")
    library.commit(".gitattributes", "*.bin filter=lfs\n")
    for name in ("a.bin", "b.bin", "c.bin", "d.bin"):
        library.commit(name, POINTER)
    add_submodule(repo, library, "lib")
    error = refusal(repo, context(repo))
    assert error is not None
    assert "lib/a.bin, lib/b.bin, lib/c.bin and 1 more" in error.cause
    assert "`git -C lib lfs pull '--include=*' --exclude=`" in error.remedy


def test_a_hidden_change_in_a_submodule_is_refused(repo: Repo) -> None:
    add_submodule(repo, repo.clone("library"), "lib")
    inner = Repo(repo.path / "lib", repo.environ)
    inner.git("update-index", "--assume-unchanged", "file")
    inner.write("file", "another content\n")
    assert repo.git("status", "--porcelain") == ""
    error = refusal(repo, context(repo))
    assert error is not None
    run_remedy(repo, error)
    assert repo.read().dirty


def test_the_dockerfile_and_the_context_may_be_absent_themselves(repo: Repo) -> None:
    repo.commit("docker/web.Dockerfile", "FROM scratch\n")
    repo.commit("web/app.py")
    repo.commit("api/app.py")
    repo.git("sparse-checkout", "set", "api")
    for definition in (
        context(repo, "api", dockerfile=str(repo.path / "docker/web.Dockerfile")),
        context(repo, "web"),
    ):
        error = refusal(repo, definition)
        assert error is not None
        run_remedy(repo, error)
        assert refusal(repo, definition) is None


def test_an_absent_dockerfile_that_the_settings_name_is_missing(repo: Repo) -> None:
    repo.commit("docker/web.Dockerfile", "FROM scratch\n")
    repo.commit("web/app.py")
    repo.git("sparse-checkout", "set", "web")
    named = repo.path / "docker/web.Dockerfile"
    in_context = context(repo, "web", dockerfile=str(repo.path / "web/docker/web.Dockerfile"))
    with pytest.raises(Refused, match=r"leaves out docker/web\.Dockerfile") as caught:
        check_complete("team/app", [in_context], repo.path, Checkouts(repo.environ), None, named)
    run_remedy(repo, caught.value)
    check_complete("team/app", [in_context], repo.path, Checkouts(repo.environ), None, named)


def test_without_a_repository_nothing_is_missing(tmp_path: Path, environ: dict[str, str]) -> None:
    assert refusal(Repo(tmp_path, environ), BuildDefinition(str(tmp_path))) is None
    assert refusal(Repo(tmp_path, environ), BuildDefinition("https://example.com/app.git")) is None


def test_a_whole_checkout_costs_three_git_processes_for_any_number_of_images(repo: Repo, tmp_path: Path) -> None:
    counted, program = tmp_path / "counted", tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho x >> '{counted}'\nPATH='{repo.environ['PATH']}' exec git \"$@\"\n")
    program.chmod(0o755)
    checkouts = Checkouts({**repo.environ, "PATH": str(program.parent)})
    for folder in ("web", "job", "deep/in/it", "."):
        repo.write(f"{folder}/Dockerfile", "FROM scratch\n")
        check_complete("app", [context(repo, folder)], repo.path, checkouts, None)
    assert len(counted.read_text(encoding="utf-8").splitlines()) == 3
