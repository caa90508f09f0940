"""A moving tag is looked at right before it is set: another pipeline may have moved it since the plan."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from threading import Barrier

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import Refused
from ecr_tasks.execute.look_at_registries import look_at_registries
from ecr_tasks.execute.push import publish
from ecr_tasks.execute.set_tags import Look, Read, set_tags
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.source.git.history import Relation
from tests.support.build import BRANCH, FIXED, REVISION_B, SHA_TAG, image, manifest, repository, settings, source
from tests.support.fakes import Calls, FakeRegistry
from tests.support.publishing import NAME, OLD_IMAGE, Publisher

MAIN = replace(BRANCH, forward="branch")
NEWER_IMAGE = manifest("of a newer commit", "c" * 40)


def newer(tag: Tag, current: StoredImage, read: Read) -> str | None:
    """Return a sentence for the newer commit's image."""
    current = read(current)
    return f"{tag.name} stays with {current.digest}" if current.revision == "c" * 40 else None


def publish_with(publisher: Publisher, event: str | None = None, classic: bool = False) -> list[str]:
    """Plan, let another pipeline set main, and publish; return the tags that point at the image."""
    item = publisher.plan()
    theirs = NEWER_IMAGE
    if classic:
        theirs = manifest("of a newer commit", None)
        publisher.registry.config_labels[theirs.digest] = {"org.opencontainers.image.revision": "c" * 40}
    if event is not None:
        publisher.registry.put(NAME, theirs, "main")
    published = publish(
        item, publisher.built, publisher.docker, publisher.registry, warn=publisher.warnings.append, newer=newer
    )
    assert list(published.stays) == (["main"] if event else [])
    return list(published.tags)


@pytest.mark.parametrize("classic", [False, True])
def test_a_newer_image_that_came_since_the_plan_keeps_the_tag(classic: bool) -> None:
    publisher = Publisher(tags=[FIXED, MAIN])
    assert publish_with(publisher, "another pipeline", classic) == [SHA_TAG]
    assert publisher.registry.stored[NAME][publisher.tags["main"]] != publisher.built_image
    assert any(warning.startswith("main stays with sha256:") for warning in publisher.warnings)


def test_the_moving_tags_are_looked_at_while_the_fixed_ones_are_set() -> None:
    """Neither call of a published image waits for the other: both are under way when either goes on."""
    publisher, both = Publisher(tags=[FIXED, MAIN]), Barrier(2)
    item, image = publisher.plan(), publisher.built_image
    publisher.registry.put(NAME, image)

    def meet() -> None:
        both.wait(10)

    publisher.calls.before.update(set_tag=meet, images=meet)
    set_tags(item.tags, image, repository(), publisher.registry, publisher.warnings.append, newer)
    assert publisher.tags == {**publisher.tags, SHA_TAG: image.digest, "main": image.digest}


@pytest.mark.parametrize("waits", [False, True])
def test_a_tag_that_the_rate_limit_held_back_is_looked_at_once_more(
    waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(tags=[FIXED, MAIN])
    item, image, permit = publisher.plan(), publisher.built_image, publisher.registry.permit
    publisher.registry.put(NAME, image)
    monkeypatch.setattr("ecr_tasks.execute.set_tags.LOOK_SECONDS", 0 if waits else 60)

    @contextmanager
    def held(repository: Repository, puts: int) -> Iterator[None]:
        publisher.registry.put(NAME, NEWER_IMAGE, "main")  # by another pipeline, meanwhile
        with permit(repository, puts):
            yield

    monkeypatch.setattr(publisher.registry, "permit", held)
    seen = {"main": Look(OLD_IMAGE, time.monotonic())}
    _, left = set_tags(item.tags, image, repository(), publisher.registry, publisher.warnings.append, newer, seen)
    assert [*left] == (["main"] if waits else [])


def test_a_look_that_was_old_before_counts_as_none() -> None:
    publisher = Publisher(tags=[MAIN])
    item, image = publisher.plan(), publisher.built_image
    publisher.registry.put(NAME, image)
    publisher.registry.put(NAME, NEWER_IMAGE, "main")
    seen = {"main": Look(OLD_IMAGE, time.monotonic() - 1)}
    _, left = set_tags(item.tags, image, repository(), publisher.registry, publisher.warnings.append, newer, seen)
    assert [*left] == ["main"]


def test_a_look_after_the_push_is_as_old_as_its_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another pipeline moves main while the answer is on its way: it is looked at once more."""
    publisher = Publisher(tags=[FIXED, MAIN], locked=True)
    monkeypatch.setattr("ecr_tasks.execute.set_tags.LOOK_SECONDS", 0.05)

    def meanwhile() -> None:
        publisher.registry.put(NAME, NEWER_IMAGE, "main")
        time.sleep(0.1)

    publisher.calls.after["images"] = meanwhile
    item = publisher.plan()
    published = publish(
        item, publisher.built, publisher.docker, publisher.registry, warn=publisher.warnings.append, newer=newer
    )
    assert list(published.stays) == ["main"]


@pytest.mark.parametrize("waits", [False, True])
def test_a_fixed_tag_that_the_rate_limit_held_back_is_looked_at_once_more(
    waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no turn can be taken at it, and ECR doesn't lock it."""
    publisher = Publisher(tags=[FIXED])
    item, image, permit = publisher.plan(), publisher.built_image, publisher.registry.permit
    publisher.registry.put(NAME, image)
    monkeypatch.setattr("ecr_tasks.execute.set_tags.LOOK_SECONDS", 0 if waits else 60)

    @contextmanager
    def held(repository: Repository, puts: int) -> Iterator[None]:
        publisher.registry.put(NAME, OLD_IMAGE, SHA_TAG)  # by another run, meanwhile
        with permit(repository, puts):
            yield

    monkeypatch.setattr(publisher.registry, "permit", held)
    with pytest.raises(Refused) if waits else nullcontext():
        set_tags(item.tags, image, repository(), publisher.registry, publisher.warnings.append)
    assert publisher.tags[SHA_TAG] == (OLD_IMAGE if waits else image).digest


def test_git_is_asked_about_all_commits_of_the_images_that_have_the_tags() -> None:
    """Of those that an image was given to as it was, one may be newer than the commit to publish."""
    registry, asked = FakeRegistry(Calls(), repository()), list[str]()
    later = [f"{number:07x}" for number in range(0xABC0000, 0xABC0040)]
    registry.put(NAME, OLD_IMAGE, "main", *(f"sha-{commit}" for commit in later))

    def relations(commits: Collection[str]) -> Mapping[str, Relation]:
        asked.extend(commits)
        return {commit: "newer" if commit == later[-1] else "older" for commit in commits}

    item = image([FIXED, MAIN])
    snapshot = look_at_registries(
        *([item], settings(), source(), registry, lambda destination: registry),
        *(lambda: pytest.fail("no engine is needed"), Retrier(), relations),
    )
    assert {*later} <= {*asked}
    (planned,) = make_plan([item], source(), snapshot).images
    assert {tag.tag.name: tag.state for tag in planned.tags}["main"] == "stays"


def test_an_older_image_does_not() -> None:
    publisher = Publisher(tags=[FIXED, MAIN])
    assert publish_with(publisher) == [SHA_TAG, "main"]
    assert (publisher.warnings, OLD_IMAGE.revision) == ([], REVISION_B)


def test_a_commit_whose_only_tag_a_newer_image_got_meanwhile_is_not_pushed() -> None:
    publisher = Publisher(tags=[MAIN])
    with pytest.raises(Refused, match="stays with sha256:"):
        publish_with(publisher, "another pipeline")
    assert publisher.tags["main"] == NEWER_IMAGE.digest
    assert publisher.calls.named("push") == []
