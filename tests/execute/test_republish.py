"""Publishing a published commit once more, under a revision tag."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.execute.build import build
from ecr_tasks.execute.destinations import copy_image
from ecr_tasks.execute.earlier_builds import reuse_earlier_builds
from ecr_tasks.execute.look_at_registries import look_at_registries
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.receipt import Built, ImageReceipt, Published
from ecr_tasks.plan.destinations import plan_copy
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.settings.schema import Skip
from tests.support.build import (
    ALL_TAGS,
    BRANCH,
    FIXED,
    REVISION_B,
    SHA_TAG,
    image,
    manifest,
    repository,
    settings,
    source,
)
from tests.support.fakes import FakeRegistry
from tests.support.publishing import NAME, Publisher

R2 = f"{SHA_TAG}-r2"
FIRST = manifest("the first build")


class Republisher(Publisher):
    """Publishes a commit that is published already, as another build."""

    def __init__(self, *, classic: bool = False, locked: bool = False) -> None:
        super().__init__(tags=[FIXED, BRANCH], classic=classic, locked=locked)
        self.registry.put(NAME, FIRST, SHA_TAG, "main")

    def planned(self, *, republish: bool = True, skip: Skip = "commit") -> PlannedImage:
        views = self.registry.describe({NAME: self.image.tag_names})
        plan = make_plan([self.image], self.state, Snapshot(views), republish=republish, skip=skip)
        plan.check()
        return plan.images[0]

    def republish(self, *, republish: bool = True) -> Published:
        return self.publish(self.planned(republish=republish))


@pytest.mark.parametrize("variant", [{}, {"classic": True}, {"locked": True}, {"classic": True, "locked": True}])
def test_the_new_image_gets_a_revision_tag_and_the_moving_tags(variant: dict[str, bool]) -> None:
    publisher = Republisher(**variant)
    published = publisher.republish()
    assert (published.state, published.tags) == ("pushed", (R2, "main"))
    assert list(published.stays) == [SHA_TAG]
    assert publisher.tags[SHA_TAG] == FIRST.digest
    assert publisher.tags[R2] == publisher.tags["main"] == published.digest != FIRST.digest


def test_a_later_run_leaves_all_as_it_is() -> None:
    publisher = Republisher()
    first = publisher.republish()
    publisher.calls.log.clear()
    second = publisher.republish(republish=False)
    assert (second.state, second.digest) == ("already-published", first.digest)
    assert publisher.calls.named("push", "set_tag") == []


def test_a_release_gets_its_revision_too_and_stays() -> None:
    publisher = Republisher()
    publisher.image = image(ALL_TAGS)
    publisher.registry.put(NAME, FIRST, "1.2.3", "latest")
    published = publisher.republish()
    assert published.tags == (R2, "1.2.3-r2", "main", "latest")
    assert list(published.stays) == [SHA_TAG, "1.2.3"]
    assert publisher.tags["1.2.3"] == publisher.tags[SHA_TAG] == FIRST.digest
    new = {publisher.tags[name] for name in published.tags}
    assert new == {published.digest} != {FIRST.digest}
    again = publisher.republish()  # the same image comes out
    assert (again.tags, "1.2.3-r3" in publisher.tags) == (("main", "latest"), False)


def test_a_revision_that_was_not_finished_is_finished_by_a_later_run() -> None:
    publisher = Republisher()
    publisher.image = image(ALL_TAGS)
    publisher.registry.put(NAME, FIRST, "1.2.3", "latest")
    published = publisher.republish()
    del publisher.registry.tags[NAME]["1.2.3-r2"]
    later = publisher.republish(republish=False)
    assert (later.state, later.digest) == ("retagged", published.digest)
    assert publisher.tags["1.2.3-r2"] == published.digest


def test_a_revision_that_another_image_has_is_seen_before_the_push() -> None:
    publisher = Republisher()
    publisher.registry.put(NAME, FIRST, "1.2.3")
    publisher.registry.put(NAME, manifest("another commit's", REVISION_B), "1.2.3-r2", "1.2.3-r3")
    snapshot = look_at_registries(
        [image(ALL_TAGS)],
        settings(),
        publisher.state,
        publisher.registry,
        lambda destination: publisher.registry,
        lambda: pytest.fail("no engine is needed"),
        Retrier(),
        republish=True,
    )
    plan = make_plan([image(ALL_TAGS)], publisher.state, snapshot, republish=True)
    plan.check()
    revisions = [tag.tag.name for tag in plan.images[0].tags if tag.tag.rule == "revision"]
    assert revisions == [R2, f"{SHA_TAG}-r3", f"{SHA_TAG}-r4", "1.2.3-r4"]


def test_a_tag_that_stays_needs_no_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Republisher()
    publisher.republish()
    later = publisher.planned(republish=False)
    assert later.published is not None
    stays = replace(later.tags[0], state="stays", digest=FIRST.digest)
    looked_at = replace(later, published=replace(later.published, manifest=""), tags=(*later.tags, stays))
    monkeypatch.setattr(publisher.registry, "read", lambda *arguments: pytest.fail("a pull"))
    assert publisher.publish(looked_at).state == "already-published"


def test_the_same_image_needs_no_revision() -> None:
    publisher = Republisher()
    publisher.republish()
    again = publisher.republish()
    assert (again.state, again.tags) == ("already-published", ("main",))
    assert f"{SHA_TAG}-r3" not in publisher.tags


def test_a_copy_of_the_same_image_gets_no_revision_either() -> None:
    publisher = Republisher()
    publisher.republish()
    item = publisher.planned()
    same = publisher.publish(item)
    there = FakeRegistry(publisher.calls, repository(name="eu/app"))
    there.put("eu/app", same.image, *same.tags)
    destination = Destination("210987654321", "eu-west-1", "eu/app")
    view = there.describe({"eu/app": item.image.tag_names})["eu/app"]
    copies = (plan_copy(destination, "eu/app", item.image.tags, view, same.image),)
    receipt = copy_image(
        replace(item, copies=copies),
        ImageReceipt(NAME, NAME, same.tags, "", published=(same,)),
        publisher.registry,
        {destination: there},
        publisher.docker,
        say=lambda line: None,
        warn=lambda line: None,
        retrier=Retrier(),
    )
    assert not receipt.failed
    assert not {f"{SHA_TAG}-r3"} & {*there.tags["eu/app"], *receipt.published[1].tags}


def test_with_never_a_release_of_a_published_commit_is_published() -> None:
    publisher = Republisher()
    publisher.image = image(ALL_TAGS)
    published = publisher.publish(publisher.planned(republish=False, skip="never"))
    assert published.tags == (R2, "1.2.3", "main", "latest")
    assert publisher.tags["1.2.3"] == published.digest != publisher.tags[SHA_TAG]
    again = publisher.publish(publisher.planned(republish=False))
    assert (again.state, again.tags) == ("already-published", (R2, "1.2.3", "main", "latest"))


def test_what_was_built_since_is_republished_as_it_is_and_the_published_image_is_not() -> None:
    publisher = Republisher()
    item = publisher.planned()

    def reused(built: Built) -> bool:
        return bool(
            reuse_earlier_builds([item], {NAME: built}, source(), lambda: publisher.docker, lambda text: None)
        )

    built = build([item.image], source(), publisher.docker, builder=None, keep={NAME: "store"})[NAME]
    assert reused(built)
    assert not reused(replace(built, digest=FIRST.digest))
