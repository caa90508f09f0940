"""Tests of execute/turns: how runs take turns at fixed tags that ECR doesn't lock, before an upload and after it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ecr_tasks.errors import AwsError, Refused
from ecr_tasks.execute.push import publish
from ecr_tasks.execute.turns import POLL_SECONDS, turn_tag
from ecr_tasks.execute.turns_ahead import ARTIFACT_TYPE
from ecr_tasks.model.artifact import Artifact
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Published
from ecr_tasks.model.tag import TURN_TAG, Tag
from ecr_tasks.plan.tag_states import PlannedTag
from tests.support.build import (
    ALL_TAGS,
    BRANCH,
    FIXED,
    HOST,
    LATEST,
    REVISION_B,
    SHA_TAG,
    VERSION,
    digest,
    manifest,
    repository,
)
from tests.support.publishing import (
    NAME,
    OLD_IMAGE,
    OTHER_COMMIT,
    OTHER_RUN_IMAGE,
    VARIANTS,
    VERSION_TAGS,
    Publisher,
    all_tags_at,
)

AHEAD = ["containerd's store", "classic store", "kept by the builder"]


def _artifacts(publisher: Publisher) -> list[StoredImage]:
    return [image for image in publisher.registry.stored[NAME].values() if "artifactType" in image.document]


def _wait_for_turns(publisher: Publisher, count: int = 2) -> None:
    """Wait until the turns of as many fixed tags are taken, as they are beside the upload."""
    until = time.monotonic() + 30
    while len(publisher.turns) < count:
        assert time.monotonic() < until, "no turn was taken"


@pytest.mark.parametrize("variant", AHEAD)
def test_a_turn_that_was_taken_before_a_long_upload_needs_no_wait_after_it(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(ahead=True, **VARIANTS[variant])  # type: ignore[arg-type]
    waits: list[float] = []
    call = "build" if publisher.keep == "builder" else "push"
    pause = threading.Event().wait  # time.sleep is replaced
    monkeypatch.setattr("ecr_tasks.execute.turns.time.sleep", waits.append)
    monkeypatch.setattr("ecr_tasks.execute.turns.LEAD_SECONDS", 0.4)

    def upload() -> None:
        _wait_for_turns(publisher)
        pause(0.4)

    publisher.calls.before[call] = upload
    publisher.run()
    assert publisher.tags == all_tags_at(publisher.built_image.digest)
    assert waits
    assert max(waits) == 0, "of both fixed tags"
    assert not _artifacts(publisher)


@pytest.mark.parametrize("variant", AHEAD)
def test_the_turn_of_another_run_is_not_taken_ahead_of_an_upload(variant: str, quick: list[float]) -> None:
    """That has only to set its tag, and the upload may take hours."""
    publisher = Publisher(ahead=True, **VARIANTS[variant])  # type: ignore[arg-type]
    turns = [turn_tag(PlannedTag(tag)) for tag in ALL_TAGS if tag.kind == "fixed"]
    publisher.registry.put(NAME, OTHER_COMMIT, *turns)
    seen: list[str] = []
    call = "build" if publisher.keep == "builder" else "push"
    publisher.calls.after[call] = lambda: seen.extend(publisher.tags[turn] for turn in turns)
    publisher.run()
    assert seen == [OTHER_COMMIT.digest] * len(turns)
    assert publisher.tags == all_tags_at(publisher.built_image.digest)


@pytest.mark.parametrize("variant", AHEAD)
def test_a_turn_that_was_lost_during_an_upload_is_taken_again_at_once(variant: str, quick: list[float]) -> None:
    """Who has taken it meanwhile may be uploading for hours; and who only has to set its tag, waits for us then."""
    publisher = Publisher(ahead=True, **VARIANTS[variant])  # type: ignore[arg-type]
    other = manifest("what another run set ahead of its upload")
    call = "build" if publisher.keep == "builder" else "push"

    def take_over() -> None:
        _wait_for_turns(publisher)
        publisher.registry.put(NAME, other, *publisher.turns)

    publisher.calls.after[call] = take_over
    publisher.run()
    assert publisher.tags == all_tags_at(publisher.built_image.digest)
    assert POLL_SECONDS not in quick
    assert not _artifacts(publisher), "also of those turns that others have taken"


@pytest.mark.parametrize("variant", AHEAD)
def test_what_another_run_has_published_during_an_upload_is_taken_although_the_turn_is_ours(
    variant: str, quick: list[float]
) -> None:
    publisher = Publisher(ahead=True, **VARIANTS[variant])  # type: ignore[arg-type]
    call = "build" if publisher.keep == "builder" else "push"
    publisher.calls.after[call] = lambda: publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    assert publisher.run().digest == OTHER_RUN_IMAGE.digest
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)
    assert not _artifacts(publisher)


@pytest.mark.parametrize("classic", [False, True])
def test_two_builds_for_one_tag_are_uploaded_under_tags_of_their_own(classic: bool, quick: list[float]) -> None:
    """Where one took the other's tag, nothing would remove the image that has lost it; one build always has the same,
    so that its next upload takes what a killed run has left."""
    names = []
    for is_other in (False, False, True):
        publisher = Publisher(classic=classic, ahead=True, unstable=is_other)
        publisher.run()
        names += [pushed for _, pushed in publisher.calls.named("push")]
    assert names[0] == names[1] != names[2]


VARIANTS_OF_TURNS = {"ahead": {"ahead": True}, "after the upload": {}, "builder": {"keep": "builder", "ahead": True}}


@pytest.mark.parametrize("variant", VARIANTS_OF_TURNS)
@pytest.mark.parametrize("other", [OTHER_RUN_IMAGE, OTHER_COMMIT])
@pytest.mark.parametrize("takes_turn", [True, False])
def test_a_fixed_tag_that_is_set_only_at_a_further_attempt_is_looked_at_once_more(
    variant: str, other: StoredImage, takes_turn: bool, quick: list[float]
) -> None:
    """AWS asks to slow down for seconds, in which another run takes the turn and sets the tag: it must not move.

    Another tool sets it without a turn.
    """
    publisher = Publisher(**VARIANTS_OF_TURNS[variant])  # type: ignore[arg-type]
    publisher.registry.throttled[SHA_TAG] = True

    def overtake() -> None:
        turns = [turn_tag(PlannedTag(FIXED))] if takes_turn else []
        publisher.registry.put(NAME, other, SHA_TAG, *turns)

    publisher.calls.after["throttled"] = overtake
    if other is OTHER_RUN_IMAGE:
        assert publisher.run().digest == other.digest
    else:
        with pytest.raises(Refused, match=REVISION_B):
            publisher.run()
    assert publisher.tags[SHA_TAG] == other.digest
    assert not _artifacts(publisher)


@pytest.mark.parametrize("variant", VARIANTS_OF_TURNS)
def test_a_turn_that_is_lost_before_a_further_attempt_is_taken_again(variant: str, quick: list[float]) -> None:
    publisher = Publisher(**VARIANTS_OF_TURNS[variant])  # type: ignore[arg-type]
    publisher.registry.throttled[SHA_TAG] = True
    turn = turn_tag(PlannedTag(FIXED))
    publisher.calls.after["throttled"] = lambda: publisher.registry.put(NAME, OTHER_COMMIT, turn)
    publisher.run()
    assert publisher.tags[SHA_TAG] == publisher.built_image.digest
    log = publisher.calls.log
    since = log[log.index(("throttled", NAME, SHA_TAG)) :]
    assert since.index(("set_tag", NAME, turn)) < since.index(("set_tag", NAME, SHA_TAG))


@pytest.mark.parametrize("name", ["1.2.3", "main"])
def test_a_tag_that_others_may_have_set_meanwhile_is_looked_at_before_each_further_attempt(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no turns can be taken, and where a moving tag has got a newer image."""
    publisher = Publisher(tags=(FIXED, VERSION, replace(BRANCH, forward="branch"), LATEST))
    monkeypatch.setattr(publisher.registry, "may_untag", lambda repository: False)
    publisher.registry.throttled[name] = True
    publisher.calls.after["throttled"] = lambda: publisher.registry.put(NAME, OTHER_COMMIT, name)
    item = publisher.plan()

    def newer(tag: Tag, current: StoredImage, read: object) -> str | None:
        return "main is newer" if current.digest == OTHER_COMMIT.digest else None

    def run() -> Published:
        return publish(
            item, publisher.built, publisher.docker, publisher.registry, warn=publisher.warnings.append, newer=newer
        )

    if name == "main":
        assert run().stays == {"main": "main is newer"}
    else:
        with pytest.raises(Refused):
            run()
    assert publisher.tags[name] == OTHER_COMMIT.digest


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_fixed_tag_that_took_long_to_set_is_told_where_another_run_has_taken_its_turn(
    is_taken: bool, quick: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That run may have looked before our tag was there, and have set it: ECR says nothing of a tag that moves."""
    monkeypatch.setattr("ecr_tasks.execute.turns.LEAD_SECONDS", 0)
    publisher = Publisher(ahead=True, tags=VERSION_TAGS)
    turn = turn_tag(PlannedTag(VERSION))

    def take() -> None:
        if is_taken:
            publisher.registry.put(NAME, OTHER_COMMIT, turn)

    def when_uploaded() -> None:
        _wait_for_turns(publisher, 1)
        publisher.calls.before["set_tag"] = take

    publisher.calls.after["push"] = when_uploaded
    publisher.run()
    assert ["another run has taken its turn" in text for text in publisher.warnings] == [True] * is_taken


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize(("minutes", "was_there"), [(6, True), (0, False)])
def test_an_image_that_was_there_without_a_tag_is_not_deleted_with_that_of_its_upload(
    ahead: bool, minutes: int, was_there: bool, quick: list[float]
) -> None:
    """Somebody may use it by its digest; what the upload alone has brought goes."""
    publisher = Publisher(ahead=ahead)
    publisher.registry.put(NAME, publisher.built_image)
    pushed = datetime.now(timezone.utc) - timedelta(minutes=minutes)
    publisher.registry.pushed[publisher.built_image.digest] = pushed
    publisher.calls.after["push"] = lambda: publisher.registry.put(NAME, OTHER_COMMIT, SHA_TAG)
    with pytest.raises(Refused):
        publisher.run()
    assert (publisher.built_image.digest in publisher.registry.stored[NAME]) is was_there
    assert not any(tag.startswith(TURN_TAG) for tag in publisher.tags)
    assert not _artifacts(publisher)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("may_describe", [False, True])
def test_an_upload_whose_tag_another_run_has_removed_keeps_its_published_image(
    ahead: bool, may_describe: bool, quick: list[float]
) -> None:
    """As after a lost answer to its own removal. Without ecr:DescribeImages no tag of an image is seen."""
    publisher = Publisher(ahead=ahead)
    publisher.registry.may_describe = may_describe

    def remove_upload() -> None:
        for tag in [tag for tag in publisher.tags if tag.startswith(TURN_TAG)]:
            if not ahead or tag not in publisher.turns:
                del publisher.registry.tags[NAME][tag]

    def when_set() -> None:
        if SHA_TAG in publisher.tags:
            remove_upload()
        else:
            publisher.calls.after["set_tag"] = when_set

    publisher.calls.after["set_tag"] = when_set
    publisher.run()
    assert publisher.tags == all_tags_at(publisher.built_image.digest)
    assert publisher.built_image.digest in publisher.registry.stored[NAME]


def test_an_image_whose_age_is_not_known_stays_when_its_upload_is_refused(quick: list[float]) -> None:
    """Without ecr:DescribeImages it may have been there for years, used by its digest."""
    publisher = Publisher(ahead=True)
    publisher.registry.may_describe = False
    publisher.calls.after["push"] = lambda: publisher.registry.put(NAME, OTHER_COMMIT, SHA_TAG)
    with pytest.raises(Refused):
        publisher.run()
    assert publisher.built_image.digest in publisher.registry.stored[NAME]
    assert not any(tag.startswith(TURN_TAG) for tag in publisher.tags)


@pytest.mark.parametrize("has_another_tag", [False, True])
def test_an_upload_that_loses_its_tag_to_another_runs_leaves_no_image(
    has_another_tag: bool, quick: list[float]
) -> None:
    """Of several images each is uploaded under the tag of its turn, which all runs share."""
    publisher = Publisher()

    def lose() -> None:
        publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG, *publisher.turns)
        if has_another_tag:
            publisher.registry.put(NAME, publisher.built_image, "nightly")

    publisher.calls.after["push"] = lose
    assert publisher.run().digest == OTHER_RUN_IMAGE.digest
    assert (publisher.built_image.digest in publisher.registry.stored[NAME]) is has_another_tag


@pytest.mark.parametrize("name", ["untag", "replicates_to", "untag what is left"])
@pytest.mark.parametrize("ahead", [False, True])
def test_docker_does_not_set_a_fixed_tag_itself_where_it_is_unknown_whether_turns_can_be_taken(
    ahead: bool, name: str
) -> None:
    """That AWS asks to slow down is no missing right, and the tag could move at the end of docker's upload."""
    publisher = Publisher(ahead=ahead)

    def fail() -> None:
        raise AwsError("AWS asked us to slow down.", "Wait a minute and run it again.")

    if name == "untag what is left":
        publisher.docker.left_names = [f"{HOST}/{NAME}:{TURN_TAG}killed"]
        publisher.calls.after["untag"] = lambda: publisher.calls.before.update(untag=fail)
    else:
        publisher.calls.before[name] = fail
    with pytest.raises(AwsError, match="slow down"):
        publisher.run()
    assert publisher.calls.named("push") == []


@pytest.mark.parametrize("name", ["of the tag that is published", "of one that is not"])
def test_what_a_killed_run_has_left_of_its_turns_is_removed_by_the_next_one(name: str, quick: list[float]) -> None:
    """Its upload's tag is on the image that it published, or its turn is taken over."""
    publisher = Publisher(ahead=True)
    text = Artifact(ARTIFACT_TYPE, (), {"run": "a killed one"}).manifest()
    artifact = StoredImage(digest(text), text, OLD_IMAGE.media_type)
    if name == "of one that is not":
        turn = turn_tag(PlannedTag(FIXED))
        publisher.registry.put(NAME, artifact, turn)
        publisher.registry.put(NAME, manifest("a killed run's upload"), f"{turn}-1234abcd")
    else:
        turn = turn_tag(PlannedTag(VERSION))
        publisher.registry.put(NAME, artifact, turn)
        left = f"{turn_tag(PlannedTag(FIXED))}-1234abcd"
        publisher.registry.put(NAME, OTHER_RUN_IMAGE, left, SHA_TAG)
    publisher.run()
    assert not any(tag.startswith(TURN_TAG) for tag in publisher.tags)
    assert not _artifacts(publisher)


def test_no_turn_is_taken_ahead_where_ecr_locks_its_tag(quick: list[float]) -> None:
    """Nobody else could take it for as long as the upload lasts."""
    publisher = Publisher(ahead=True)
    publisher.registry.repositories[NAME] = repository("IMMUTABLE_WITH_EXCLUSION", "main", "latest", "sha-*", "1.2.3")
    publisher.run()
    assert publisher.tags == all_tags_at(publisher.built_image.digest)
    assert not any("artifactType" in image.document for image in publisher.registry.stored[NAME].values())
    assert publisher.calls.named("delete_image") == []
