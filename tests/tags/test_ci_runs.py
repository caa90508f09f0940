"""The tags of runs of many CI systems (tests/data/ci_runs.json), by the default rules.

The environments are written from the systems' documentation. ``git`` is what is checked out: without it a detached
HEAD, as most systems leave it. ``pull_request`` is the setting ECR_PULL_REQUEST.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_tasks.ci.change import with_pull_request
from ecr_tasks.ci.detect import detect
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.source.merge_ci import merge
from tests.ci.recorded import DATA, reader
from tests.support.build import source
from tests.tags.build import names

RUNS = json.loads((DATA.parent / "ci_runs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['system']}: {run['name']}")
def test_the_tags_of_a_run(run: dict[str, Any]) -> None:
    git = run.get("git", {})
    tags = (git["tag"],) if "tag" in git else ()
    state = source(
        branch=git.get("branch"),
        remotes=tuple(git.get("remotes", ["origin"])),
        tag=git.get("tag"),
        tags=tags,
        release_tags=tags,
    )
    files = {path: text if isinstance(text, str) else json.dumps(text) for path, text in run.get("files", {}).items()}
    ci = detect(run["environ"], reader(files), remotes=state.remotes)
    ci = with_pull_request(ci, run.get("pull_request"), "ECR_PULL_REQUEST")
    assert ci.provider == (None if run["system"] == "none" else run["system"])
    assert ci.change == run["change"]
    assert sorted(names(None, merge(state, ci))) == sorted(run["tags"])


def test_every_system_has_such_runs() -> None:
    assert {run["system"] for run in RUNS} == {*SYSTEMS, "none"}
    assert len({(run["system"], run["name"]) for run in RUNS}) == len(RUNS)
