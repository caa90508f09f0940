"""Pipelines that also run every night, and build anew what stands on a base image that has moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ecr_tasks.ci.pipelines.compare import pipeline_diff
from ecr_tasks.ci.pipelines.nightly import what_to_schedule
from ecr_tasks.ci.pipelines.write import choose_features, pipeline, write
from ecr_tasks.errors import SettingsError
from tests.ci.pipelines.generated import KNOWN, VARIANTS, Variant, load_yaml

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


def test_github_and_azure_run_at_night() -> None:
    texts = {variant.system.name: load_yaml(nightly(variant)) for variant in VARIANTS if "yml" in variant.system.path}
    assert texts["github"][True]["schedule"] == [{"cron": "17 3 * * *"}]
    assert texts["azure"]["schedules"][0]["branches"] == {"include": ["main"]}


def test_runners_of_platforms_have_no_nightly_pipeline() -> None:
    with pytest.raises(SettingsError, match="--nightly"):
        choose_features((), native=True, nightly=True)
