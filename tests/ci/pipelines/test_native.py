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
from tests.ci.pipelines.generated import KNOWN, NATIVE, Variant, jobs, load_all_yaml, load_yaml
from tests.ci.pipelines.test_vendors import blocks

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


def test_drone_has_a_pipeline_for_each_machine_that_differs_in_nothing_else() -> None:
    text = Variant(SYSTEMS["drone"], "keys", ("native",)).text()
    amd64, arm64 = load_all_yaml(text)
    assert [(one["name"], one["platform"]["arch"]) for one in (amd64, arm64)] == [
        ("ecr-amd64", "amd64"),
        ("ecr-arm64", "arm64"),
    ]
    same = ("name", "platform")
    assert {**amd64, **dict.fromkeys(same)} == {**arm64, **dict.fromkeys(same)}


def test_circleci_has_one_job_after_the_other_for_each_machine() -> None:
    for variant in (item for item in NATIVE if item.system.name == "circleci"):
        *images, deploy = load_yaml(variant.text())["workflows"]["ecr"]["jobs"]
        amd64, arm64 = (job["image"] for job in images)
        own = ("name", "machine", "serial-group")
        assert [amd64.pop(key) for key in own] == [
            *("image-amd64", "medium", "<< pipeline.project.slug >>/ecr-amd64-<< pipeline.git.branch >>"),
        ]
        assert [arm64.pop(key) for key in own] == [
            *("image-arm64", "arm.medium", "<< pipeline.project.slug >>/ecr-arm64-<< pipeline.git.branch >>"),
        ]
        assert amd64 == arm64
        assert ("context" in amd64) == (variant.credentials == "keys")
        assert deploy["deploy"]["requires"] == ["image-amd64", "image-arm64"]


def test_jenkins_runs_the_stages_up_to_the_push_for_each_machine_and_deploys_once() -> None:
    for variant in (item for item in NATIVE if item.system.name == "jenkins"):
        sections = blocks(variant.text())
        (matrix,) = [names for name, names in sections if name == "matrix"]
        assert matrix == ["axes", "agent", "stages"]
        assert [names for name, names in sections if name == "stages"] == [["stage", "stage"], ["stage"] * 4]
        # There is no agent outside of the stages, so nothing behind them could read a workspace.
        (pipeline,) = [names for name, names in sections if name == "pipeline"]
        assert pipeline == ["agent", "options", "environment", "stages"]
        assert "\n    agent none\n" in variant.text()


def test_teamcity_deploys_behind_both_builds_of_one_commit() -> None:
    text = Variant(SYSTEMS["teamcity"], "keys", ("native",)).text()
    deploy = text.partition("object Deploy")[2]
    for name, machine, folder in (("ImageAmd64", "amd64", "amd64"), ("ImageArm64", "aarch64", "arm64")):
        assert f"    buildType({name})\n" in text
        assert f'object {name} : Image("{machine}")\n' in text
        assert f"        dependency({name}) {{\n" in deploy
        assert f'"outputs.env => .ecr-tasks/{folder}"' in deploy
        assert f". ./.ecr-tasks/{folder}/outputs.env\n" in deploy
    # A trigger of their own could give the two builds different commits.
    assert text.count("triggers {") == deploy.count("triggers {") == 1


def test_other_platforms_than_the_runners_are_refused() -> None:
    assert choose_features((), native=False) == ()
    assert choose_features(PLATFORMS[::-1], native=True) == ("native",)
    with pytest.raises(SettingsError, match="ECR_PLATFORMS is linux/amd64, linux/s390x"):
        choose_features(("linux/amd64", "linux/s390x"), native=True)
