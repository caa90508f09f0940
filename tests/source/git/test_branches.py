"""Whether a commit is on a branch: real repositories, their remotes, shallow clones and wrong names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.git.branches import Branch, branch_ref, find_branch
from tests.support.repo import Repo


def on(repo: Repo, name: str) -> Branch:
    return find_branch(repo.path, name, environ=repo.environ)


def test_commits_of_a_branch_and_of_others(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "-b", "feature")
    feature = repo.commit("feature")
    repo.git("checkout", "--quiet", "main")
    second = repo.commit("second")
    main = on(repo, "main")
    assert (main.ref, main.shown) == ("refs/heads/main", "main")
    assert [main.contains(commit) for commit in (first, second, feature)] == ["yes", "yes", "no"]
    assert [on(repo, "feature").contains(commit) for commit in (first, second, feature)] == ["yes", "no", "yes"]
    repo.git("merge", "--quiet", "--no-edit", "feature")
    assert main.contains(feature) == "yes"


@pytest.mark.parametrize("wrong", ["0" * 40, "f" * 64, "main", "HEAD", "--all", "a1b2c3d", "", "x\n" * 9])
def test_what_is_no_commit_here_is_unknown(repo: Repo, wrong: str) -> None:
    assert on(repo, "main").contains(wrong) == "unknown"


def test_a_tree_or_a_blob_is_no_commit(repo: Repo) -> None:
    for name in ("HEAD^{tree}", "HEAD:file"):
        assert on(repo, "main").contains(repo.git("rev-parse", name)) == "unknown"


def test_the_remotes_branch_counts_before_the_local_one(repo: Repo) -> None:
    clone = repo.clone("clone")
    unpushed = clone.commit("unpushed")
    main = on(clone, "main")
    assert (main.ref, main.shown) == ("refs/remotes/origin/main", "main (origin/main)")
    assert main.contains(unpushed) == "no"
    clone.git("push", "--quiet", "origin", "HEAD:refs/heads/reviewed")
    assert on(clone, "reviewed").contains(unpushed) == "yes"


def test_a_detached_checkout_of_ci_knows_the_remotes_branches(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    clone = repo.clone("clone")
    clone.git("checkout", "--quiet", "--detach")
    clone.git("branch", "--quiet", "-D", "main")
    assert on(clone, "main").contains(head) == "yes"
    assert on(clone, "origin/main").ref == "refs/remotes/origin/main"


def test_a_shallow_clone_is_sure_of_a_yes_and_of_nothing_else(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "-b", "feature")
    feature = repo.commit("feature")
    repo.git("checkout", "--quiet", "main")
    repo.commit("second")
    third = repo.commit("third")
    shallow = repo.clone("shallow", "--depth", "1", "--no-single-branch")
    assert [on(shallow, "main").contains(commit) for commit in (third, first, feature)] == [
        "yes",
        "shallow",
        "shallow",
    ]
    shallow.git("fetch", "--quiet", "--unshallow")
    assert [on(shallow, "main").contains(commit) for commit in (third, first, feature)] == ["yes", "yes", "no"]


def test_a_hooks_environment_points_git_nowhere_else(repo: Repo, tmp_path: Path) -> None:
    head = repo.git("rev-parse", "HEAD")
    hook = {**repo.environ, "GIT_DIR": str(tmp_path / "elsewhere"), "GIT_INDEX_FILE": "x"}
    assert find_branch(repo.path, "main", environ=hook).contains(head) == "yes"


def test_a_branch_that_is_not_there_is_named_with_its_nearest(repo: Repo) -> None:
    repo.git("branch", "develop")
    with pytest.raises(SettingsError) as caught:
        on(repo, "mian")
    assert "'mian'" in caught.value.cause
    assert "did you mean main?" in caught.value.cause
    assert "develop, main" in caught.value.cause
    for wrong in ("", "-", "--all", "refs/heads/main~1", "main^", "HEAD", "xyz" * 100):
        with pytest.raises(SettingsError):
            on(repo, wrong)


def test_without_a_repository_or_a_commit(tmp_path: Path, empty: Repo) -> None:
    (tmp_path / "plain").mkdir()
    environ = {**empty.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    with pytest.raises(SettingsError, match="in no git repository"):
        find_branch(tmp_path / "plain", "main", environ=environ)
    with pytest.raises(SettingsError, match="it knows none at all"):
        on(empty, "main")


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        ({"heads/main": "", "remotes/origin/main": ""}, "remotes/origin/main"),
        ({"heads/main": "upstream", "remotes/origin/main": "", "remotes/upstream/main": ""}, "remotes/upstream/main"),
        ({"heads/main": "gone", "remotes/origin/main": ""}, "remotes/origin/main"),
        ({"heads/main": ".", "heads/other": ""}, "heads/main"),
        ({"heads/main": "", "remotes/fork/main": ""}, "remotes/fork/main"),
        ({"heads/main": "", "remotes/a/main": "", "remotes/b/main": ""}, "heads/main"),
        ({"remotes/a/main": "", "remotes/b/main": ""}, None),
        ({"heads/team/main": "", "remotes/origin/team/main": ""}, None),
        ({}, None),
    ],
)
def test_where_a_branch_is_looked_for(refs: dict[str, str], expected: str | None) -> None:
    ref = branch_ref({f"refs/{name}": remote for name, remote in refs.items()}, "main")
    assert ref == (f"refs/{expected}" if expected else None)
