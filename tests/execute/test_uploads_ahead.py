"""Tests of execute/upload_apart: what the engine uploads to the destinations while it pushes."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, Refused
from ecr_tasks.execute.destinations import copy_to_destinations
from ecr_tasks.execute.upload_apart import UploadsAhead, uploaded_copies
from ecr_tasks.model.destination import Destination, Identity
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import FailedCopy, Published
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.destinations import plan_copy
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.tag_states import PlannedTag
from tests.support.build import ALL_TAGS, HOST, SHA_TAG, repository
from tests.support.publishing import NAME, OLD_IMAGE, OTHER_RUN_IMAGE, Publisher

EU = Destination("210987654321", "eu-west-1", "eu/app")
US = Destination("210987654321", "us-east-1", "us/app")
PUBLIC = Destination("", "us-east-1", "eu/app", alias="team")
TURN = "ecr-tasks-upload-"


class Uploading(Publisher):
    """A publisher of an image with two destinations."""

    def __init__(self, *mutability: Any, **options: Any) -> None:
        super().__init__(**options)
        self.host_of = {"eu/app": "eu.example", "us/app": "us.example"}
        for name in ("eu/app", "us/app"):
            self.registry.repositories[name] = replace(
                repository(*mutability, name=name), uri=f"{self.host_of[name]}/{name}"
            )
            self.registry.stored[name], self.registry.tags[name] = {}, {}

    def plan(self) -> PlannedImage:
        copies = []
        for destination in (EU, US):
            name = destination.name_of(NAME)
            view = self.registry.describe({name: [tag.name for tag in ALL_TAGS]})[name]
            copies.append(plan_copy(destination, name, ALL_TAGS, view, None))
        return replace(super().plan(), copies=tuple(copies))

    def push(self, *, taken: StoredImage | None = None) -> list[Published | FailedCopy]:
        """Publish the image here and at the destinations; with ``taken``, another run's is published here."""
        item = self.plan()
        self.calls.log.clear()
        targets: Any = {copy.destination: self.registry for copy in item.copies}
        with UploadsAhead(self.warnings.append, nullcontext) as uploads:
            self.failed = uploads.failed
            uploads.begin(item, self.built, self.docker, targets)
            if taken is not None:
                self.registry.put(NAME, taken, SHA_TAG, "1.2.3")
            published = self.publish(item)
            return copy_to_destinations(
                *(published, repository(), item.copies, self.registry, targets, self.docker),
                say=self.warnings.append,
                warn=self.warnings.append,
                retrier=Retrier(sleep=lambda seconds: False),
                uploads=uploads,
            )

    def there(self, destination: Destination) -> dict[str, str]:
        """Return the tags of a destination."""
        return dict(self.registry.tags[destination.name_of(NAME)])


def test_the_engine_uploads_to_each_destination_and_nothing_is_copied() -> None:
    """A destination gets the content under the turn's tag alone, which goes once the fixed tags are set."""
    uploading = Uploading()
    results = uploading.push()
    assert uploading.calls.named("copy") == []
    pushed = {call[1].partition(":")[0] for call in uploading.calls.named("push")}
    assert pushed == {f"{HOST}/{NAME}", "eu.example/eu/app", "us.example/us/app"}
    for destination, name in ((EU, "eu/app"), (US, "us/app")):
        assert uploading.there(destination) == dict.fromkeys((tag.name for tag in ALL_TAGS), uploading.built.digest)
        sent = [call[1] for call in uploading.calls.named("push") if f"/{name}:" in call[1]]
        assert len(sent) == 1
        assert f"{name}:{TURN}" in sent[0]
        tagged = [call[2] for call in uploading.calls.named("set_tag") if call[1] == name]
        assert [tag for tag in tagged if not tag.startswith(TURN)] == [SHA_TAG, "1.2.3", "main", "latest"]
        untagged = [call for call in uploading.calls.named("untag") if call[1] == name and call[2] in sent[0]]
        assert len(untagged) == 1
        assert uploading.calls.log.index(untagged[0]) > uploading.calls.log.index(("set_tag", name, SHA_TAG))
    assert [result.transport for result in results if isinstance(result, Published)] == ["copy", "copy"]
    assert uploading.warnings == []


def test_what_cannot_be_uploaded_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload's error is that of its destination alone, and the copy's own tells it, if there is one."""
    uploading = Uploading()
    real = uploading.docker.push

    def push(reference: str) -> None:
        if "eu.example/" in reference:
            raise AwsError("No right to upload.", "Ask for it.")
        real(reference)

    monkeypatch.setattr(uploading.docker, "push", push)
    results = uploading.push()
    assert [call[2:] for call in uploading.calls.named("copy")] == [(f"eu.example/eu/app@{uploading.built.digest}",)]
    assert [type(result) for result in results] == [Published, Published]
    assert {str(destination): error.cause for destination, error in uploading.failed.items()} == {
        str(EU): "No right to upload."
    }
    assert uploading.there(EU) == uploading.there(US)
    assert not any(tag.startswith(TURN) for tag in uploading.there(EU))


def test_destinations_get_the_image_that_another_run_has_published_and_not_ours() -> None:
    """Our upload is removed before the tag of its turn would move from it, and leave it there without a tag."""
    uploading = Uploading()
    uploading.push(taken=OTHER_RUN_IMAGE)
    for destination, name in ((EU, "eu/app"), (US, "us/app")):
        calls = [call for call in uploading.calls.named("untag", "set_tag") if call[1] == name]
        turns = [call[0] for call in calls if call[2].startswith(TURN) and call[2] != f"{TURN}none"]
        assert turns == ["untag", "set_tag", "set_tag", "untag", "untag"]
        assert set(uploading.there(destination).values()) == {OTHER_RUN_IMAGE.digest}
        assert not any(tag.startswith(TURN) for tag in uploading.there(destination))


def test_a_refused_push_leaves_no_tag_at_a_destination() -> None:
    uploading = Uploading()
    uploading.calls.log.clear()
    uploading.age = 100
    with pytest.raises(Refused):
        uploading.push(taken=OLD_IMAGE)
    assert (uploading.there(EU), uploading.there(US)) == ({}, {})
    assert uploading.calls.named("copy") == []


def test_an_image_that_a_destination_has_without_a_tag_is_not_uploaded_and_stays() -> None:
    """Its only tag would be that of the upload, whose removal deletes it."""
    uploading = Uploading()
    assert uploading.built.digest is not None
    uploading.registry.stored["eu/app"][uploading.built.digest] = uploading.docker.store[
        uploading.built.image_id or ""
    ]
    with pytest.raises(Refused):
        uploading.push(taken=OLD_IMAGE)
    assert {call[1].partition(":")[0] for call in uploading.calls.named("push")} <= {
        f"{HOST}/{NAME}",
        "us.example/us/app",
    }
    assert [call for call in uploading.calls.named("untag") if call[1] == "eu/app" and call[2] != f"{TURN}none"] == []


def test_an_error_that_nobody_expects_leaves_no_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    uploading = Uploading()
    real = uploading.docker.push

    def push(reference: str) -> None:
        if "eu.example/" in reference:
            raise RuntimeError("broken")
        real(reference)

    monkeypatch.setattr(uploading.docker, "push", push)
    with pytest.raises(RuntimeError):
        uploading.push()
    assert not any(tag.startswith(TURN) for tag in uploading.there(US))


def test_only_what_the_engine_has_goes_from_there() -> None:
    """The rest is copied: builds that a builder keeps, and those whose manifest a classic store makes at the push."""
    uploading = Uploading()
    item, built = uploading.plan(), uploading.built
    assert uploaded_copies(item) == uploaded_copies(item, built) == list(item.copies)
    assert uploaded_copies(item, replace(built, digest=None)) == []
    assert uploaded_copies(item, replace(built, keep="builder")) == []
    assert uploaded_copies(replace(item, keep="builder")) == []
    assert uploaded_copies(replace(item, whole=item)) == []
    assert uploaded_copies(replace(item, published=OLD_IMAGE)) == []


def test_only_a_repository_of_ecr_that_lacks_the_image_and_has_the_only_login_of_its_host_takes_an_upload() -> None:
    uploading = Uploading()
    item = uploading.plan()
    eu, us = item.copies
    has_it = replace(eu, tags=(PlannedTag(ALL_TAGS[0], "present", "a"), *eu.tags[1:]))
    for other in (
        replace(eu, view=None),
        replace(eu, error=AwsError("No.", "Ask.")),
        replace(eu, transport="replication"),
        replace(eu, destination=PUBLIC),
        replace(eu, tags=eu.tags[-1:]),
        Uploading("IMMUTABLE").plan().copies[0],
        Uploading("IMMUTABLE_WITH_EXCLUSION", "sha-*", "1.*").plan().copies[0],
        has_it,
    ):
        assert uploaded_copies(replace(item, copies=(other, us))) == [us]
    for host, other_identity, taken in (
        ("us.example", False, [True, True]),
        ("us.example", True, [False, False]),
        (HOST, False, [False, True]),
    ):
        there = repository(name="eu/app")
        view = RepositoryView(replace(there, uri=f"{host}/eu/app"), {})
        destination = replace(EU, identity=Identity(profile="other")) if other_identity else EU
        changed = replace(item, copies=(replace(eu, view=view, destination=destination), us))
        assert [copy in uploaded_copies(changed) for copy in changed.copies] == taken


@pytest.mark.parametrize("reason", ["no right", "replication"])
def test_nothing_is_uploaded_where_its_tag_would_stay(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    uploading = Uploading()
    if reason == "replication":
        uploading.registry.rules["eu/app"] = uploading.registry.rules["us/app"] = {("210987654321", "eu-west-3")}
    else:
        monkeypatch.setattr(uploading.registry, "may_untag", lambda place: place.name == NAME)
    uploading.push()
    assert len(uploading.calls.named("copy")) == 1
    assert {call[1].partition(":")[0] for call in uploading.calls.named("push")} == {f"{HOST}/{NAME}"}
    assert uploading.there(EU) == uploading.there(US) == uploading.tags
