"""The merged facts of git and CI, in checkouts like those of the CI systems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ecr_tasks.ci.context import NO_CI, CiContext
from ecr_tasks.settings.load import load
from ecr_tasks.source.git.read import NO_REPOSITORY, git_state
from ecr_tasks.source.merge_ci import merge
from ecr_tasks.source.read import read
from ecr_tasks.source.source_state import SourceState
from tests.support.build import tags
from tests.support.repo import Repo

ELSEWHERE = "c9f3d1a0b7e24f6c8d5e0a9b3f7c6d2e1a4b5c6d"


def github(sha: str, ref: str = "refs/heads/main", **more: str) -> dict[str, str]:
    return {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_SHA": sha, "GITHUB_REF": ref, **more}


def gitlab_request(sha: str, **more: str) -> dict[str, str]:
    return {
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_COMMIT_SHA": sha,
        "CI_MERGE_REQUEST_IID": "41",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/login",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        **more,
    }


@dataclass(frozen=True)
class Request:
    """Make a pull request's checkout, with HEAD detached at its merge into main."""

    repo: Repo
    base: str
    head: str
    merged: str


@pytest.fixture
def request_(repo: Repo) -> Request:
    repo.git("checkout", "--quiet", "-b", "feature/login")
    head = repo.commit("feature")
    repo.git("checkout", "--quiet", "main")
    base = repo.commit("base")
    repo.git("checkout", "--quiet", "--detach")
    repo.git("merge", "--quiet", "--no-ff", "--message", "Merge it", head)
    return Request(repo, base, head, repo.git("rev-parse", "HEAD"))


def test_without_a_ci_the_state_is_gits(repo: Repo) -> None:
    state = repo.read()
    assert state is merge(state, NO_CI)
    assert state == git_state(repo.path, environ=repo.environ)
    assert repo.read(CI="true") == state
    assert state.origins == {}


def test_a_detached_head_has_the_cis_branch(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "--detach")
    state = repo.read(**github(head, "refs/heads/feature/Grün", GITHUB_RUN_NUMBER="7"))
    assert (state.ci, state.event, state.branch, state.revision) == ("github", "push", "feature/Grün", head)
    assert (state.build_number, state.head, state.pull_request) == ("7", None, None)
    assert state.origins == {
        "ci": "GITHUB_ACTIONS",
        "event": "GITHUB_EVENT_NAME",
        "branch": "GITHUB_REF",
        "build_number": "GITHUB_RUN_NUMBER",
    }


def test_a_local_branch_of_another_name_is_the_cis_branch(repo: Repo) -> None:
    """The checked-out commit is the CI's; then the name of the clone's local branch doesn't matter."""
    head = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "-b", "build-4711")
    assert repo.read(**github(head)).branch == "main"
    assert repo.read(**github(head[:12])).branch == "main"


def test_a_shallow_clone_has_the_cis_tag(repo: Repo) -> None:
    repo.git("tag", "v1.0.0")
    repo.git("tag", "v10.0.0")
    repo.commit("second")
    repo.git("tag", "v2.0.0")
    shallow = repo.clone("shallow", "--depth=1", "--no-tags")
    shallow.git("checkout", "--quiet", "--detach")
    bare = shallow.read()
    assert (bare.shallow, bare.tag, bare.release_tags) == (True, None, ())
    environ = github(shallow.git("rev-parse", "HEAD"), "refs/tags/v2.0.0")
    state = shallow.read(**environ)
    assert (state.event, state.tag, state.tags, state.release_tags) == ("tag", "v2.0.0", ("v2.0.0",), ("v2.0.0",))
    assert (state.branch, state.origins["tag"]) == (None, "GITHUB_REF")
    whole = repo.clone("whole")
    whole.git("tag", "--delete", "v2.0.0")
    assert whole.read(**environ).release_tags == ("v1.0.0", "v2.0.0", "v10.0.0")
    assert whole.read(**environ).branch is None


def test_of_several_tags_it_is_the_one_that_the_run_is_for(repo: Repo) -> None:
    repo.git("tag", "v1.0.0")
    repo.git("tag", "--annotate", "--message", "nightly", "nightly")
    head = repo.git("rev-parse", "HEAD")
    state = repo.read(**github(head, "refs/tags/nightly"))
    assert (state.tag, state.tags, state.release_tags) == ("nightly", ("nightly", "v1.0.0"), ("v1.0.0",))
    # An annotated tag's own id is no commit's; git knows the tag all the same.
    assert repo.read(**github(repo.git("rev-parse", "nightly"), "refs/tags/nightly")).tag == "nightly"


def test_a_tag_that_git_has_elsewhere_names_nothing_here(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit("second")
    repo.git("tag", "v1.0.0")
    repo.git("checkout", "--quiet", "--detach", first)
    state = repo.read(**github(first, "refs/tags/v1.0.0"))
    assert (state.tag, state.tags, state.release_tags) == (None, (), ("v1.0.0",))
    assert state.origins["tag"] == "git, not GITHUB_REF: git has v1.0.0 on another commit"


def test_the_checkout_wins_over_a_ci_that_speaks_of_another_commit(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("remote", "add", "origin", "https://github.com/acme/library.git")
    repo.git("checkout", "--quiet", "-b", "release")
    environ = github(ELSEWHERE, GITHUB_REPOSITORY="acme/web-app", GITHUB_RUN_NUMBER="7")
    state = repo.read(**environ)
    assert (state.revision, state.branch, state.tag) == (head, "release", None)
    assert state.remote_url == "https://github.com/acme/library"
    assert (state.ci, state.build_number) == ("github", "7")
    note = f"GITHUB_SHA says {ELSEWHERE[:12]} and {head[:12]} is checked out"
    assert state.origins["revision"] == f"git HEAD: {note}"
    assert state.origins["branch"] == f"git, not GITHUB_REF: {note}"
    repo.git("checkout", "--quiet", "--detach")
    assert repo.read(**environ).branch is None
    state = repo.read(**github(ELSEWHERE, "refs/tags/v1.0.0"))
    assert (state.tag, state.tags, state.release_tags) == (None, (), ())
    assert state.origins["tag"] == f"git, not GITHUB_REF: {note}"


def test_a_branch_that_nobody_ties_to_the_commit(repo: Repo) -> None:
    """Scripted Jenkins pipelines know the branch and not the commit."""
    environ = {"JENKINS_URL": "https://ci.example.com", "BUILD_NUMBER": "5", "BRANCH_NAME": "feature/login"}
    state = repo.read(**environ)
    assert state.branch == "main"
    assert state.origins["branch"] == "git, not BRANCH_NAME: it says feature/login and main is checked out"
    repo.git("checkout", "--quiet", "--detach")
    assert repo.read(**environ).branch == "feature/login"
    assert repo.read(**environ, TAG_NAME="v1.0.0").tag == "v1.0.0"


def test_a_pull_requests_merge_commit(request_: Request) -> None:
    """Labels and ``sha-`` name what is built, which is the merge; the head has a field of its own."""
    environ = gitlab_request(
        request_.merged,
        CI_MERGE_REQUEST_EVENT_TYPE="merged_result",
        CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=request_.head,
    )
    state = request_.repo.read(**environ)
    assert (state.revision, state.head, state.fingerprint) == (request_.merged, request_.head, request_.merged)
    assert (state.event, state.pull_request) == ("pull_request", "41")
    assert (state.branch, state.base_ref) == ("feature/login", "main")
    assert state.parents == (request_.base, request_.head)
    assert "revision" not in state.origins
    assert state.origins["head"] == "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"
    assert tags(state)[0].name == f"sha-{request_.merged[:7]}"


def test_a_merge_that_the_ci_does_not_name(request_: Request) -> None:
    """Bitbucket makes a merge and has twelve digits of the head; Drone stays on the target."""
    environ = {
        "BITBUCKET_BUILD_NUMBER": "7",
        "BITBUCKET_COMMIT": request_.head[:12],
        "BITBUCKET_BRANCH": "feature/login",
        "BITBUCKET_PR_ID": "15",
        "BITBUCKET_PR_DESTINATION_BRANCH": "main",
    }
    state = request_.repo.read(**environ)
    assert (state.revision, state.head, state.branch) == (request_.merged, request_.head, "feature/login")
    assert "revision" not in state.origins
    request_.repo.git("branch", "--force", "main", request_.merged)
    request_.repo.git("checkout", "--quiet", "main")
    drone = {"DRONE": "true", "DRONE_PULL_REQUEST": "15", "DRONE_COMMIT_SHA": request_.head, "DRONE_BRANCH": "main"}
    state = request_.repo.read(**drone)
    assert (state.branch, state.base_ref, state.pull_request, state.head) == (None, "main", "15", request_.head)


def test_a_merge_that_the_ci_calls_the_commit(request_: Request) -> None:
    """A multibranch job of Jenkins has the id of its own merge commit only, so the head is unknown."""
    environ = {"JENKINS_URL": "https://ci.example.com", "BUILD_NUMBER": "5", "CHANGE_ID": "5", "CHANGE_BRANCH": "x"}
    state = request_.repo.read(**environ, GIT_COMMIT=request_.merged)
    assert (state.revision, state.head, state.branch) == (request_.merged, None, "x")
    request_.repo.git("checkout", "--quiet", request_.head)
    assert request_.repo.read(**environ, GIT_COMMIT=request_.head).head == request_.head


def test_a_shallow_merge_commit_knows_its_parents(request_: Request) -> None:
    request_.repo.git("branch", "merged", request_.merged)
    shallow = request_.repo.clone("shallow", "--depth=1", "--branch=merged", "--no-tags")
    assert shallow.read().parents == (request_.base, request_.head)


def test_a_pull_request_stays_one_whatever_is_checked_out(repo: Repo) -> None:
    """Otherwise a change would be taken for a push to the branch that is checked out."""
    state = repo.read(**gitlab_request(ELSEWHERE))
    assert (state.pull_request, state.branch, state.head) == ("41", "feature/login", ELSEWHERE)
    assert state.origins["revision"].startswith("git HEAD: CI_COMMIT_SHA says")


def test_a_setting_says_that_the_run_is_for_a_change(repo: Repo, tmp_path: Path) -> None:
    """Prow and Zuul merge a change into a local main, which git alone takes for a push."""
    repo.git("tag", "v1.0.0")

    def state(value: str, **environ: str) -> SourceState:
        settings = load(tmp_path, environ={"ECR_PULL_REQUEST": value})
        return read(repo.path, environ={**repo.environ, **environ}, settings=settings)

    for number in ("7", "true"):
        change = state(number)
        assert (change.ci, change.branch, change.tag) == (None, None, None)
        assert change.pull_request == (number if number == "7" else None)
        assert change.origins["change"] == "ECR_PULL_REQUEST"
    for none in ("", "false", " ", "0", "null"):
        assert state(none) == repo.read()
    head = repo.git("rev-parse", "HEAD")
    assert state("false", **gitlab_request(head)).pull_request == "41"
    assert state("true", **gitlab_request(head)).pull_request == "41"
    assert state("7", **gitlab_request(head)).pull_request == "7"
    assert state("7", **github(head)).branch is None


def test_jenkins_branch_is_after_any_remotes_name(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    jenkins = {"JENKINS_URL": "https://ci.example.com", "BUILD_NUMBER": "5", "GIT_COMMIT": head}
    clone = repo.clone("clone", "--origin=upstream")
    clone.git("checkout", "--quiet", "--detach")
    assert clone.read(**jenkins, GIT_BRANCH="upstream/main").branch == "main"
    assert clone.read(**jenkins, GIT_BRANCH="feature/x").branch == "feature/x"
    assert repo.read(**jenkins, GIT_BRANCH="upstream/main").branch == "upstream/main"
    # A remote that is not in the configuration.
    clone.git("update-ref", "refs/remotes/mirror/main", "HEAD")
    assert clone.read(**jenkins, GIT_BRANCH="mirror/main").branch == "main"
    clone.git("checkout", "--quiet", "main")
    assert clone.read(**jenkins, GIT_BRANCH="FETCH_HEAD").branch is None
    # A clone's only remote is the main one, whatever its name is.
    assert (clone.read().default_branch, clone.read().remotes) == ("main", ("upstream",))


def test_codebuilds_name_is_what_the_clone_has(repo: Repo) -> None:
    """A build that a person starts has a name of a branch, a tag or a commit in CODEBUILD_SOURCE_VERSION."""
    head = repo.git("rev-parse", "HEAD")
    repo.git("tag", "v1.0.0")
    repo.git("branch", "topic")
    repo.git("branch", "both")
    repo.git("tag", "both")
    clone = repo.clone("clone")
    clone.git("checkout", "--quiet", "--detach")
    codebuild = {
        "CODEBUILD_BUILD_ID": "x:1",
        "CODEBUILD_INITIATOR": "alice",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": head,
    }

    def state(version: str) -> tuple[str | None, str | None]:
        read = clone.read(**codebuild, CODEBUILD_SOURCE_VERSION=version)
        return read.branch, read.tag if read.origins.get("tag") else None

    assert state("topic") == ("topic", None)
    assert state("v1.0.0") == (None, "v1.0.0")
    for other in ("both", head, "arn:aws:s3:::bucket/key", "a b", "", "../main", "-x"):
        assert state(other) == (None, None)


def test_a_tag_makes_no_release_of_a_pull_request(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("tag", "v1.0.0")
    state = repo.read(**gitlab_request(head))
    assert (state.tag, state.tags) == (None, ("v1.0.0",))
    assert state.origins["tag"] == "none: CI_MERGE_REQUEST_IID comes before the tag v1.0.0"
    assert not any(tag.name == "1.0.0" for tag in tags(state))


def test_the_default_branch_is_the_cis_then_gits(repo: Repo) -> None:
    clone = repo.clone("clone")
    environ = {"GITLAB_CI": "true", "CI_COMMIT_SHA": clone.git("rev-parse", "HEAD")}
    assert clone.read(**environ).default_branch == "main"
    assert clone.read(**environ, CI_DEFAULT_BRANCH="trunk").default_branch == "trunk"


def test_without_a_repository_the_files_are_the_cis_commit(tmp_path: Path, environ: dict[str, str]) -> None:
    """CodePipeline and a checkout without git have files only."""
    outside = {**environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    state = read(tmp_path, environ={**outside, **github(ELSEWHERE)})
    assert (state.root, state.revision, state.branch) == (None, ELSEWHERE, "main")
    assert state.origins["revision"] == "GITHUB_SHA"
    state = read(tmp_path, environ={**outside, **github(ELSEWHERE, "refs/pull/5/merge", GITHUB_HEAD_REF="x")})
    assert (state.revision, state.branch, state.pull_request) == (ELSEWHERE, "x", "5")
    assert read(tmp_path, environ={**outside, **github(ELSEWHERE[:12])}).revision is None


def test_before_the_first_commit_there_is_no_revision(empty: Repo) -> None:
    state = empty.read(**github(ELSEWHERE))
    assert (state.revision, state.branch) == (None, "main")


def test_a_merge_keeps_everything_else() -> None:
    ci = CiContext(provider="travis", build_number="5", origins={"provider": "TRAVIS", "build_number": "X"})
    merged = merge(NO_REPOSITORY, ci)
    assert replace(merged, ci=None, build_number=None, origins={}) == NO_REPOSITORY
    assert hash(merged)
