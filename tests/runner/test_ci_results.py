"""Tests of runner/ci_results: the outputs for each image, after a build and after a push."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ecr_tasks.ci.outputs.model import VARIABLES
from ecr_tasks.clients.docker import process
from ecr_tasks.clients.docker.build_log import current_log
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.tag import Tag
from ecr_tasks.runner.ci_results import build_groups, outputs_of
from tests.ci.outputs.build import NAME, PROJECT, REFERENCE, STORED, TAGS, built, entry, output, published, receipt
from tests.support.build import BRANCH, FIXED, HOST, LATEST, VERSION, image, index, manifest


def test_after_a_push_the_image_is_the_reference_that_push_prints() -> None:
    values = outputs_of(receipt(entry()), PROJECT, None).values()
    assert values["image"] == REFERENCE
    assert values["digest"] == STORED.digest
    assert values["repository"] == f"{HOST}/{NAME}"
    assert values["tags"] == ",".join(TAGS)
    assert values["version"] == "1.2.3"
    assert values["receipt"] == ".ecr-tasks/receipt.json"


def test_after_a_build_alone_the_image_is_its_local_name() -> None:
    outputs = outputs_of(receipt(entry(published=())), PROJECT, None)
    assert outputs.values()["image"] == f"{NAME}:{TAGS[0]}"
    assert outputs.images[0].state == "built"
    classic = outputs_of(receipt(entry(built=built(digest=None), published=())), PROJECT, None)
    assert classic.values()["digest"] == ""


def test_images_that_were_neither_built_nor_published_are_left_out() -> None:
    outputs = outputs_of(receipt(entry("a", built=None, published=()), entry("b")), PROJECT, None)
    assert [image.name for image in outputs.images] == ["b"]
    assert outputs_of(receipt(), PROJECT, None).values() == {}


def test_the_values_are_those_of_the_first_image_and_the_document_has_all() -> None:
    outputs = outputs_of(receipt(entry("a"), entry("b")), PROJECT, None)
    values = outputs.values()
    assert values["repository"] == f"{HOST}/a"
    document = json.loads(values["images"])
    assert [item["name"] for item in document] == ["a", "b"]
    assert document[1]["image"] == f"{HOST}/b@{STORED.digest}"
    assert document[1]["tags"] == list(TAGS)
    assert "\n" not in values["images"]


def test_no_variable_has_the_name_of_a_setting() -> None:
    outputs = outputs_of(receipt(entry()), PROJECT, None)
    assert set(outputs.variables()) == set(VARIABLES.values())
    assert set(outputs.values()) == set(VARIABLES)
    assert not any(name.startswith(("ECR_", "AWS_")) for name in outputs.variables())
    assert outputs.variables()["IMAGE_DIGEST"] == STORED.digest


@pytest.mark.parametrize(
    ("tags", "version"),
    [
        ((FIXED, VERSION, BRANCH, LATEST), "1.2.3"),
        ((FIXED, BRANCH), "main"),
        ((FIXED, LATEST), FIXED.name),
        ((Tag("sha-a-dirty", "moving", "dirty", "uncommitted changes"),), "sha-a-dirty"),
    ],
)
def test_the_version_is_the_most_specific_tag(tags: tuple[Tag, ...], version: str) -> None:
    assert image(tags).version == version


def test_the_version_label_overrides_the_tags() -> None:
    labelled = BuildDefinition(".", labels={"org.opencontainers.image.version": "2024.5"})
    assert image(definition=labelled).version == "2024.5"
    assert outputs_of(receipt(entry(version="2024.5")), PROJECT, None).values()["version"] == "2024.5"


def test_an_index_has_its_sizes_by_platform_if_they_were_read() -> None:
    arm, amd = manifest("arm"), manifest("amd")
    stored = index(
        [
            ({"os": "linux", "architecture": "amd64"}, amd.digest),
            ({"os": "linux", "architecture": "arm64", "variant": "v8"}, arm.digest),
            ({"os": "unknown", "architecture": "unknown"}, amd.digest),
        ]
    )
    indexed = entry(published=(published(stored=stored),), size=300)
    without_sizes = outputs_of(receipt(indexed), PROJECT, None).images[0]
    assert dict(without_sizes.platforms) == {"linux/amd64": None, "linux/arm64/v8": None}
    sizes = {"linux/amd64": 100, "linux/arm64/v8": 200}
    with_sizes = outputs_of(receipt(replace(indexed, sizes=sizes)), PROJECT, None).images[0]
    assert dict(with_sizes.platforms) == sizes
    assert with_sizes.size == 300


def test_an_index_of_one_image_has_its_size() -> None:
    stored = index([({"os": "linux", "architecture": "amd64"}, manifest("amd").digest)])
    indexed = entry(published=(published(stored=stored),), size=300)
    assert dict(outputs_of(receipt(indexed), PROJECT, None).images[0].platforms) == {"linux/amd64": 300}


def test_a_single_image_has_one_size() -> None:
    image_output = outputs_of(receipt(entry()), PROJECT, None).images[0]
    assert dict(image_output.platforms) == {"linux/amd64": 32100}
    unbuilt = entry(state="already-published", built=None, size=None)
    skipped = outputs_of(receipt(unbuilt), PROJECT, None).images[0]
    assert skipped.size == STORED.size
    assert dict(skipped.platforms) == {}


def test_the_path_of_the_receipt_is_relative_to_the_checkout(tmp_path: Path) -> None:
    project = tmp_path / "services" / "app"
    outputs = outputs_of(receipt(entry()), project, tmp_path)
    assert outputs.receipt == "services/app/.ecr-tasks/receipt.json"
    assert outputs_of(receipt(entry()), project, None).receipt == ".ecr-tasks/receipt.json"


def test_after_a_failed_push_there_are_no_values() -> None:
    outputs = outputs_of(receipt(entry(published=()), complete=False), PROJECT, None)
    assert (outputs.values(), outputs.variables()) == ({}, {})
    assert [image.state for image in outputs.images] == ["built"]


def test_an_image_without_tags_has_its_repository() -> None:
    assert output(tags=(), digest=None, state="built").image == f"{HOST}/{NAME}"


@pytest.mark.parametrize(
    ("provider", "begin", "end"),
    [
        ("github", r"::group::Build web \(\d+\.\d s\)", "::endgroup::"),
        ("gitlab", r".*section_start:\d+:.*Build web \(\d+\.\d s\)", ".*section_end:.*"),
        ("jenkins", r"Build web \(\d+\.\d s\)", "#2 DONE 0.1s"),
    ],
)
def test_each_of_several_builds_has_a_group_with_its_time(
    provider: str, begin: str, end: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run: Any = SimpleNamespace(in_ci=True, source=SimpleNamespace(ci=provider))
    program = "print('#2 [web] exporting to image\\n#2 DONE 0.1s\\n#3 [api] exporting to image')"
    with build_groups(run, [image(name="api"), image(name="web")]):
        process.run([sys.executable, "-c", program], env=dict(os.environ), build=True)
    lines = capfd.readouterr().err.split("\n")
    assert re.fullmatch(begin, lines[0])
    assert re.fullmatch(end, lines[lines.index("#2 DONE 0.1s") + (provider != "jenkins")])
    assert any("Build api" in line for line in lines)


def test_in_a_pipe_the_lines_of_each_of_several_builds_stand_together(capfd: pytest.CaptureFixture[str]) -> None:
    run: Any = SimpleNamespace(in_ci=False)
    lines = (
        "#2 [web] RUN a\\n#3 [api] RUN b\\n#2 DONE 0.1s\\n#3 DONE 0.1s\\n#4 [api] exporting to image\\n#4 DONE 0.1s"
    )
    with build_groups(run, [image(name="api"), image(name="web")]):
        process.run([sys.executable, "-c", f"print('{lines}')"], env=dict(os.environ), build=True)
    shown = re.sub(r"\(\d+\.\d s\)", "(T)", capfd.readouterr().err).splitlines()
    assert shown == [
        "Build api (T)",
        *("#3 [api] RUN b", "#3 DONE 0.1s", "#4 [api] exporting to image", "#4 DONE 0.1s"),
        "Build web (T)",
        *("#2 [web] RUN a", "#2 DONE 0.1s"),
    ]


@pytest.mark.parametrize(("names", "is_terminal"), [(["web"], False), (["api", "web"], True)])
def test_outside_ci_one_build_and_those_on_a_terminal_are_shown_as_they_come(
    names: list[str], is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: Any = SimpleNamespace(in_ci=False)
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: is_terminal))
    with build_groups(run, [image(name=name) for name in names]):
        assert current_log() is None
