"""What a run hands over: the values, image by image, after a build and after a push."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.ci.outputs.model import VARIABLES
from ecr_tasks.model.tag import Tag
from ecr_tasks.runner.outputs import gather
from ecr_tasks.runner.receipt import Entry
from tests.ci.outputs.build import (
    NAME,
    PROJECT,
    REFERENCE,
    STORED,
    TAGS,
    built,
    entry,
    output,
    plan,
    planned,
    published,
)
from tests.support.build import BRANCH, FIXED, HOST, LATEST, VERSION, index, manifest, source


def test_after_a_push_the_image_is_what_push_prints() -> None:
    values = gather(plan(), {NAME: entry()}, source(), PROJECT).values()
    assert values["image"] == REFERENCE
    assert values["digest"] == STORED.digest
    assert values["repository"] == f"{HOST}/{NAME}"
    assert values["tags"] == ",".join(TAGS)
    assert values["version"] == "1.2.3"
    assert values["receipt"] == ".ecr-tasks/receipt.json"


def test_after_a_build_alone_the_image_is_its_local_name() -> None:
    found = gather(plan(), {NAME: Entry(built())}, source(), PROJECT)
    assert found.values()["image"] == f"{NAME}:{TAGS[0]}"
    assert found.images[0].state == "built"
    classic = gather(plan(), {NAME: Entry(built(digest=None))}, source(), PROJECT)
    assert classic.values()["digest"] == ""


def test_what_nothing_was_done_with_is_left_out() -> None:
    found = gather(
        plan(planned("a"), planned("b")), {"b": entry("b"), "c": entry("c"), "a": Entry()}, source(), PROJECT
    )
    assert [image.name for image in found.images] == ["b"]
    assert gather(plan(), {}, source(), PROJECT).values() == {}


def test_of_several_images_the_first_gives_the_values_and_all_are_in_the_document() -> None:
    found = gather(plan(planned("a"), planned("b")), {"b": entry("b"), "a": entry("a")}, source(), PROJECT)
    values = found.values()
    assert values["repository"] == f"{HOST}/a"
    document = json.loads(values["images"])
    assert [item["name"] for item in document] == ["a", "b"]
    assert document[1]["image"] == f"{HOST}/b@{STORED.digest}"
    assert document[1]["tags"] == list(TAGS)
    assert "\n" not in values["images"]


def test_variables_have_names_that_no_later_run_takes_for_settings() -> None:
    found = gather(plan(), {NAME: entry()}, source(), PROJECT)
    assert set(found.variables()) == set(VARIABLES.values())
    assert set(found.values()) == set(VARIABLES)
    assert not any(name.startswith(("ECR_", "AWS_")) for name in found.variables())
    assert found.variables()["IMAGE_DIGEST"] == STORED.digest


@pytest.mark.parametrize(
    ("tags", "version"),
    [
        ((FIXED, VERSION, BRANCH, LATEST), "1.2.3"),
        ((FIXED, BRANCH), "main"),
        ((FIXED, LATEST), FIXED.name),
        ((Tag("sha-a-dirty", "moving", "dirty", "uncommitted changes"),), "sha-a-dirty"),
    ],
)
def test_the_version_is_the_tag_that_tells_most(tags: tuple[Tag, ...], version: str) -> None:
    item = planned()
    item = replace(item, image=replace(item.image, tags=tags))
    assert gather(plan(item), {NAME: entry()}, source(), PROJECT).images[0].version == version


def test_the_tag_rules_have_the_last_word_on_the_version() -> None:
    found = gather(plan(), {NAME: entry()}, source(), PROJECT, versions={NAME: "2024.5"})
    assert found.values()["version"] == "2024.5"


def test_an_index_has_its_sizes_by_platform_where_somebody_asked() -> None:
    arm, amd = manifest("arm"), manifest("amd")
    stored = index(
        [
            ({"os": "linux", "architecture": "amd64"}, amd.digest),
            ({"os": "linux", "architecture": "arm64", "variant": "v8"}, arm.digest),
            ({"os": "unknown", "architecture": "unknown"}, amd.digest),
        ]
    )
    entries = {NAME: Entry(built(), [published(stored=stored)], size=300)}
    unasked = gather(plan(), entries, source(), PROJECT).images[0]
    assert dict(unasked.platforms) == {"linux/amd64": None, "linux/arm64/v8": None}
    sizes = {NAME: {"linux/amd64": 100, "linux/arm64/v8": 200}}
    asked = gather(plan(), entries, source(), PROJECT, sizes=sizes).images[0]
    assert dict(asked.platforms) == sizes[NAME]
    assert asked.size == 300


def test_an_index_of_one_image_has_its_size() -> None:
    stored = index([({"os": "linux", "architecture": "amd64"}, manifest("amd").digest)])
    entries = {NAME: Entry(built(), [published(stored=stored)], size=300)}
    assert dict(gather(plan(), entries, source(), PROJECT).images[0].platforms) == {"linux/amd64": 300}


def test_a_single_image_has_one_size() -> None:
    found = gather(plan(), {NAME: entry()}, source(), PROJECT).images[0]
    assert dict(found.platforms) == {"linux/amd64": 32100}
    skipped = gather(plan(), {NAME: Entry(None, [published(state="already-published")])}, source(), PROJECT).images[0]
    assert skipped.size == STORED.size
    assert dict(skipped.platforms) == {}


def test_the_receipt_is_told_from_the_top_of_the_checkout(tmp_path: Path) -> None:
    project = tmp_path / "services" / "app"
    found = gather(plan(), {NAME: entry()}, source(root=tmp_path), project)
    assert found.receipt == "services/app/.ecr-tasks/receipt.json"
    assert gather(plan(), {NAME: entry()}, source(root=None), project).receipt == ".ecr-tasks/receipt.json"


def test_after_a_push_that_failed_there_is_nothing_to_deploy() -> None:
    found = gather(plan(), {NAME: Entry(built())}, source(), PROJECT, complete=False)
    assert (found.values(), found.variables()) == ({}, {})
    assert [image.state for image in found.images] == ["built"]


def test_an_image_without_tags_has_its_repository() -> None:
    assert output(tags=(), digest=None, state="built").image == f"{HOST}/{NAME}"
