"""Tests of source/git/remote_names: what `git ls-remote` tells of branches and proposed changes."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.git.remote_names import parse_ls_remote, remote_names
from tests.support.repo import Repo

MAIN, OPEN, CLOSED, FORK = (letter * 40 for letter in "abcd")
GITHUB = f"""\
{MAIN}\tHEAD
{MAIN}\trefs/heads/main
{OPEN}\trefs/heads/feature/a
{OPEN}\trefs/pull/7/head
{CLOSED}\trefs/pull/8/head
{FORK}\trefs/pull/9/head
{FORK}\trefs/pull/9/merge
{MAIN}\trefs/tags/v1
"""


def test_github_tells_which_requests_are_open() -> None:
    names = parse_ls_remote(GITHUB)
    assert set(names.branches) == {"main", "feature/a"}
    assert [names.is_open(number) for number in (7, 8, 9, 5, 10)] == [True, False, True, False, None]


def test_where_nothing_tells_a_request_without_a_branch_may_be_of_a_fork() -> None:
    lines = GITHUB.replace(f"{FORK}\trefs/pull/9/merge\n", "")
    assert parse_ls_remote(lines).is_open(8) is None
    assert parse_ls_remote(lines, "git@github.com:team/app.git").is_open(8) is False
    gitlab = lines.replace("refs/pull/", "refs/merge-requests/").replace(
        f"{CLOSED}\trefs/merge-requests/8/head\n", ""
    )
    assert [parse_ls_remote(gitlab).is_open(number) for number in (7, 8, 9)] == [True, False, None]
    assert parse_ls_remote(f"{MAIN}\trefs/heads/main\n").is_open(1) is None


def test_the_remote_is_asked(repo: Repo) -> None:
    repo.git("branch", "feature/a")
    clone = repo.clone("clone")
    repo.git("branch", "feature/b")  # which the clone doesn't know
    assert set(remote_names(clone.path, environ=clone.environ).branches) == {"main", "feature/a", "feature/b"}


def test_a_remote_that_can_not_be_asked(repo: Repo, empty: Repo) -> None:
    with pytest.raises(SettingsError, match="no remote called origin"):
        remote_names(repo.path, environ=repo.environ)
    repo.git("remote", "add", "origin", str(repo.path / "nowhere"))
    with pytest.raises(SettingsError, match="nowhere"):
        remote_names(repo.path, environ=repo.environ)
    with pytest.raises(SettingsError, match="no git repository"):
        remote_names(repo.path.parent, environ=repo.environ)
