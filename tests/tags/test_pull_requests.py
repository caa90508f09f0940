"""Whatever belongs to a pull request moves no branch's tag and makes no release, whatever started the run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ecr_tasks.ci.detect import detect
from ecr_tasks.source.merge_ci import merge
from tests.ci.recorded import PROVIDERS, RUNS, Recorded
from tests.support.build import REVISION_A, SHA_TAG, source
from tests.tags.build import apply, names, pull_request, why

EVERY_RULE = "\n".join(
    [
        "type=schedule",
        "type=edge",
        "type=semver,pattern={{version}}",
        "type=match,pattern=v(.*),group=1",
        "type=ref,event=branch",
        "type=ref,event=tag",
        "type=ref,event=pr",
        "type=raw,value=stable,enable={{is_default_branch}}",
        "type=sha",
    ]
)

EVENT_VARIABLES = {
    "azure": "BUILD_REASON",
    "bitbucket": "BITBUCKET_PIPELINE_UUID",  # nothing tells Bitbucket's events apart
    "buildkite": "BUILDKITE_SOURCE",
    "circleci": "CIRCLE_PIPELINE_ID",  # nor CircleCI's
    "codebuild": "CODEBUILD_WEBHOOK_EVENT",
    "drone": "DRONE_BUILD_EVENT",
    "github": "GITHUB_EVENT_NAME",
    "gitlab": "CI_PIPELINE_SOURCE",
    "jenkins": "BUILD_CAUSE",
    "teamcity": "teamcity.build.triggeredBy",
    "travis": "TRAVIS_EVENT_TYPE",
    "woodpecker": "CI_PIPELINE_EVENT",
}


def restarted(run: Recorded) -> Iterator[Recorded]:
    """Yield the same run, started by each of the system's events, by an unknown event and by none."""
    module = importlib.import_module(f"ecr_tasks.ci.{run.provider}.facts")
    variable = EVENT_VARIABLES[run.provider]
    for event in [*getattr(module, "_EVENTS", {}), "something-new", ""]:
        line = f"\n{variable}={event}\n"
        files = {path: text + line if run.provider == "teamcity" else text for path, text in run.files.items()}
        environ = {name: value for name, value in run.environ.items() if name != "gitlabActionType"}
        yield replace(
            run, name=f"{run.name}, by {event or 'nothing'}", environ={**environ, variable: event}, files=files
        )
    person = {"CODEBUILD_INITIATOR": "mallory", "CODEBUILD_WEBHOOK_EVENT": "", "CODEBUILD_WEBHOOK_TRIGGER": ""}
    files = {path: f"{text}\nteamcity.build.triggeredBy.username=mallory\n" for path, text in run.files.items()}
    if run.provider in ("codebuild", "teamcity"):
        yield replace(run, name=f"{run.name}, by a person", environ={**run.environ, **person}, files=files)


# A GitHub event that is none of a pull request's has no number unless its ref is the pull request's.
REQUESTS = [
    again for run in RUNS if run.detect().pull_request for again in restarted(run) if again.detect().pull_request
]


def test_every_system_has_such_runs() -> None:
    assert {run.provider for run in REQUESTS} == set(PROVIDERS)
    manual = {run.provider for run in REQUESTS if run.detect().event == "manual"}
    assert manual == set(PROVIDERS) - {"bitbucket", "circleci"}


@pytest.mark.parametrize("run", REQUESTS, ids=lambda run: f"{run.provider}: {run.name}")
def test_a_pull_requests_run_is_one_whatever_started_it(run: Recorded) -> None:
    ci = run.detect()
    git = source(tag="v9.0.0", tags=("v9.0.0",), release_tags=("v9.0.0",), default_branch="main")
    state = replace(merge(git, ci), branch="main", default_branch="main")  # a fork's branch may have any name
    assert state.revision == REVISION_A
    for rules in (EVERY_RULE, None):
        assert sorted(names(rules, state)) == [f"pr-{ci.pull_request}", SHA_TAG]


@pytest.mark.parametrize("event", [None, "push", "tag", "pull_request", "schedule", "manual", "merge_group"])
def test_no_event_makes_a_pull_request_anything_else(event: str | None) -> None:
    state = pull_request(event=event, branch="main", tag="v1.0.0", head="c" * 40)
    assert sorted(names(EVERY_RULE, state)) == ["pr-7", SHA_TAG]
    assert why("type=ref,event=branch", state) == "no branch was pushed: this is a pull request"
    assert why("type=schedule", state) == "this is no scheduled run but a pull request"
    head = apply("type=sha", state, environ={"DOCKER_METADATA_PR_HEAD_SHA": "true"})
    assert head.labels["org.opencontainers.image.revision"] == "c" * 40


@pytest.mark.parametrize("started", ["webhook", "ui", "api", "schedule", "trigger_job"])
def test_a_forks_pull_request_from_its_main(started: str) -> None:
    environ = {
        "BUILDKITE": "true",
        "BUILDKITE_SOURCE": started,
        "BUILDKITE_BRANCH": "mallory:main",
        "BUILDKITE_COMMIT": REVISION_A,
        "BUILDKITE_PULL_REQUEST": "7",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
    }
    assert sorted(names(None, merge(source(), detect(environ)))) == ["pr-7", SHA_TAG]
