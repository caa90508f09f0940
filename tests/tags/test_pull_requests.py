"""Whatever belongs to a proposed change moves no branch's tag and makes no release, whatever started the run.

The table of systems, their variables and their events is made of the adapters, so that a new one is covered.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from functools import cache
from typing import ClassVar

import pytest

from ecr_tasks.ci.change import with_pull_request
from ecr_tasks.ci.context import NO_CI, CiContext
from ecr_tasks.ci.detect import detect
from ecr_tasks.ci.environ import Environ, Fact, Parser
from ecr_tasks.ci.gerrit import gerrit_change
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.source.merge_ci import merge
from ecr_tasks.source.source_state import SourceState
from tests.ci.recorded import RUNS, Recorded, reader, runs
from tests.support.build import REVISION_A, SHA_TAG, source
from tests.tags.build import apply, names, pull_request, pushed_tag, why

EVERY_RULE = "\n".join(
    [
        "type=schedule",
        "type=edge",
        "type=semver,pattern={{version}}",
        "type=semver,pattern={{major}}.{{minor}},value=v9.0.0",
        "type=match,pattern=v(.*),group=1",
        "type=match,pattern=v(\\d),group=1,value=v9.0.0",
        "type=ref,event=branch",
        "type=ref,event=tag",
        "type=ref,event=pr",
        "type=raw,value=stable,enable={{is_default_branch}}",
        "type=sha",
    ]
)

CHANGE_FIELD = re.compile(
    r"pull_?request|merge_?request|(^|_)PR_|CHANGE_|^ghprb|GERRIT_(CHANGE|PATCHSET)|patchset|(HEAD|BASE)_REF$",
    re.IGNORECASE,
)
"""The names of variables that tell of a change, in every system."""

NOT_OF_THE_RUN = {
    "CIRCLE_PULL_REQUEST": "open from the branch that was pushed",
    "CI_PULL_REQUEST": "the same, before 2015",
    "SYSTEM_PULLREQUEST_ISFORK": "set for pushes, too",
    "gitlabMergeRequestLastCommit": "set for pushes, too",
    "CODEBUILD_WEBHOOK_HEAD_REF": "the branch of a push, too",
    "CODEBUILD_WEBHOOK_BASE_REF": "a push may have one, and has a trigger",
    "GERRIT_PATCHSET_REVISION": "GERRIT_REFSPEC and GERRIT_CHANGE_NUMBER are set with it",
    "ghprbGhRepository": "the job's",
    "GITHUB_EVENT_PATH: base_ref": "of a pushed tag",
    "giteePullRequestLastCommit": "set for pushes, too",
}


OTHER_STARTS = {
    "codebuild": [("CODEBUILD_INITIATOR", "mallory")],
    "teamcity": [("teamcity.build.triggeredBy.username", "mallory")],
}
"""What tells that a person started a run, where it isn't one of a few words."""


class Spy(Environ):
    """An environment that remembers which variables an adapter asks for."""

    asked: ClassVar[set[str]] = set()

    def get(self, *names: str, parse: Parser = str) -> Fact | None:
        self.asked.update(names)
        return super().get(*names, parse=parse)


@cache
def fields(provider: str) -> tuple[str, ...]:
    """Return the variables that the system's adapter asks for in its recorded runs."""
    Spy.asked = set()
    for run in runs(provider):
        env = Spy(run.environ, reader(run.files))
        SYSTEMS[provider].read_facts(env)
        gerrit_change(env)
    return tuple(sorted(Spy.asked))


@cache
def starts(provider: str) -> tuple[tuple[str, str], ...]:
    """Return each variable and word that tells what started a run, an unknown word, and nothing."""
    words = getattr(importlib.import_module(f"ecr_tasks.ci.{provider}.facts"), "_EVENTS", {})
    push = branch_push(provider)
    quiet = {name: text for name, text in push.environ.items() if text not in words}
    found = [
        (name, word)
        for name in fields(provider)
        for word, event in words.items()
        if replace(push, environ=quiet).detect().event != event
        and replace(push, environ={**quiet, name: word}).detect().event == event
    ]
    found += OTHER_STARTS.get(provider, [])
    return (*found, *((name, "something-new") for name in sorted({name for name, _ in found})), ("NOTHING", ""))


def branch_push(provider: str) -> Recorded:
    return next(run for run in runs(provider) if run.name.endswith("branch push"))


def tags_of(ci: CiContext) -> list[str]:
    """Return the tags in a clone that has ``main`` checked out, with a release's tag on its commit."""
    git = source(tag="v9.0.0", tags=("v9.0.0",), release_tags=("v9.0.0",))
    state = merge(git, replace(ci, sha=None, checkout=None, branch=ci.branch and "main"))
    # The default branch has the name of the branch that the run is for, or of the one that is checked out.
    state = replace(state, default_branch=state.branch or "main")
    # Most of the thousands of runs are the same but for where their facts come from, which no tag tells.
    facts = tuple((name, fact) for name, fact in vars(state).items() if name != "origins")
    if facts not in TAGS:
        TAGS[facts] = sorted(names(EVERY_RULE, state))
    return TAGS[facts]


TAGS: dict[tuple[tuple[str, object], ...], list[str]] = {}
"""The tags of the sources that were asked for."""


OTHER_VALUES = [
    *(("azure", "BUILD_SOURCEBRANCH", f"refs/pull/7/{end}") for end in ("merge", "head")),
    *(("buildkite", "BUILDKITE_BRANCH", name) for name in ("mallory:main", "refs/pull/7/head", "pull/7/head")),
    ("buildkite", "BUILDKITE_REFSPEC", "refs/pull/7/head"),
    *(("circleci", "CIRCLE_BRANCH", name) for name in ("pull/7", "pull/7/head", "pull/7/merge", "acme/pull/7")),
    *(("codebuild", name, "pr/7") for name in ("CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_SOURCE_VERSION")),
    ("codebuild", "CODEBUILD_SOURCE_VERSION", "refs/pull/7/head^{" + "c" * 40 + "}"),
    ("codebuild", "CODEBUILD_WEBHOOK_EVENT", "PULL_REQUEST_MERGED"),
    *(("drone", "DRONE_COMMIT_REF", ref) for ref in ("refs/pull/7/head", "refs/pullreq/7/head", "refs/for/main")),
    ("drone", "DRONE_COMMIT_REF", "refs/merge-requests/7/head"),
    ("drone", "DRONE_SOURCE_BRANCH", "patch-1"),
    *(("github", "GITHUB_REF", ref) for ref in ("refs/pull/7/merge", "refs/pull/7/head", "refs/for/main/topic")),
    ("github", "GITHUB_EVENT_PATH: issue.pull_request.url", "https://github.com/acme/web-app/pull/7"),
    *(("github", "GITHUB_EVENT_PATH: workflow_run.event", f"pull_request{end}") for end in ("", "_target")),
    ("github", "GITHUB_EVENT_PATH: workflow_run.head_repository.full_name", "mallory/web-app"),
    *(("gitlab", "CI_MERGE_REQUEST_EVENT_TYPE", kind) for kind in ("detached", "merged_result")),
    *(("jenkins", "BRANCH_NAME", name) for name in ("45/12345/6", "refs/changes/45/12345/6")),
    ("jenkins", "GERRIT_REFSPEC", "refs/changes/45/12345/6"),
    ("teamcity", "BUILD_IS_PERSONAL", "true"),
    *(("woodpecker", "CI_COMMIT_REF", ref) for ref in ("refs/pull/7/head", "refs/merge-requests/7/head")),
    *((name, field, "refs/pull/7/head") for name, field in [("travis", "TRAVIS_BRANCH"), ("drone", "DRONE_BRANCH")]),
]
"""Values that tell of a change in variables that every run has."""

CASES = [
    (provider, field, "7")
    for provider in SYSTEMS
    for field in fields(provider)
    if CHANGE_FIELD.search(field) and field not in NOT_OF_THE_RUN
] + OTHER_VALUES


def test_the_table_is_no_empty_one() -> None:
    assert {provider for provider, _, _ in CASES} == set(SYSTEMS)
    assert len(CASES) > 60 + len(OTHER_VALUES)
    # Nothing tells Bitbucket's and CircleCI's events apart.
    assert {provider for provider in SYSTEMS if len(starts(provider)) == 1} == {"bitbucket", "circleci"}
    assert NOT_OF_THE_RUN.keys() <= {field for provider in SYSTEMS for field in fields(provider)}


@pytest.mark.parametrize("provider", SYSTEMS)
def test_the_same_run_without_the_field_is_one_of_the_branch(provider: str) -> None:
    assert "main" in tags_of(branch_push(provider).detect())


@pytest.mark.parametrize(("provider", "field", "value"), CASES)
def test_a_variable_of_a_change_is_enough(provider: str, field: str, value: str) -> None:
    push = branch_push(provider)
    for name, word in starts(provider):
        ci = replace(push, environ={**push.environ, name: word, field: value}).detect()
        assert ci.change, (name, word)
        numbered = [f"pr-{ci.pull_request}"] if ci.pull_request and ci.change == "pull_request" else []
        assert tags_of(ci) == [*numbered, SHA_TAG], (name, word)


@pytest.mark.parametrize(
    "run", [run for run in RUNS if run.detect().change], ids=lambda run: f"{run.provider}: {run.name}"
)
def test_a_changes_run_is_one_whatever_started_it(run: Recorded) -> None:
    for name, word in starts(run.provider):
        ci = replace(run, environ={**run.environ, name: word}).detect()
        assert ci.change == run.detect().change
        assert [tag for tag in tags_of(ci) if not tag.startswith("pr-")] == [SHA_TAG]


@pytest.mark.parametrize("provider", SYSTEMS)
@pytest.mark.parametrize("none", ["", " ", "null", "None", "0", "false", "${X}", "${{X}}", "<+codebase.prNumber>"])
def test_what_a_system_writes_for_no_change_is_none(provider: str, none: str) -> None:
    push = branch_push(provider)
    variables = [field for name, field, _ in CASES if name == provider and ": " not in field]
    ci = replace(push, environ={**dict.fromkeys(variables, none), **push.environ}).detect()
    assert ci.change is None
    assert "main" in tags_of(ci)


@pytest.mark.parametrize("event", [None, "push", "tag", "pull_request", "schedule", "manual", "merge_group"])
def test_no_event_makes_a_pull_request_anything_else(event: str | None) -> None:
    state = pull_request(event=event, branch="main", tag="v1.0.0", head="c" * 40)
    assert sorted(names(EVERY_RULE, state)) == ["pr-7", SHA_TAG]
    assert why("type=ref,event=branch", state) == "no branch was pushed: this is a pull request"
    assert why("type=schedule", state) == "this is no scheduled run but a pull request"
    head = apply("type=sha", state, environ={"DOCKER_METADATA_PR_HEAD_SHA": "true"})
    assert head.labels["org.opencontainers.image.revision"] == "c" * 40


@pytest.mark.parametrize("kind", ["merge_queue", "closed_pull_request", "ref"])
def test_what_is_no_pull_requests_commit_has_no_tag_of_its_own(kind: str) -> None:
    state = pull_request(change=kind, event="push", branch="main", origins={"change": "SOME_VARIABLE"})
    assert names(EVERY_RULE, state) == names(None, state) == [SHA_TAG]
    assert why("type=ref,event=pr", state).endswith(" (SOME_VARIABLE)")


def test_a_value_makes_no_release_of_a_change() -> None:
    rules = "type=semver,pattern={{version}},value=v1.2.3\ntype=semver,pattern={{major}},value=v1.2.3"
    assert names(rules, pull_request()) == ["1.2.3"]
    assert names(rules, pushed_tag("v1.2.3")) == ["1.2.3", "1", "latest"]
    assert why("type=semver,pattern={{major}},value=v1.2.3", pull_request()) == (
        "1 stays with the releases: this is a pull request"
    )
    # What is another tag for each commit moves nothing.
    assert names("type=semver,pattern={{major}},value=v1.2.3,suffix=-{{sha}}", pull_request()) == ["1-a1b2c3d"]


@pytest.mark.parametrize("latest", ["true", "auto"])
@pytest.mark.parametrize("kind", ["pull_request", "merge_queue", "closed_pull_request", "ref"])
def test_a_change_moves_no_latest(kind: str, latest: str) -> None:
    state = pull_request(change=kind)
    rules = "type=sha\ntype=raw,value=stable\ntype=semver,pattern={{version}},value=v1.2.3"
    assert "latest" not in names(rules, state, f"latest={latest}")
    assert "latest" in names(rules, pushed_tag("v1.2.3"), "latest=true")
    # What is written out is done.
    assert "latest" in names("type=sha\ntype=raw,value=latest", state)


@pytest.mark.parametrize("started_by", ["webhook", "ui", "api", "schedule", "trigger_job"])
def test_a_forks_pull_request_from_its_main(started_by: str) -> None:
    environ = {
        "BUILDKITE": "true",
        "BUILDKITE_SOURCE": started_by,
        "BUILDKITE_BRANCH": "mallory:main",
        "BUILDKITE_COMMIT": REVISION_A,
        "BUILDKITE_PULL_REQUEST": "7",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
    }
    assert sorted(names(None, merge(source(), detect(environ)))) == ["pr-7", SHA_TAG]


def with_setting(value: str, ci: CiContext = NO_CI) -> SourceState:
    return merge(source(default_branch="main"), with_pull_request(ci, value, "ECR_PULL_REQUEST"))


def test_a_setting_says_that_the_run_is_for_a_change() -> None:
    assert sorted(names(EVERY_RULE, with_setting("7"))) == ["pr-7", SHA_TAG]
    assert names(EVERY_RULE, with_setting("true")) == [SHA_TAG]
    result = apply(None, with_setting("7"))
    reasons = {rule.tag: rule.because for rule in result.rules}
    assert reasons["pr-7"] == "pull request 7 (ECR_PULL_REQUEST)"
    assert why("type=ref,event=pr", with_setting("true")) == (
        "the pull request's number is not known (ECR_PULL_REQUEST)"
    )
    assert why("type=ref,event=branch", with_setting("true")) == (
        "no branch was pushed: this is a pull request (ECR_PULL_REQUEST)"
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.provider}: {run.name}")
@pytest.mark.parametrize("value", ["7", "true"])
def test_the_setting_makes_every_run_safer_and_none_less_safe(run: Recorded, value: str) -> None:
    ci = run.detect()
    said = with_pull_request(ci, value, "ECR_PULL_REQUEST")
    own = {"merge_queue": None}.get(ci.change or "", "7" if value == "7" else ci.pull_request if ci.change else None)
    assert tags_of(said) == [*([f"pr-{own}"] if own and said.change == "pull_request" else []), SHA_TAG]
    assert said.origins.keys() == {name for name, field in vars(said).items() if field is not None} - {"origins"}
