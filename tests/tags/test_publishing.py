"""Rule sets in the plan: the tag that an image is pushed under, and when it is built again."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.images import images
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.source.source_state import SourceState
from tests.support.build import SHA_TAG, manifest, repository, settings
from tests.tags.build import pull_request, push, pushed_tag

OURS = manifest("ours")


def image(rules: str, state: SourceState, environ: dict[str, str] | None = None) -> Image:
    """Return the one image of a rule set."""
    (image,) = images(settings(tags=rules, labels={"l": "{{sha}}"}), state, environ or {})
    return image


def planned(rules: str, state: SourceState, there: dict[str, StoredImage]) -> PlannedImage:
    """Return the plan for it."""
    return make_plan(
        [image(rules, state)], state, Snapshot({"team/app": RepositoryView(repository(), there)})
    ).images[0]


def test_the_publishing_tag_comes_first_and_the_others_by_priority() -> None:
    rules = "type=semver,pattern={{version}};type=ref,event=tag;type=sha;nightly"
    names = [tag.name for tag in image(rules, pushed_tag("v1.2.3")).tags]
    assert names == [SHA_TAG, "1.2.3", "v1.2.3", "nightly", "latest"]


def test_a_published_fixed_tag_of_any_rule_saves_the_build() -> None:
    item = planned("type=semver,pattern={{version}};edge", pushed_tag("v1.2.3"), {"1.2.3": OURS})
    assert not item.build_needed
    assert {tag.tag.name: tag.state for tag in item.tags} == {"1.2.3": "present", "edge": "new", "latest": "new"}


def test_without_a_fixed_tag_every_run_builds_and_moves() -> None:
    item = planned("type=ref,event=branch;type=edge,priority=1", push(), {"main": OURS, "edge": OURS})
    assert item.build_needed
    assert [(tag.tag.name, tag.state) for tag in item.tags] == [("main", "moves"), ("edge", "moves")]


def test_no_tag_is_an_error_before_anything_is_built() -> None:
    with pytest.raises(SettingsError, match="No tag rule gives a tag here"):
        image("type=schedule", push())


def test_labels_of_the_settings_are_expanded_and_annotations_have_their_level() -> None:
    environ = {"DOCKER_METADATA_ANNOTATIONS_LEVELS": "manifest,manifest-descriptor"}
    definition = image("type=ref,event=pr", pull_request(), environ).definition
    assert definition.labels["l"] == "a1b2c3d"
    assert definition.annotations["manifest,manifest-descriptor:org.opencontainers.image.version"] == "pr-7"
