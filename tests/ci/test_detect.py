"""Which system is detected when several set variables; and that no environment raises an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.ci.context import NO_CI
from ecr_tasks.ci.detect import detect, in_ci
from tests.ci.recorded import RUNS, Recorded, reader, recorded

EVENTS = {None, "push", "tag", "pull_request", "schedule", "manual"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"CI": "true"},
        {"CI": "1", "BUILD_NUMBER": "5", "BRANCH_NAME": "main", "GIT_COMMIT": "c" * 40},
        {"GITHUB_ACTIONS": "", "GITHUB_REF": "refs/heads/main"},
        {"GITHUB_ACTIONS": "false", "GITLAB_CI": "false", "TF_BUILD": "False", "TRAVIS": "0"},
        {"JENKINS_URL": "https://ci.example.com/", "JENKINS_AGENT_NAME": "agent"},
        {"GITHUB_TOKEN": "x", "CI_COMMIT_SHA": "c" * 40, "CODEBUILD_SRC_DIR": "/codebuild"},
    ],
)
def test_no_ci(environ: dict[str, str]) -> None:
    assert detect(environ) == NO_CI


@pytest.mark.parametrize(
    "variables",
    [
        {"PROW_JOB_ID": "u", "JOB_TYPE": "postsubmit"},
        {"JOB_URL": "https://builds.sr.ht/~acme/job/1", "CI_NAME": "sourcehut"},
        {"bamboo_planKey": "SHOP-MAIN"},
        {"CI": "false", "BUILDKITE": "true"},
        {"CONTINUOUS_INTEGRATION": "true"},
        {"CI": "1"},
    ],
    ids=str,
)
def test_a_ci_is_one_also_where_its_variable_is_not_set(variables: dict[str, str]) -> None:
    assert in_ci(variables)


@pytest.mark.parametrize(
    "variables", [{}, {"CI": ""}, {"CI": "False"}, {"CONTINUOUS_INTEGRATION": "0"}, {"JOB": "x"}]
)
def test_a_laptop_is_no_ci(variables: dict[str, str]) -> None:
    assert not in_ci(variables)


def environ(provider: str, name: str) -> dict[str, str]:
    return dict(recorded(provider, name).environ)


@pytest.mark.parametrize("inner", ["github", "gitlab", "buildkite", "jenkins"])
def test_codebuild_hosts_the_runners_of_others(inner: str) -> None:
    name = "multibranch: branch push" if inner == "jenkins" else "branch push"
    both = environ("codebuild", "branch push") | environ(inner, name)
    assert detect(both).provider == inner


def test_codebuild_that_jenkins_started_is_codebuild() -> None:
    """Jenkins passes on its address at most: the build is no job of Jenkins."""
    both = environ("codebuild", "started by Jenkins") | {"JENKINS_URL": "https://ci.example.com/"}
    assert detect(both).provider == "codebuild"


def test_a_job_on_a_machine_that_knows_jenkins() -> None:
    assert detect(environ("gitlab", "branch push") | {"JENKINS_URL": "https://ci.example.com/"}).provider == "gitlab"


def test_woodpecker_speaks_drone() -> None:
    assert detect(environ("woodpecker", "branch push") | {"DRONE": "true"}).provider == "woodpecker"
    assert detect(environ("drone", "branch push")).provider == "drone"


def test_names_that_are_no_utf8() -> None:
    ci = detect({"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/a\udcffb"})
    assert ci.branch == "a\\xffb"


def test_the_event_file_is_read_from_the_disk(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"repository": {"default_branch": "trunk"}}', encoding="utf-8")
    assert detect({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(event)}).default_branch == "trunk"
    assert detect({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(tmp_path)}).default_branch is None


@pytest.mark.parametrize(
    ("name", "base", "expected"),
    [
        ("tag", '"refs/heads/release/1.x"', "release/1.x"),
        ("tag", '"refs/tags/v1"', None),
        ("tag", "null", None),
        ("branch push", '"refs/heads/main"', None),
        ("pull request of this repository", '"refs/heads/other"', "main"),
    ],
)
def test_the_event_file_names_the_branch_of_a_pushed_tag(name: str, base: str, expected: str | None) -> None:
    run = recorded("github", name)
    files = {path: text.replace("{", f'{{"base_ref": {base}, ', 1) for path, text in run.files.items()}
    assert detect(run.environ, reader(files)).base_ref == expected


def test_no_credentials_in_addresses() -> None:
    ci = detect(
        {
            "TRAVIS": "true",
            "TRAVIS_BUILD_WEB_URL": "https://user:s3cret@app.travis-ci.com/github/acme/web-app/builds/1",
        }
    )
    assert ci.build_url == "https://app.travis-ci.com/github/acme/web-app/builds/1"
    ci = detect({"BUILDKITE": "true", "BUILDKITE_REPO": "https://user:s3cret@github.com/acme/web-app.git"})
    assert ci.repository_url == "https://github.com/acme/web-app"


TEXT = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "",
            "true",
            "false",
            "0",
            "-1",
            "refs/pull/",
            "refs/tags/",
            "refs/heads/",
            "HEAD",
            "0" * 40,
            "https://[",
            "%",
            "\\u",
            "²",
        ]
    ),
    st.from_regex(r"(refs/(heads|tags|pull)/)?[a-z0-9/^{}:@.-]*", fullmatch=True),
)


@settings(deadline=None)
@given(run=st.sampled_from(RUNS), data=st.data())
def test_no_environment_makes_an_adapter_raise(run: Recorded, data: st.DataObject) -> None:
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(run.environ)), TEXT, max_size=8))
    files = data.draw(
        st.sampled_from([*run.files.values(), "null", "[]", "[" * 100_000, "\\", "a=\\ud800\nb\\"]) | st.text()
    )
    ci = detect({**run.environ, **changed}, lambda path: files)
    assert ci.event in EVENTS
    assert "" not in vars(ci).values()
    for name in ("branch", "tag", "base_ref", "default_branch"):
        assert not (getattr(ci, name) or "").startswith("refs/heads/refs/")
    assert set(ci.origins) == {name for name, value in vars(ci).items() if value is not None and name != "origins"}


@given(st.dictionaries(st.text().map(str.lower), st.text()))  # hypothesis also takes texts out of our own sources
def test_any_environment_at_all(anything: dict[str, str]) -> None:
    assert detect(anything) == NO_CI
