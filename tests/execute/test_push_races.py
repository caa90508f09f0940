"""Tests of execute/push when several runs publish the same commit: all tags are on the image of one run."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ecr_tasks.errors import AwsError, Denied, EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.push import publish
from ecr_tasks.execute.push_first_tag import LOOK_AFTER_SECONDS
from ecr_tasks.execute.turns import turn_tag
from ecr_tasks.model.image import Keep
from ecr_tasks.model.manifest import REVISION, StoredImage
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
    manifest,
)
from tests.support.publishing import (
    NAME,
    OTHER_COMMIT,
    OTHER_RUN_IMAGE,
    VARIANTS,
    VERSION_TAGS,
    Publisher,
    all_tags_at,
)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_image_of_another_run_before_our_push_is_published(variant: str) -> None:
    publisher = Publisher(**VARIANTS[variant])  # type: ignore[arg-type]
    item = publisher.plan()
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    published = publisher.publish(item)
    assert publisher.calls.named("push") == []
    assert published.digest == OTHER_RUN_IMAGE.digest
    assert published.state != "pushed"
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)
    assert OTHER_RUN_IMAGE.digest in "".join(publisher.warnings)


@pytest.mark.parametrize("keep", ["store", "builder"])
@pytest.mark.parametrize("classic", [False, True])
def test_the_image_of_another_run_during_our_push_is_published_in_an_immutable_repository(
    keep: Keep, classic: bool
) -> None:
    publisher = Publisher(locked=True, keep=keep, classic=classic)
    during = "push" if keep == "store" else "build"
    publisher.calls.before[during] = lambda: publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    published = publisher.run()
    assert published.digest == OTHER_RUN_IMAGE.digest
    assert published.state != "pushed"
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)
    assert publisher.warnings


def test_the_image_of_another_run_after_our_push_is_published_in_a_mutable_repository() -> None:
    publisher = Publisher()
    publisher.calls.after["push"] = lambda: publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    published = publisher.run()
    assert published.digest == OTHER_RUN_IMAGE.digest
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)
    assert publisher.warnings


def test_the_same_image_of_another_run_gives_no_warning() -> None:
    publisher = Publisher()
    publisher.calls.before["tag_digests"] = lambda: publisher.registry.put(NAME, publisher.built_image, SHA_TAG)
    assert publisher.run().digest == publisher.built_image.digest
    assert publisher.calls.named("push") == []
    assert publisher.warnings == []
    assert publisher.tags == all_tags_at(publisher.built_image.digest)


MOMENTS = ("during the build", "before the push", "after the push")


def _publish_meanwhile(publisher: Publisher, moment: str, image: StoredImage) -> None:
    """Publish another commit's image as 1.2.3 at a moment after the plan."""

    def put() -> None:
        publisher.registry.put(NAME, image, "1.2.3")

    if moment == "during the build":
        put()
    else:
        call = "build" if publisher.keep == "builder" else "push"
        getattr(publisher.calls, moment.partition(" ")[0])[call] = put


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_release_that_another_commit_publishes_meanwhile_keeps_its_image(variant: str, moment: str) -> None:
    publisher = Publisher(**VARIANTS[variant])  # type: ignore[arg-type]
    item = publisher.plan()
    before = publisher.tags
    _publish_meanwhile(publisher, moment, OTHER_COMMIT)
    with pytest.raises(Refused) as error:
        publisher.publish(item)
    assert OTHER_COMMIT.digest in error.value.cause
    assert "1.2.3" in error.value.cause
    tags = publisher.tags
    assert tags.pop("1.2.3") == OTHER_COMMIT.digest
    tags.pop(SHA_TAG, None)
    assert tags == before
    if moment == "during the build":
        assert publisher.calls.named("push") == []
        assert SHA_TAG not in publisher.tags


@pytest.mark.parametrize(
    ("variant", "moment"),
    [
        (variant, moment)
        for variant in VARIANTS
        for moment in MOMENTS
        if moment != "after the push" or ("immutable" not in variant and "builder" not in variant)
    ],
)
@pytest.mark.parametrize("annotated", [True, False])
def test_another_commits_image_is_not_taken_for_ours(variant: str, moment: str, annotated: bool) -> None:
    """The publishing tag is a version, and the other run is on another machine, which shares no lock."""
    publisher = Publisher(tags=(VERSION, BRANCH, LATEST), **VARIANTS[variant])  # type: ignore[arg-type]
    other = OTHER_COMMIT if annotated else manifest("another commit's", None)
    publisher.registry.config_labels[other.digest] = {REVISION: REVISION_B}
    item = publisher.plan()
    before = publisher.tags
    _publish_meanwhile(publisher, moment, other)
    with pytest.raises(Refused) as error:
        publisher.publish(item)
    assert other.digest in error.value.cause
    assert REVISION_B in error.value.cause
    assert publisher.tags == {**before, "1.2.3": other.digest}


@pytest.mark.parametrize("kind", [AwsError, RegistryError])
@pytest.mark.parametrize("keep", ["store", "builder"])
def test_what_another_run_has_published_counts_where_the_push_is_refused(
    keep: Keep, kind: type[EcrTasksError]
) -> None:
    """The registry misses a right, or the name of the upload is gone; and the commit is published by now."""
    publisher = Publisher(tags=(FIXED, BRANCH), locked=True, keep=keep)

    def refuse() -> None:
        publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
        raise kind("It was denied.", "Ask for the right.")

    publisher.calls.before["build" if keep == "builder" else "push"] = refuse
    assert publisher.run().image.digest == OTHER_RUN_IMAGE.digest


@pytest.mark.parametrize(("age", "looks"), [(LOOK_AFTER_SECONDS - 1, 0), (LOOK_AFTER_SECONDS, 1)])
def test_a_locked_tag_is_looked_at_before_the_push_only_where_the_plan_is_old(age: float, looks: int) -> None:
    """A build of an hour, or a task of one's own between `build` and `push`."""
    publisher = Publisher(tags=(VERSION, BRANCH), locked=True)
    publisher.age = age
    publisher.run()
    log = publisher.calls.log
    pushed = log.index(publisher.calls.named("push")[0])
    assert len([call for call in log[:pushed] if call[0] == "tag_digests"]) == looks


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_published_image_gets_no_tag_that_another_image_has_by_now(variant: str) -> None:
    """Another image of the run was built for a long time, after the plan."""
    publisher = Publisher(**VARIANTS[variant])  # type: ignore[arg-type]
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    item = publisher.plan()
    before = publisher.tags
    publisher.registry.put(NAME, OTHER_COMMIT, "1.2.3")
    with pytest.raises(Refused):
        publish(item, None, publisher.docker, publisher.registry)
    assert publisher.tags == {**before, "1.2.3": OTHER_COMMIT.digest}


def test_a_tag_that_was_deleted_since_the_plan_is_set_again() -> None:
    publisher = Publisher()
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    item = publisher.plan()
    del publisher.registry.tags[NAME][SHA_TAG]
    publish(item, None, publisher.docker, publisher.registry)
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("tags", [VERSION_TAGS, ALL_TAGS])
def test_a_fixed_tag_that_ecr_does_not_lock_is_set_after_the_upload(
    ahead: bool, classic: bool, tags: tuple[Tag, ...], monkeypatch: pytest.MonkeyPatch, quick: list[float]
) -> None:
    monkeypatch.setattr("ecr_tasks.execute.turns.LEAD_SECONDS", 60)
    publisher = Publisher(tags=tags, classic=classic, ahead=ahead)
    published = publisher.run()
    assert published.tags == tuple(tag.name for tag in tags)
    assert publisher.tags == dict.fromkeys(published.tags, publisher.built_image.digest)
    assert {name for name in publisher.docker.store if "upload" in name} <= {*publisher.docker.temporary}
    ((_, pushed),) = publisher.calls.named("push")
    assert "ecr-tasks-upload-" in pushed
    calls = [call for call in publisher.calls.log if call != ("images", NAME, "main")]  # beside the tag
    index = calls.index(("set_tag", NAME, tags[0].name))
    before = calls[index - 1]
    assert ("push", pushed) in calls[: index - 1]
    assert before[0] == "images", "nothing comes between the look and the tag"
    turn = turn_tag(PlannedTag(tags[0]))
    assert {tags[0].name, turn} <= {*before}, "the tag and the turn are looked at in one call"
    assert (pushed.rpartition(":")[2] == turn) is not ahead


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("variant", [name for name in VARIANTS if "immutable" not in name])
def test_the_rate_limit_is_waited_for_before_the_look_and_not_between_it_and_the_tag(
    ahead: bool, variant: str, monkeypatch: pytest.MonkeyPatch, quick: list[float]
) -> None:
    monkeypatch.setattr("ecr_tasks.execute.turns.LEAD_SECONDS", 60)
    publisher = Publisher(ahead=ahead, **VARIANTS[variant])  # type: ignore[arg-type]
    publisher.run()
    calls = [call for call in publisher.calls.log if call[-1] not in ("main", "latest")]  # beside the tag
    for tag in (SHA_TAG, "1.2.3"):
        last = calls.index(("set_tag", NAME, tag))
        assert [call[0] for call in calls[last - 2 : last + 2]] == ["permit", "images", "set_tag", "end of permit"]


@pytest.mark.parametrize("classic", [False, True])
def test_another_run_has_the_time_to_see_our_turn_before_we_look(
    classic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait lies after the push, which sets the turn, and before the looks at the fixed tag and at the turn."""
    publisher = Publisher(tags=VERSION_TAGS, classic=classic)
    monkeypatch.setattr("ecr_tasks.execute.turns.LEAD_SECONDS", 60)
    monkeypatch.setattr(
        "ecr_tasks.execute.turns.time.sleep", lambda seconds: publisher.calls.log.append(("wait", str(seconds)))
    )
    publisher.run()
    names = [call[0] for call in publisher.calls.log]
    wait = names.index("wait", names.index("push"))
    assert "images" not in names[names.index("push") : wait]
    assert names.index("images", wait) < names.index("set_tag", wait)
    assert 50 < float(publisher.calls.log[wait][1]) <= 60


def test_after_a_look_that_took_long_the_turn_is_looked_at_once_more() -> None:
    publisher = Publisher(tags=VERSION_TAGS)  # here, every look takes longer than the lead time
    publisher.run()
    (_, pushed), calls = publisher.calls.named("push")[0], publisher.calls.named("images", "set_tag")
    last = calls[[call[0] for call in calls].index("set_tag") - 1]
    assert last in (("images", NAME, pushed.rpartition(":")[2]), ("images", NAME, "main"))


@pytest.mark.parametrize("reason", ["no permission", "replication", "locked"])
def test_docker_sets_the_tag_where_an_upload_would_leave_one_or_need_not_be_apart(reason: str) -> None:
    publisher = Publisher(tags=VERSION_TAGS, locked=reason == "locked")
    if reason == "replication":
        publisher.registry.rules[NAME] = {("123456789012", "eu-west-1")}
    if reason == "no permission":

        def deny() -> None:
            raise Denied("AWS does not allow ecr:BatchDeleteImage.", "Allow it.")

        publisher.calls.before["untag"] = deny
    published = publisher.run()
    assert publisher.tags == dict.fromkeys(published.tags, publisher.built_image.digest)
    ((_, pushed),) = publisher.calls.named("push")
    assert pushed == f"{HOST}/{NAME}:{published.tags[0]}"


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("tags", [VERSION_TAGS, ALL_TAGS])
def test_an_upload_that_fails_anywhere_is_finished_by_the_next_run(
    ahead: bool, classic: bool, late: bool, tags: tuple[Tag, ...], quick: list[float]
) -> None:
    expected = Publisher(tags=tags, classic=classic, ahead=ahead)
    expected.run()
    for step in range(len(expected.calls.log)):
        publisher = Publisher(tags=tags, classic=classic, ahead=ahead)
        with suppress(RegistryError):
            publisher.run(fail_at=step, late=late)
        left = [tag for tag in publisher.tags if "upload" in tag]
        assert not left or "not removed" in "".join(publisher.warnings)
        publisher.run()
        assert {tag: digest for tag, digest in publisher.tags.items() if tag not in left} == expected.tags


@pytest.mark.parametrize(("tag", "remedy"), [("1.2.3", "a version of its own"), (SHA_TAG, "Run it again")])
@pytest.mark.parametrize("in_turn", [False, True])
def test_of_two_runs_at_the_same_moment_the_first_does_not_end_as_if_it_had_the_tag(
    tag: str, remedy: str, in_turn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where ECR doesn't lock the tag can the second run move it after the first one's last look.

    Without turns that may happen as late as with the last tag; of those that take them, none does so.
    """
    publisher = Publisher()
    monkeypatch.setattr(publisher.registry, "may_untag", lambda repository: in_turn)
    last = tag if in_turn else "latest"

    def move() -> None:
        if publisher.tags.get(last) == publisher.built_image.digest:
            publisher.registry.put(NAME, OTHER_COMMIT, tag)
        else:
            publisher.calls.after["set_tag"] = move

    publisher.calls.after["set_tag"] = move
    with pytest.raises(Refused) as error:
        publisher.run()
    assert OTHER_COMMIT.digest in error.value.cause
    assert publisher.built_image.digest in error.value.cause
    assert remedy in error.value.remedy


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("other", [OTHER_RUN_IMAGE, OTHER_COMMIT])
def test_a_run_whose_upload_is_overtaken_waits_and_leaves_the_tag_to_the_other(
    classic: bool, other: StoredImage
) -> None:
    """Both have found no tag; the run that uploaded last sets it, and so it never moves."""
    publisher = Publisher(classic=classic)
    history: list[str] = []

    def overtake() -> None:
        (tag,) = [tag for tag in publisher.tags if tag.startswith(TURN_TAG)]
        publisher.registry.put(NAME, other, tag)

    def turn_by_turn(seconds: float) -> None:
        if seconds and SHA_TAG not in publisher.tags:
            history.append(publisher.tags.get(SHA_TAG, ""))
            publisher.registry.put(NAME, other, SHA_TAG)

    publisher.calls.after["push"] = overtake
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecr_tasks.execute.turns.time.sleep", turn_by_turn)
        if other is OTHER_RUN_IMAGE:
            assert publisher.run().digest == other.digest
        else:
            with pytest.raises(Refused, match=REVISION_B):
                publisher.run()
    assert history == [""], "it was not set before the other run set it"
    assert publisher.tags[SHA_TAG] == other.digest
    assert [tag for tag in publisher.tags if tag.startswith(TURN_TAG)], "the other run's own"


def test_a_turn_that_goes_from_one_run_to_the_next_is_waited_for() -> None:
    """Of three runs, each would take it from another that has it, and none would ever set the tag."""
    publisher = Publisher()
    holders = [OTHER_RUN_IMAGE, manifest("a third run's"), OTHER_RUN_IMAGE, manifest("a fourth run's")]

    def turn_to_the_next() -> None:
        (tag,) = [tag for tag in publisher.tags if tag.startswith(TURN_TAG)]
        publisher.registry.put(NAME, holders.pop(0), tag)

    def next_turn(seconds: float) -> None:
        if not seconds or not any(tag.startswith(TURN_TAG) for tag in publisher.tags):
            return
        if holders:
            turn_to_the_next()
        else:
            publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)

    publisher.calls.after["push"] = turn_to_the_next
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecr_tasks.execute.turns.time.sleep", next_turn)
        assert publisher.run().digest == OTHER_RUN_IMAGE.digest
    assert len(publisher.calls.named("push")) == 1
    assert holders == []


@pytest.mark.parametrize("ending", ["the other run failed", "the other run was killed"])
def test_a_turn_that_the_other_run_gave_up_is_taken(quick: list[float], ending: str) -> None:
    publisher = Publisher()

    def overtake() -> None:
        (tag,) = [tag for tag in publisher.tags if tag.startswith(TURN_TAG)]
        publisher.registry.put(NAME, OTHER_COMMIT, tag)

    def give_up(seconds: float) -> None:
        for tag in [tag for tag in publisher.tags if seconds and tag.startswith(TURN_TAG)]:
            del publisher.registry.tags[NAME][tag]

    publisher.calls.after["push"] = overtake
    if ending == "the other run failed":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ecr_tasks.execute.turns.time.sleep", give_up)
            publisher.run()
    else:
        publisher.run()
        assert len(quick) > 1
    assert publisher.tags == all_tags_at(publisher.built_image.digest)
    assert len(publisher.calls.named("push")) == 2


def test_tags_that_killed_runs_have_left_are_removed_by_the_next_upload() -> None:
    publisher = Publisher()
    publisher.registry.put(NAME, OTHER_COMMIT, f"{TURN_TAG}killed")
    publisher.registry.put(NAME, OTHER_COMMIT, f"{TURN_TAG}other")
    publisher.docker.left_names = [
        "ecr-tasks-build:1",
        f"{HOST}/{NAME}:{TURN_TAG}killed",
        f"{HOST}/{NAME}2:{TURN_TAG}other",
    ]
    publisher.run()
    assert [tag for tag in publisher.tags if tag.startswith(TURN_TAG)] == [f"{TURN_TAG}other"]


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("variant", ["containerd's store", "classic store", "kept by the builder"])
def test_two_commits_that_set_one_version_at_the_same_moment_never_move_it(
    ahead: bool, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have set their own commit's tag, looked, and found no version."""
    publisher = Publisher(ahead=ahead, **VARIANTS[variant])  # type: ignore[arg-type]
    before = publisher.tags
    history: list[str | None] = []

    def other_run(seconds: float) -> None:
        turns = [tag for tag in publisher.tags if tag.startswith(TURN_TAG)]
        if SHA_TAG not in publisher.tags:
            return
        if not seconds:  # it has looked, too, and sets the tag of the turn after us
            publisher.registry.put(NAME, OTHER_COMMIT, *turns)
        else:
            history.append(publisher.tags.get("1.2.3"))
            publisher.registry.put(NAME, OTHER_COMMIT, "1.2.3")

    monkeypatch.setattr("ecr_tasks.execute.turns.time.sleep", other_run)
    with pytest.raises(Refused) as error:
        publisher.run()
    assert OTHER_COMMIT.digest in error.value.cause
    assert history == [None]
    assert publisher.tags["1.2.3"] == OTHER_COMMIT.digest
    assert {tag: publisher.tags[tag] for tag in before} == before, "no moving tag is on the refused image"
