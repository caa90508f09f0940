"""Pipelines that also run every night, and build anew what stands on a base image that has moved."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ecr_tasks.ci.pipelines.compare import pipeline_diff
from ecr_tasks.ci.pipelines.nightly import what_to_schedule
from ecr_tasks.ci.pipelines.write import choose_features, pipeline, write
from ecr_tasks.errors import SettingsError
from tests.ci.pipelines.generated import KNOWN, VARIANTS, Variant

ALL = pytest.mark.parametrize("variant", VARIANTS, ids=str)
VALUES = replace(KNOWN, features=("nightly",))
WITH_SCHEDULE = ("github", "azure", "jenkins", "teamcity")


def nightly(variant: Variant) -> str:
    return pipeline(variant.system, variant.credentials, VALUES)


@ALL
def test_every_system_has_one_that_pushes_what_is_outdated(variant: Variant) -> None:
    text = nightly(variant)
    assert (text.count("inv push --outdated"), "inv build push" in text) == (1, False)
    if variant.system.path.endswith((".yml", ".yaml")):
        assert list(yaml.compose_all(text, Loader=yaml.CSafeLoader))


@ALL
def test_it_has_its_schedule_or_a_person_is_told_where_to_make_one(variant: Variant, tmp_path: Path) -> None:
    lines = write(tmp_path, variant.system, variant.credentials, VALUES, dry=False)
    told = what_to_schedule(variant.system)
    assert (told is None) == (variant.system.name in WITH_SCHEDULE)
    assert told is None or told in lines


@ALL
def test_it_is_compared_with_its_own_template(variant: Variant, tmp_path: Path) -> None:
    write(tmp_path, variant.system, variant.credentials, VALUES, dry=False)
    assert pipeline_diff(tmp_path, variant.system, KNOWN) == ""
    assert "and nightly, template" in (tmp_path / variant.system.path).read_text(encoding="utf-8")


SCHEDULES = {
    "github": r'schedule:\n    - cron: "17 3 \* \* \*"',
    "azure": r'- cron: "17 3 \* \* \*".*\n.*\n    branches:\n      include: \["main"\]',
    "jenkins": r"triggers \{\n        cron\(env.BRANCH_NAME in \[null, 'main'\] \? 'H 3 \* \* \*' : ''\)",
    "teamcity": r"schedule \{\n            schedulingPolicy = daily",
    "woodpecker": r"event: \[push, manual, cron\]",
    "drone": r"event: \[push, tag, cron\]",
}
"""What starts a nightly run, or lets one in that somebody's own schedule starts; the others let in every run."""


@ALL
def test_a_nightly_run_is_started_or_let_in(variant: Variant) -> None:
    if (schedule := SCHEDULES.get(variant.system.name)) is None:
        assert "cron" not in nightly(variant)
    else:
        assert re.search(schedule, nightly(variant))
        assert not re.search(schedule, pipeline(variant.system, variant.credentials, KNOWN))


def test_runners_of_platforms_have_no_nightly_pipeline() -> None:
    with pytest.raises(SettingsError, match="--nightly"):
        choose_features((), native=True, nightly=True)
