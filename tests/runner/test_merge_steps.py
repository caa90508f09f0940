"""Tests of the steps of `merge`, each image of several by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.parts import part_tags
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.tag_states import PlannedTag
from ecr_tasks.runner.job import Job
from ecr_tasks.runner.merge_steps import ONCE, with_joined
from tests.support.build import ALL_TAGS, REVISION_A, REVISION_B, manifest, repository, settings
from tests.support.fakes.registry import FakeRegistry

PLATFORMS = ("linux/amd64", "linux/arm64")


def test_a_part_that_is_not_what_its_tag_says_stops_no_other_image() -> None:
    registry, items = FakeRegistry(None, repository()), []
    for name, commit in (("app", REVISION_B), ("web", REVISION_A)):
        image = Image(name, "team/app", BuildDefinition(".", platforms=PLATFORMS), ALL_TAGS)
        for platform, tag in part_tags(image, REVISION_A).items():
            part = manifest(f"{name} {platform}", commit)
            registry.put("team/app", part, tag)
            registry.config_platforms[part.digest] = platform
        tags = tuple(PlannedTag(tag, "new") for tag in image.tags)
        view = RepositoryView(repository())
        items.append(PlannedImage(image, tags, True, "as asked", view, revision=REVISION_A))
    job = Job(settings(), tuple(item.image for item in items), None, Plan(tuple(items), ()))
    job = with_joined(cast("Any", SimpleNamespace(registry=registry)), job, ONCE)
    assert list(job.built) == ["web"]
    assert isinstance(job.failed["app"], Refused)
    assert "it was built from" in job.failed["app"].cause
