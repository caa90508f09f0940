"""Every recorded run of every system: each field is right or unknown, and none is wrong."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from ecr_tasks.ci.context import CiContext
from tests.ci.recorded import DATA, PROVIDERS, RUNS, Recorded, runs


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.provider}: {run.name}")
def test_a_recorded_run(run: Recorded) -> None:
    fields = asdict(run.detect())
    origins = fields.pop("origins")
    assert {name: value for name, value in fields.items() if value is not None} == run.expected
    assert origins.keys() == run.expected.keys()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.provider}: {run.name}")
def test_every_field_names_the_variable_or_key_that_it_came_from(run: Recorded) -> None:
    text = "\n".join([*run.environ, *run.files.values()])
    for origin in run.detect().origins.values():
        variable, _, path = origin.partition(": ")
        if origin in ("CHANGE_FORK", "teamcity.pullRequest.source.branch"):
            continue  # where it counts that the variable is not set
        assert variable in text
        assert all(f'"{key.removesuffix("[0]")}"' in text for key in path.split(".") if key)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_runs_that_each_system_must_have(provider: str) -> None:
    names = " / ".join(run.name for run in runs(provider))
    for kind in ("branch push", "tag", "request", "schedule"):
        assert kind in names


def test_every_recording_is_of_a_known_system() -> None:
    assert {path.stem for path in DATA.iterdir()} == set(PROVIDERS)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.provider}: {run.name}")
def test_empty_values_are_absent(run: Recorded) -> None:
    """With one variable emptied, its field is unknown or another variable's: never an empty text."""
    for emptied in run.environ:
        without = {name: value for name, value in run.environ.items() if name != emptied}
        expected = Recorded(run.provider, run.name, without, run.files, {}).detect()
        for empty in ("", " ", "\n"):
            assert Recorded(run.provider, run.name, {**without, emptied: empty}, run.files, {}).detect() == expected
        assert "" not in asdict(expected).values()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.provider}: {run.name}")
def test_a_change_is_for_no_tag_and_a_tag_for_no_branch(run: Recorded) -> None:
    ci: CiContext = run.detect()
    assert not (ci.change and ci.tag)
    assert not (ci.tag and ci.branch)
    if ci.change is None:
        assert (ci.base_ref, ci.fork, ci.checkout) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "branch"),
    [
        ("feature/login", "feature/login"),
        ("refs/heads/main", "refs/heads/main"),  # Bitbucket gives names, and a branch can be called so
        ("refs/pull/5/head", None),
        ("release 1", "release 1"),
        ("grün/日本", "grün/日本"),
        ("${BRANCH}", None),
        ("$(Branch)", None),
    ],
)
def test_names(name: str, branch: str | None) -> None:
    assert (
        Recorded("bitbucket", "", {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_BRANCH": name}, {}, {}).detect().branch
        == branch
    )


@pytest.mark.parametrize("sha", ["HEAD", "0" * 40, "c" * 6, "c" * 65, "main", "c" * 39 + "g"])
def test_what_is_no_commit(sha: str) -> None:
    assert Recorded("buildkite", "", {"BUILDKITE": "true", "BUILDKITE_COMMIT": sha}, {}, {}).detect().sha is None
