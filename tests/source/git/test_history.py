"""How two commits of a clone are related."""

from __future__ import annotations

from ecr_tasks.source.git.history import Relation, relations
from tests.source.conftest import Repo


def related(repo: Repo, revision: str, other: str) -> Relation:
    return relations(repo.path, revision, [other], environ=repo.environ)[other]


def test_commits_of_one_branch(repo: Repo) -> None:
    first, second = repo.git("rev-parse", "HEAD"), repo.commit("b")
    repo.git("reset", "--quiet", "--hard", first)  # the clone still has the second
    assert (related(repo, first, second), related(repo, second, first)) == ("newer", "older")


def test_commits_of_two_branches_and_their_merge(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    ours = repo.commit("ours")
    repo.git("checkout", "--quiet", "-b", "other", base)
    theirs = repo.commit("theirs")
    assert (related(repo, ours, theirs), related(repo, theirs, ours)) == ("unrelated", "unrelated")
    repo.git("merge", "--quiet", "--no-edit", ours)
    assert related(repo, ours, repo.git("rev-parse", "HEAD")) == "newer"


def test_what_the_clone_does_not_have_is_unknown(repo: Repo) -> None:
    old, middle, new = repo.git("rev-parse", "HEAD"), repo.commit("b"), repo.commit("c")
    shallow = repo.clone("shallow", "--depth", "1")
    assert (related(shallow, new, old), related(shallow, new, middle)) == ("unknown", "unknown")
    assert related(repo.clone("single", "--filter=tree:0"), middle, new) == "newer"
    later = repo.commit("d")
    for clone in (shallow, repo.clone("partial", "--filter=blob:none", "--depth", "2")):
        assert related(clone, new, "f" * 40) == "unknown"
    assert related(shallow, new, later) == "unknown"


def test_two_commits_whose_history_is_cut_off_are_unknown(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    ours = repo.commit("ours")
    repo.git("checkout", "--quiet", "-b", "other", base)
    theirs = repo.commit("theirs")
    shallow = repo.clone("shallow", "--depth", "1", "--no-single-branch")
    assert related(shallow, ours, theirs) == "unknown"


def test_no_commit_ids(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    for other in ("HEAD", "main", "", head[:6], "--all", "x" * 40):
        assert related(repo, head, other) == "unknown"
    repo.git("branch", "abcdef12")  # no beginning of an id
    assert related(repo, head, "abcdef12") == "unknown"


def test_the_beginning_of_an_id_is_enough(repo: Repo) -> None:
    old, new = repo.git("rev-parse", "HEAD"), repo.commit("b")
    assert (related(repo, old, new[:7]), related(repo, new, old[:12])) == ("newer", "older")


def test_no_repository(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    alone = {**repo.environ, "GIT_CEILING_DIRECTORIES": "/"}
    assert relations(repo.path.parent, head, [head], environ=alone) == {head: "unknown"}


def test_an_id_that_is_no_commit_s_is_unknown(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    for other in (repo.git("rev-parse", "HEAD^{tree}"), repo.git("rev-parse", "HEAD:file")):
        assert related(repo, head, other) == "unknown"
        assert relations(repo.path, head, [other, head[:9]], environ=repo.environ)[other] == "unknown"


def test_many_commits_are_asked_for_at_once(repo: Repo) -> None:
    old, ours, newer = (repo.commit(name) for name in ("old", "ours", "newer"))
    repo.git("checkout", "--quiet", "-b", "other", old)
    theirs = repo.commit("theirs")
    asked = [old, ours[:9], newer[:8], theirs, "f" * 40, "main"]
    answers = ["older", "newer", "newer", "unrelated", "unknown", "unknown"]
    assert relations(repo.path, ours, asked, environ=repo.environ) == dict(zip(asked, answers, strict=True))
