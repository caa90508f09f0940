"""More registries: one copy for all of them, each on its own, and a second run that does only what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, ExitCode, Refused, RegistryError
from ecr_tasks.execute.destinations import copy_to_destinations
from ecr_tasks.execute.wait_for_replication import GRACE_SECONDS, REPLICATION_SECONDS
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.receipt import FailedCopy, Published
from ecr_tasks.plan.destinations import PlannedCopy, combined_error, plan_copy
from ecr_tasks.plan.retag import PlannedTag
from tests.support.build import ALL_TAGS, HOST, REVISION_B, SHA_TAG, manifest, repository
from tests.support.fakes import Calls, FakeDocker, FakeRegistry

OURS = manifest("ours")
OLD = manifest("old", REVISION_B)
EU = Destination("210987654321", "eu-west-1", "eu/app")
US = Destination("210987654321", "us-east-1", "us/app")
EVERY_TAG = dict.fromkeys((tag.name for tag in ALL_TAGS), OURS.digest)


class Time:
    """A clock that goes on only while somebody sleeps."""

    passed = 0.0

    @staticmethod
    def wait(seconds: float) -> bool:
        Time.passed += seconds
        return False


RETRIER = Retrier(sleep=Time.wait, clock=lambda: Time.passed)


class Places:
    """Two destinations beside the repository that our image is published in, and what spreading says."""

    def __init__(self, *mutability: Any) -> None:
        here = repository()
        there = [repository(*mutability, name=name) for name in ("eu/app", "us/app")]
        self.registry = FakeRegistry(Calls(), here, *there)
        self.registry.put("team/app", OURS, *EVERY_TAG)
        self.docker = FakeDocker(self.registry)
        self.calls = self.registry.calls
        self.said: list[str] = []
        self.warned: list[str] = []
        self.replicates = False
        Time.passed = 0.0

    def planned(self, where: Destination) -> PlannedCopy:
        """What a new look gives."""
        name = where.repository or "team/app"
        view = self.registry.describe({name: list(EVERY_TAG)})[name]
        return plan_copy(where, name, ALL_TAGS, view, OURS, replicates=self.replicates)

    def spread(self, *wheres: Destination, state: Any = "pushed") -> list[Published | FailedCopy]:
        """Brings the image to each."""
        done = Published("team/app", HOST, "team/app", OURS.digest, tuple(EVERY_TAG), state, OURS)
        copies = [self.planned(where) for where in wheres]
        self.calls.made.clear()
        targets = dict.fromkeys(wheres, self.registry)
        return copy_to_destinations(
            *(done, repository(), copies, self.registry, targets, self.docker),
            say=self.said.append,
            warn=self.warned.append,
            retrier=RETRIER,
            now=lambda: Time.passed,
        )

    def named(self, *names: str) -> list[tuple[str, ...]]:
        return self.calls.named(*names)


def uri(where: Destination) -> str:
    return f"{HOST}/{where.repository}@{OURS.digest}"


def test_one_copy_brings_it_everywhere_and_then_the_tags_are_set_fixed_ones_first() -> None:
    places = Places()
    results = places.spread(EU, US)
    assert places.named("copy") == [("copy", f"{HOST}/team/app@{OURS.digest}", uri(EU), uri(US))]
    for name in ("eu/app", "us/app"):
        order = [call[0] for call in places.calls.made if call[1] in (name, f"{HOST}/team/app@{OURS.digest}")]
        assert order.index("copy") < order.index("present") < order.index("set_tag")
        tagged = [call[2] for call in places.named("set_tag") if call[1] == name]
        assert tagged == [SHA_TAG, "1.2.3", "main", "latest"]
        assert places.registry.tags[name] == EVERY_TAG
    assert [(done.repository, done.state, done.transport) for done in results if isinstance(done, Published)] == [
        ("eu/app", "pushed", "copy"),
        ("us/app", "pushed", "copy"),
    ]


def test_a_second_run_has_nothing_to_do_and_asks_nothing() -> None:
    places = Places()
    places.spread(EU, US)
    again = places.spread(EU, US, state="already-published")
    assert places.calls.made == []
    assert [done.state for done in again if isinstance(done, Published)] == ["already-published"] * 2


def test_missing_and_moved_tags_are_set_without_a_copy() -> None:
    places = Places()
    places.spread(EU)
    places.registry.put("eu/app", OLD, "main")
    del places.registry.tags["eu/app"]["1.2.3"]
    (done,) = places.spread(EU, state="already-published")
    assert [call[2] for call in places.calls.made] == ["1.2.3", "main"]
    assert isinstance(done, Published)
    assert (done.state, done.transport) == ("retagged", None)


def test_an_image_that_is_present_for_another_commit_is_not_copied_again() -> None:
    """As ECR_SKIP=content leaves it: the same image, and a commit's tag that is new."""
    places = Places("IMMUTABLE")
    places.registry.put("eu/app", OURS, "main")
    (done,) = places.spread(EU)
    assert isinstance(done, Published)
    assert (done.state, done.transport) == ("retagged", None)
    assert places.registry.tags["eu/app"] == EVERY_TAG
    assert places.named("copy", "authorize") == []


def test_a_tag_that_stays_on_another_image_is_no_sign_of_this_one() -> None:
    copy = PlannedCopy(EU, "eu/app", None, (PlannedTag(ALL_TAGS[-1], "present", OLD.digest, stays=True),))
    assert not copy.is_present


def test_one_that_fails_leaves_the_others_done_and_the_next_run_does_only_that() -> None:
    places = Places()
    places.docker.unreachable.add(uri(EU))
    failed, done = places.spread(EU, US)
    assert isinstance(failed, FailedCopy)
    assert isinstance(done, Published)
    assert places.registry.tags["us/app"] == EVERY_TAG
    assert places.registry.tags["eu/app"] == {}
    places.docker.unreachable.clear()
    places.spread(EU, US, state="already-published")
    assert places.named("copy") == [("copy", f"{HOST}/team/app@{OURS.digest}", uri(EU))]
    assert places.registry.tags["eu/app"] == EVERY_TAG


def test_a_tag_that_is_another_image_there_is_refused_with_both_digests_before_a_byte_goes() -> None:
    places = Places()
    places.registry.put("eu/app", OLD, "1.2.3")
    failed, done = places.spread(EU, US)
    assert isinstance(failed, FailedCopy)
    assert isinstance(failed.error, Refused)
    for words in (OLD.digest, OURS.digest, REVISION_B, "1.2.3 there"):
        assert words in failed.error.cause
    assert places.named("copy") == [("copy", f"{HOST}/team/app@{OURS.digest}", uri(US))]
    assert OURS.digest not in places.registry.held["eu/app"]
    assert isinstance(done, Published)


def test_a_locked_moving_tag_is_refused_as_well() -> None:
    places = Places("IMMUTABLE")
    places.registry.put("eu/app", OLD, "latest")
    (failed,) = places.spread(EU)
    assert isinstance(failed, FailedCopy)
    assert "immutable" in failed.error.cause
    assert places.registry.tags["eu/app"] == {"latest": OLD.digest}


@pytest.mark.parametrize("late", [False, True])
def test_a_fault_at_any_call_moves_no_tag_too_early_and_another_run_finishes(late: bool) -> None:
    places = Places()
    places.spread(EU, US)
    count = len(places.calls.made)
    assert count > 10
    for step in range(count):
        places = Places()
        copies = [places.planned(where) for where in (EU, US)]
        places.calls.made.clear()
        places.calls.fail_at, places.calls.late = step, late
        done = Published("team/app", HOST, "team/app", OURS.digest, tuple(EVERY_TAG), "pushed", OURS)
        targets = dict.fromkeys((EU, US), places.registry)
        results = copy_to_destinations(
            *(done, repository(), copies, places.registry, targets, places.docker),
            say=places.said.append,
            warn=places.warned.append,
            retrier=RETRIER,
            now=lambda: Time.passed,
        )
        assert any(isinstance(result, FailedCopy) for result in results)
        for name in ("eu/app", "us/app"):
            tags, held = places.registry.tags[name], places.registry.held[name]
            assert all(digest in held for digest in tags.values())
            assert not ({"main", "latest"} & set(tags)) or {SHA_TAG, "1.2.3"} <= set(tags)
        places.calls.fail_at = None
        places.spread(EU, US, state="already-published")
        assert places.registry.tags["eu/app"] == places.registry.tags["us/app"] == EVERY_TAG


def replicating(*statuses: str | None, state: str = "pushed") -> tuple[Places, Published | FailedCopy]:
    """What becomes of a destination that ECR replicates to, and says these one after the other."""
    places = Places()
    places.replicates = True
    where = (EU.account, EU.region)
    places.registry.replications = [{where: status} if status else {} for status in statuses]
    if "COMPLETE" in statuses:
        places.registry.put("eu/app", OURS, SHA_TAG)
        copy = replace(places.planned(EU), tags=())
        assert not copy.is_present
    arrived = places.registry.tags["eu/app"].copy()
    places.registry.tags["eu/app"].clear()
    places.calls.after["replication"] = lambda: places.registry.tags["eu/app"].update(arrived)
    (result,) = places.spread(EU, state=state)
    return places, result


def test_what_ecr_replicates_is_waited_for_and_not_copied() -> None:
    places, done = replicating("IN_PROGRESS", "IN_PROGRESS", "COMPLETE")
    assert isinstance(done, Published)
    assert (done.state, done.transport) == ("pushed", "replication")
    assert places.named("copy") == []
    assert len(places.named("replication")) == 3
    assert places.registry.tags["eu/app"] == EVERY_TAG
    assert any("waiting" in line for line in places.said)


def test_a_replication_that_fails_is_made_up_for_by_a_copy() -> None:
    places, done = replicating("IN_PROGRESS", "FAILED")
    assert isinstance(done, Published)
    assert done.transport == "copy"
    assert len(places.named("copy")) == 1
    assert places.registry.tags["eu/app"] == EVERY_TAG
    assert "failed" in places.warned[0]


def test_what_was_pushed_before_there_was_a_rule_is_copied_at_once() -> None:
    places, done = replicating(state="already-published")
    assert isinstance(done, Published)
    assert (done.transport, Time.passed) == ("copy", 0)
    assert len(places.named("replication")) == 1


def test_a_replication_that_ecr_never_speaks_of_is_given_a_moment_after_a_push() -> None:
    _, done = replicating()
    assert isinstance(done, Published)
    assert done.transport == "copy"
    assert GRACE_SECONDS <= Time.passed < 2 * GRACE_SECONDS


def test_a_replication_that_never_ends_is_copied_in_the_end() -> None:
    places, done = replicating(*["IN_PROGRESS"] * 1000)
    assert isinstance(done, Published)
    assert done.transport == "copy"
    assert REPLICATION_SECONDS <= Time.passed < REPLICATION_SECONDS + 20
    assert "in 60" in places.warned[0]


def test_the_error_of_a_run_names_every_place_and_keeps_a_common_exit_code() -> None:
    denied = AwsError("AWS does not allow this.", "Ask for it.")
    gone = RegistryError("It is gone.", "Create it.")
    assert combined_error({"a": denied, "b": denied}).code is ExitCode.AWS
    both = combined_error({"place-a": denied, "place-b": gone})
    assert both.code is ExitCode.REGISTRY
    for words in ("place-a", "place-b", denied.cause, gone.cause):
        assert words in both.cause
    assert both.remedy == "Ask for it. Create it. A second run does only that."
    assert combined_error({"a": denied, "b": denied}).remedy == "Ask for it. A second run does only that."
