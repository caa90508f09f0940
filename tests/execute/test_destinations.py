"""Tests of execute/destinations: one copy for all destinations, the tags, failures, and replication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, ExitCode, Interrupted, Refused, RegistryError, SettingsError
from ecr_tasks.execute.copy import Place, copy_manifests
from ecr_tasks.execute.destinations import copy_to_destinations
from ecr_tasks.execute.set_tags import Newer, any_order
from ecr_tasks.execute.wait_for_replication import GRACE_SECONDS, REPLICATION_SECONDS
from ecr_tasks.model.destination import OWN, Destination, Identity
from ecr_tasks.model.receipt import FailedCopy, Published
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.destinations import (
    PlannedCopy,
    check_destinations,
    combined_error,
    plan_copy,
    unique_destinations,
    with_identity,
)
from ecr_tasks.plan.tag_states import PlannedTag
from tests.support.build import ALL_TAGS, BRANCH, FIXED, HOST, REVISION_B, SHA_TAG, manifest, repository
from tests.support.fakes import Calls, FakeDocker, FakeRegistry

IMAGE = manifest("ours")
OLD_IMAGE = manifest("old", REVISION_B)
EU = Destination("210987654321", "eu-west-1", "eu/app")
US = Destination("210987654321", "us-east-1", "us/app")
EVERY_TAG = dict.fromkeys((tag.name for tag in ALL_TAGS), IMAGE.digest)


class FakeClock:
    """A clock whose time passes only in ``wait``."""

    now = 0.0

    @staticmethod
    def wait(seconds: float) -> bool:
        FakeClock.now += seconds
        return False


RETRIER = Retrier(sleep=FakeClock.wait, clock=lambda: FakeClock.now)


class Destinations:
    """Two destinations for an image that is published in a source repository, and the lines that copying prints."""

    def __init__(self, *mutability: Any) -> None:
        source = repository()
        targets = [repository(*mutability, name=name) for name in ("eu/app", "us/app")]
        self.registry = FakeRegistry(Calls(), source, *targets)
        self.registry.put("team/app", IMAGE, *EVERY_TAG)
        self.docker = FakeDocker(self.registry)
        self.calls = self.registry.calls
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.replicates = False
        self.image_tags: Sequence[Tag] = ALL_TAGS
        FakeClock.now = 0.0

    def plan(self, destination: Destination) -> PlannedCopy:
        """Return the planned copy for the current state of the registry."""
        name = destination.repository or "team/app"
        view = self.registry.describe({name: list(EVERY_TAG)})[name]
        return plan_copy(destination, name, self.image_tags, view, IMAGE, replicates=self.replicates)

    def copy_to(
        self, *targets: Destination, state: Any = "pushed", newer: Newer = any_order
    ) -> list[Published | FailedCopy]:
        """Copy the image to these destinations."""
        published = Published("team/app", HOST, "team/app", IMAGE.digest, tuple(EVERY_TAG), state, IMAGE)
        copies = [self.plan(destination) for destination in targets]
        self.calls.log.clear()
        clients = dict.fromkeys(targets, self.registry)
        return copy_to_destinations(
            *(published, repository(), copies, self.registry, clients, self.docker),
            say=self.lines.append,
            warn=self.warnings.append,
            retrier=RETRIER,
            now=lambda: FakeClock.now,
            newer=newer,
        )

    def named(self, *names: str) -> list[tuple[str, ...]]:
        """Return the calls with these names, in order."""
        return self.calls.named(*names)


def uri(destination: Destination) -> str:
    """Return the reference of the image in a destination."""
    return f"{HOST}/{destination.repository}@{IMAGE.digest}"


def test_one_copy_goes_to_all_destinations_and_then_the_fixed_tags_are_set_first() -> None:
    destinations = Destinations()
    results = destinations.copy_to(EU, US)
    assert destinations.named("copy") == [("copy", f"{HOST}/team/app@{IMAGE.digest}", uri(EU), uri(US))]
    for name in ("eu/app", "us/app"):
        order = [call[0] for call in destinations.calls.log if call[1] in (name, f"{HOST}/team/app@{IMAGE.digest}")]
        assert order.index("copy") < order.index("existing_digests") < order.index("set_tag")
        tagged = [call[2] for call in destinations.named("set_tag") if call[1] == name]
        tagged = [tag for tag in tagged if not tag.startswith("ecr-tasks-upload-")]
        assert tagged == [SHA_TAG, "1.2.3", "main", "latest"]
        assert destinations.registry.tags[name] == EVERY_TAG
    assert [
        (published.repository, published.state, published.transport)
        for published in results
        if isinstance(published, Published)
    ] == [
        ("eu/app", "pushed", "copy"),
        ("us/app", "pushed", "copy"),
    ]


def test_a_tag_that_stays_at_a_destination_is_told_with_its_place() -> None:
    destinations = Destinations()
    destinations.image_tags = [FIXED, replace(BRANCH, forward="branch")]
    for name in ("eu/app", "us/app"):
        destinations.registry.put(name, OLD_IMAGE, "main")
    destinations.copy_to(EU, US, newer=lambda tag, current, read: f"{tag.name} stays")
    assert sorted(destinations.warnings) == [f"{HOST}/{name}: main stays." for name in ("eu/app", "us/app")]


def test_an_interruption_is_no_error_of_a_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    destinations = Destinations()

    def end(*values: object) -> None:
        raise Interrupted("Interrupted.", "Run it again.")

    monkeypatch.setattr(destinations.registry, "set_tag", end)
    with pytest.raises(Interrupted):
        destinations.copy_to(EU, US)
    assert destinations.warnings == []


def test_a_second_run_makes_no_call() -> None:
    destinations = Destinations()
    destinations.copy_to(EU, US)
    second = destinations.copy_to(EU, US, state="already-published")
    assert destinations.calls.log == []
    assert [published.state for published in second if isinstance(published, Published)] == ["already-published"] * 2


def test_missing_and_moved_tags_are_set_without_a_copy() -> None:
    destinations = Destinations()
    destinations.copy_to(EU)
    destinations.registry.put("eu/app", OLD_IMAGE, "main")
    del destinations.registry.tags["eu/app"]["1.2.3"]
    (published,) = destinations.copy_to(EU, state="already-published")
    assert destinations.named("copy") == []
    assert destinations.calls.tags_set == ["1.2.3", "main"]
    assert isinstance(published, Published)
    assert (published.state, published.transport) == ("retagged", None)


def test_an_image_that_another_commit_copied_is_not_copied_again() -> None:
    """With ECR_SKIP=content a new commit can have the same image, whose new tags are set."""
    destinations = Destinations("IMMUTABLE")
    destinations.registry.put("eu/app", IMAGE, "main")
    (published,) = destinations.copy_to(EU)
    assert isinstance(published, Published)
    assert (published.state, published.transport) == ("retagged", None)
    assert destinations.registry.tags["eu/app"] == EVERY_TAG
    assert destinations.named("copy", "authorize") == []


def test_a_tag_that_stays_on_another_image_does_not_make_this_image_present() -> None:
    copy = PlannedCopy(EU, "eu/app", None, (PlannedTag(ALL_TAGS[-1], "stays", OLD_IMAGE.digest),))
    assert not copy.is_present


def test_a_failed_destination_does_not_stop_the_others_and_is_the_only_one_in_the_next_run() -> None:
    destinations = Destinations()
    destinations.docker.unreachable.add(uri(EU))
    failed, published = destinations.copy_to(EU, US)
    assert isinstance(failed, FailedCopy)
    assert isinstance(published, Published)
    assert destinations.registry.tags["us/app"] == EVERY_TAG
    assert destinations.registry.tags["eu/app"] == {}
    destinations.docker.unreachable.clear()
    destinations.copy_to(EU, US, state="already-published")
    assert destinations.named("copy") == [("copy", f"{HOST}/team/app@{IMAGE.digest}", uri(EU))]
    assert destinations.registry.tags["eu/app"] == EVERY_TAG


def test_a_fixed_tag_on_another_image_is_refused_with_both_digests_before_the_copy() -> None:
    destinations = Destinations()
    destinations.registry.put("eu/app", OLD_IMAGE, "1.2.3")
    failed, published = destinations.copy_to(EU, US)
    assert isinstance(failed, FailedCopy)
    assert isinstance(failed.error, Refused)
    for words in (OLD_IMAGE.digest, IMAGE.digest, REVISION_B, "1.2.3 there"):
        assert words in failed.error.cause
    assert destinations.named("copy") == [("copy", f"{HOST}/team/app@{IMAGE.digest}", uri(US))]
    assert IMAGE.digest not in destinations.registry.stored["eu/app"]
    assert isinstance(published, Published)


def test_a_locked_moving_tag_is_refused() -> None:
    destinations = Destinations("IMMUTABLE")
    destinations.registry.put("eu/app", OLD_IMAGE, "latest")
    (failed,) = destinations.copy_to(EU)
    assert isinstance(failed, FailedCopy)
    assert "immutable" in failed.error.cause
    assert destinations.registry.tags["eu/app"] == {"latest": OLD_IMAGE.digest}


@pytest.mark.parametrize("late", [False, True])
def test_a_failure_at_any_call_moves_no_tag_too_early_and_a_second_run_finishes(late: bool) -> None:
    destinations = Destinations()
    destinations.copy_to(EU, US)
    count = len(destinations.calls.log)
    assert count > 10
    for step in range(count):
        destinations = Destinations()
        copies = [destinations.plan(destination) for destination in (EU, US)]
        destinations.calls.log.clear()
        destinations.calls.fail_at, destinations.calls.late = step, late
        published = Published("team/app", HOST, "team/app", IMAGE.digest, tuple(EVERY_TAG), "pushed", IMAGE)
        clients = dict.fromkeys((EU, US), destinations.registry)
        results = copy_to_destinations(
            *(published, repository(), copies, destinations.registry, clients, destinations.docker),
            say=destinations.lines.append,
            warn=destinations.warnings.append,
            retrier=RETRIER,
            now=lambda: FakeClock.now,
        )
        left = ["is not removed: The network is gone." in word for word in destinations.warnings]
        is_done = all(destinations.registry.tags[name] == EVERY_TAG for name in ("eu/app", "us/app"))
        # What is asked ahead and fails is asked again.
        assert is_done or any(left) or any(isinstance(result, FailedCopy) for result in results)
        for name in ("eu/app", "us/app"):
            tags, stored = destinations.registry.tags[name], destinations.registry.stored[name]
            assert all(digest in stored for digest in tags.values())
            assert not ({"main", "latest"} & set(tags)) or {SHA_TAG, "1.2.3"} <= set(tags)
        destinations.calls.fail_at = None
        destinations.copy_to(EU, US, state="already-published")
        for name in ("eu/app", "us/app"):
            tags = destinations.registry.tags[name]
            upload_tags = [tag for tag in tags if tag.startswith("ecr-tasks-upload-")]
            assert bool(upload_tags) <= any(left)
            assert {tag: digest for tag, digest in tags.items() if tag not in upload_tags} == EVERY_TAG


def copy_with_replication(
    *statuses: str | None, state: str = "pushed"
) -> tuple[Destinations, Published | FailedCopy]:
    """Publish to a destination that ECR replicates to, while ECR gives these statuses one after the other."""
    destinations = Destinations()
    destinations.replicates = True
    destination = (EU.account, EU.region)
    destinations.registry.replications = [{destination: status} if status else {} for status in statuses]
    if "COMPLETE" in statuses:
        destinations.registry.put("eu/app", IMAGE, SHA_TAG)
        copy = replace(destinations.plan(EU), tags=())
        assert not copy.is_present
    replicated_tags = destinations.registry.tags["eu/app"].copy()
    destinations.registry.tags["eu/app"].clear()
    destinations.calls.after["replication"] = lambda: destinations.registry.tags["eu/app"].update(replicated_tags)
    (result,) = destinations.copy_to(EU, state=state)
    return destinations, result


def test_an_image_that_ecr_replicates_is_not_copied() -> None:
    destinations, published = copy_with_replication("IN_PROGRESS", "IN_PROGRESS", "COMPLETE")
    assert isinstance(published, Published)
    assert (published.state, published.transport) == ("pushed", "replication")
    assert destinations.named("copy") == []
    assert len(destinations.named("replication")) == 3
    assert destinations.registry.tags["eu/app"] == EVERY_TAG
    assert any("waiting" in line for line in destinations.lines)


def test_an_image_whose_replication_fails_is_copied() -> None:
    destinations, published = copy_with_replication("IN_PROGRESS", "FAILED")
    assert isinstance(published, Published)
    assert published.transport == "copy"
    assert len(destinations.named("copy")) == 1
    assert destinations.registry.tags["eu/app"] == EVERY_TAG
    assert "failed" in destinations.warnings[0]


def test_an_image_that_was_published_before_is_copied_without_waiting_for_replication() -> None:
    destinations, published = copy_with_replication(state="already-published")
    assert isinstance(published, Published)
    assert (published.transport, FakeClock.now) == ("copy", 0)
    assert len(destinations.named("replication")) == 1


def test_a_replication_without_a_status_is_waited_for_during_the_grace_period() -> None:
    _, published = copy_with_replication()
    assert isinstance(published, Published)
    assert published.transport == "copy"
    assert GRACE_SECONDS <= FakeClock.now < 2 * GRACE_SECONDS


def test_a_replication_that_never_ends_is_replaced_by_a_copy() -> None:
    destinations, published = copy_with_replication(*["IN_PROGRESS"] * 1000)
    assert isinstance(published, Published)
    assert published.transport == "copy"
    assert REPLICATION_SECONDS <= FakeClock.now < REPLICATION_SECONDS + 20
    assert "in 60" in destinations.warnings[0]


def test_the_error_of_a_run_names_every_destination_and_keeps_a_common_exit_code() -> None:
    denied = AwsError("AWS does not allow this.", "Ask for it.")
    missing = RegistryError("It is gone.", "Create it.")
    assert combined_error({"a": denied, "b": denied}).code is ExitCode.AWS
    combined = combined_error({"registry-a": denied, "registry-b": missing})
    assert combined.code is ExitCode.REGISTRY
    for words in ("registry-a", "registry-b", denied.cause, missing.cause):
        assert words in combined.cause
    assert combined.remedy == "Ask for it. Create it. A second run does only that."
    assert combined_error({"a": denied, "b": denied}).remedy == "Ask for it. A second run does only that."


@pytest.mark.parametrize(
    ("name", "taken"),
    [("team/app", True), ("a.b-c_d", True), ("a__b", False), ("a--b", False), ("team/" + "a" * 205, False)],
)
def test_a_name_that_ecr_public_does_not_take_is_refused_before_any_call(name: str, taken: bool) -> None:
    public, private = Destination("", "us-east-1", None, "team"), Destination("210987654321", "eu-west-1")
    check_destinations([private], [name])
    for destinations, names in (([public], [name]), ([replace(public, repository=name)], ["team/app"])):
        if taken:
            check_destinations(destinations, names)
        else:
            with pytest.raises(SettingsError, match="ECR Public takes no repository"):
                check_destinations(destinations, names)


ROLE, OTHER_ROLE = Identity("arn:aws:iam::210987654321:role/a"), Identity("arn:aws:iam::210987654321:role/b")


class IdentityRegistry(FakeRegistry):
    """A registry that gives the token of an identity."""

    def __init__(self, registry: FakeRegistry, identity: Identity) -> None:
        self.__dict__.update(registry.__dict__)
        self.identity = identity

    def token(self, region: str | None = None) -> RegistryToken:
        return RegistryToken(HOST, str(self.identity), "x")


@pytest.mark.parametrize(
    ("identities", "logins"),
    [
        # Each group's login is made before its copy; the source's own is there again at the end.
        ([OWN, OWN], [[OWN, OWN]]),
        ([ROLE, ROLE], [[ROLE, ROLE]]),
        ([ROLE, OTHER_ROLE], [[ROLE], [OTHER_ROLE]]),
        ([ROLE, OWN], [[ROLE], [OWN]]),
        ([OWN, ROLE, OWN, ROLE], [[OWN, OWN], [ROLE, ROLE]]),
    ],
)
def test_two_identities_on_one_host_are_never_in_one_copy(
    identities: list[Identity], logins: list[list[Identity]]
) -> None:
    destinations = Destinations()
    registry = IdentityRegistry(destinations.registry, OWN)
    names = [f"eu/app{number}" for number in range(len(identities))]
    places = {
        name: Place(IdentityRegistry(registry, identity), repository(name=name), identity=identity)
        for name, identity in zip(names, identities, strict=True)
    }
    for name in names:
        registry.stored[name], registry.tags[name] = {}, {}
    users: list[list[str]] = []
    copy = destinations.docker.copy

    def watched(source: str, targets: Any) -> Any:
        users.append([destinations.docker.authorized[-1].username] * len(targets))
        return copy(source, targets)

    destinations.docker.copy = watched  # type: ignore[method-assign]
    assert copy_manifests({IMAGE.digest: 1}, repository(), registry, places, destinations.docker) == {}
    assert users == [[str(identity) for identity in group] for group in logins]
    assert destinations.docker.authorized[-1].username == str(OWN)
    assert all(IMAGE.digest in registry.stored[name] for name in names)


def test_one_place_for_two_identities_is_refused_and_for_one_counts_once() -> None:
    named, plain = replace(EU, identity=ROLE), replace(EU, repository=None, identity=ROLE)
    check_destinations([named, plain], ["eu/app"])
    assert unique_destinations([named, plain], "eu/app") == (named,)
    with pytest.raises(SettingsError, match=r"twice, for the role .*/a and for the settings' own credentials"):
        check_destinations([named, replace(plain, identity=OWN)], ["eu/app"])
    check_destinations([named, replace(US, identity=OTHER_ROLE)], ["eu/app"])


def test_the_identity_of_a_registry_that_is_named_elsewhere() -> None:
    there, other = replace(EU, repository=None), replace(US, identity=OTHER_ROLE)
    known = [replace(EU, identity=ROLE), other]
    assert with_identity(there, known).identity == ROLE
    assert with_identity(replace(there, identity=OTHER_ROLE), known).identity == OTHER_ROLE
    assert with_identity(replace(there, region="eu-west-2"), known).identity is OWN
    two = [replace(EU, identity=ROLE), replace(EU, repository="x", identity=OTHER_ROLE)]
    assert with_identity(replace(there, repository="x"), two).identity == OTHER_ROLE
    with pytest.raises(SettingsError, match="several identities"):
        with_identity(there, two)
