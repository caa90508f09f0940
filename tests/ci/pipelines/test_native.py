"""Pipelines with a runner for each platform: what they set, and how one is compared with its template later."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.ci.pipelines.compare import pipeline_diff
from ecr_tasks.ci.pipelines.write import choose_features, write
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.errors import SettingsError
from tests.ci.pipelines.generated import KNOWN, NATIVE, Variant, jobs

ALL = pytest.mark.parametrize("variant", NATIVE, ids=str)
PLATFORMS = ("linux/amd64", "linux/arm64")
ARM64_RUNNERS = {
    "github": "ubuntu-24.04-arm",
    "gitlab": "saas-linux-small-arm64",
    "circleci": "arm.medium",
    "codebuild": "type: ARM_CONTAINER",
    "travis": "arch: arm64",
}


@ALL
def test_every_runner_runs_the_same_line_for_a_platform_of_its_own(variant: Variant) -> None:
    text = variant.text()
    assert "ECR_PLATFORMS" in text
    assert ",".join(PLATFORMS) in text
    assert "ECR_NATIVE" in text
    assert "--only" not in text
    assert ARM64_RUNNERS.get(variant.system.name, "arm64") in text
    assert not re.search(r"@(if|else|end|[A-Z_]+)\b[^@\n]*@", text)
    assert any("inv build push" in step.script for job in jobs(variant) for step in job.steps)


@ALL
def test_it_is_compared_with_the_template_that_it_was_made_from(variant: Variant, tmp_path: Path) -> None:
    values = replace(KNOWN, features=variant.features)
    write(tmp_path, variant.system, variant.credentials, values, dry=False)
    assert pipeline_diff(tmp_path, variant.system, KNOWN) == ""
    path = tmp_path / variant.system.path
    # Of an older template.
    path.write_text(re.sub(r"template [0-9a-f]{12}", "template 0123456789ab", path.read_text("utf-8")), "utf-8")
    changed = [line for line in pipeline_diff(tmp_path, variant.system, KNOWN).splitlines() if line[0] in "+-"]
    assert len([line for line in changed if line.startswith(("+ ", "- ", "+#", "-#", "+/", "-/"))]) <= 2, changed


@pytest.mark.parametrize("name", [name for name, system in SYSTEMS.items() if not system.features])
def test_a_system_without_such_a_pipeline_says_what_to_write(name: str) -> None:
    with pytest.raises(SettingsError, match="no pipeline of native runners") as caught:
        choose_features(SYSTEMS[name], (), native=True)
    assert "ECR_NATIVE=true" in caught.value.remedy
    assert choose_features(SYSTEMS[name], (), native=False) == ()


def test_other_platforms_than_the_runners_are_refused() -> None:
    assert choose_features(SYSTEMS["github"], PLATFORMS[::-1], native=True) == ("native",)
    with pytest.raises(SettingsError, match="ECR_PLATFORMS is linux/amd64, linux/s390x"):
        choose_features(SYSTEMS["github"], ("linux/amd64", "linux/s390x"), native=True)
