"""What is attached to a pushed image: before its other tags are set, once, and only what is about that image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from ecr_tasks.errors import BuildError, EcrTasksError, RegistryError
from ecr_tasks.execute.attestations import copy_attached, list_attached, make_sboms
from ecr_tasks.execute.earlier_builds import build_key, reuse_earlier_builds
from ecr_tasks.execute.push import publish
from ecr_tasks.model.attestation import Attached, MadeDocument, Wanted
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.receipt import Published
from ecr_tasks.plan.snapshot import FRESH_SECONDS
from tests.support.build import index, manifest, repository
from tests.support.fakes import FakeRegistry
from tests.support.fakes.docker import SBOM
from tests.support.publishing import NAME, VARIANTS, Publisher

BOTH = ("type=provenance", "type=sbom")


class Attesting(Publisher):
    """A publisher of an image with provenance and an SBOM to attach."""

    referrers: Sequence[str] = BOTH

    def _build(self) -> Any:
        self.image = replace(self.image, referrers=tuple(self.referrers))
        return super()._build()

    def wanted(self) -> Wanted:
        sboms = make_sboms(self.image, self.built, self.docker, None, in_engine=True)
        clock = count(step=5)
        kinds, documents = self.image.referrer_kinds, (*self.built.provenance, *sboms)
        return Wanted(kinds, documents, sleep=lambda seconds: None, clock=lambda: next(clock))

    def publish(self, item: Any) -> Published:
        built = self.built if item.build_needed else None
        wanted = self.wanted() if built else replace(self.wanted(), documents=())
        self.calls.log.clear()
        return publish(
            item,
            built,
            self.docker,
            self.registry,
            warn=self.warnings.append,
            age=0 if built is None else FRESH_SECONDS,
            wanted=wanted,
        )

    @property
    def attached(self) -> dict[str, Any]:
        """The artifacts of the built image by their type."""
        there = self.registry.attached.get((NAME, self.built_image.digest), {})
        return {item.artifact_type: item for item in there.values()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_are_attached_to_the_image_that_is_what_it_is_without(variant: str) -> None:
    options: Any = VARIANTS[variant]
    plain, publisher = Publisher(**options), Attesting(**options)
    published = publisher.run()
    assert published.digest == plain.run().digest == publisher.built_image.digest
    assert [item.kind for item in published.attached] == ["provenance", "sbom"]
    statement = json.loads(publisher.attached["application/vnd.in-toto+json"].documents[0].content)
    assert statement["subject"][0]["digest"]["sha256"] == published.digest.removeprefix("sha256:")
    assert "s3cret-value" not in json.dumps(statement)
    assert json.loads(publisher.attached["application/spdx+json"].documents[0].content) == SBOM
    assert [item["kind"] for item in published.as_json()["attached"]] == ["provenance", "sbom"]


def test_moving_tags_are_set_after_everything_is_attached() -> None:
    publisher = Attesting()
    publisher.run()
    log = publisher.calls.log
    attached = [position for position, call in enumerate(log) if call[0] == "attach"]
    moved = [position for position, call in enumerate(log) if call[0] == "set_tag" and call[2] in ("main", "latest")]
    assert len(attached) == len(moved) == 2
    assert max(attached) < min(moved)


@pytest.mark.parametrize("late", [False, True])
def test_a_run_that_fails_moves_no_tag_and_a_second_one_attaches_what_is_left(late: bool) -> None:
    calls = Attesting()
    calls.run()
    log = [call[0] for call in calls.calls.log]
    for number in [position for position, name in enumerate(log) if name in ("attach", "list_attached")]:
        publisher = Attesting()
        before = {name: publisher.tags[name] for name in ("main", "latest")}
        with pytest.raises(EcrTasksError, match=r"is published as .*but without all that is to be attached"):
            _fail_at(publisher, number, late=late)
        assert {name: publisher.tags[name] for name in before} == before
        missing = not {"application/spdx+json", "application/vnd.in-toto+json"} <= publisher.attached.keys()
        if missing:  # this machine doesn't know what another one has built
            with pytest.raises(RegistryError, match=r"published without .*--republish"):
                publisher.run()
            assert {name: publisher.tags[name] for name in before} == before
        else:
            assert {publisher.run().digest} == {publisher.tags[name] for name in before}


def _fail_at(publisher: Attesting, number: int, *, late: bool) -> None:
    item, wanted = publisher.plan(), publisher.wanted()
    publisher.calls.log.clear()
    publisher.calls.fail_at, publisher.calls.late = number, late
    try:
        publish(item, publisher.built, publisher.docker, publisher.registry, wanted=wanted)
    finally:
        publisher.calls.fail_at = None


def test_the_machine_that_built_it_attaches_what_is_left() -> None:
    publisher = Attesting()
    publisher.run()
    publisher.registry.detach(NAME, publisher.built_image.digest)
    item, made = publisher.plan(), publisher.wanted().documents
    key = build_key(publisher.image.definition, publisher.state)
    earlier = {NAME: replace(publisher.built, key=key)}
    builds = reuse_earlier_builds(
        [item], earlier, publisher.state, lambda: publisher.docker, publisher.warnings.append
    )
    assert not item.build_needed
    for times in (1, 0):  # nothing is made where everything is there
        calls: list[int] = []

        def make() -> tuple[MadeDocument, ...]:
            calls.append(1)  # noqa: B023
            return made

        wanted = Wanted(publisher.image.referrer_kinds, make=make)
        published = publish(item, builds[NAME], publisher.docker, publisher.registry, wanted=wanted)
        assert [item.kind for item in published.attached] == ["provenance", "sbom"]
        assert len(calls) == times


def test_a_second_run_attaches_nothing_again() -> None:
    publisher = Attesting()
    publisher.run()
    there = dict(publisher.registry.attached)
    again = publisher.run()
    assert publisher.registry.attached == there
    assert not publisher.calls.named("attach")
    assert [item.kind for item in again.attached] == ["provenance", "sbom"]


def test_what_another_run_attaches_in_a_moment_is_waited_for() -> None:
    publisher = Attesting()
    publisher.run()
    key = (NAME, publisher.built_image.digest)
    there = publisher.registry.detach(*key)
    item = publisher.plan()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        publisher.registry.attached[key] = there

    wanted = Wanted(publisher.image.referrer_kinds, sleep=sleep)
    published = publish(item, None, publisher.docker, publisher.registry, wanted=wanted)
    assert [item.kind for item in published.attached] == ["provenance", "sbom"]
    assert len(waits) == 1


def test_an_sbom_of_another_image_is_not_attached() -> None:
    publisher = Attesting()
    publisher.docker.sbom_of = manifest("built anew, otherwise")
    with pytest.raises(RegistryError, match=r"SBOM that the builder made .* is about another image"):
        publisher.run()
    assert [*publisher.attached] == ["application/vnd.in-toto+json"]
    assert publisher.tags["main"] != publisher.built_image.digest


def test_each_sbom_of_a_build_is_attached_once() -> None:
    """A Dockerfile's BUILDKIT_SBOM_SCAN_STAGE has a stage scanned apart."""
    publisher = Attesting()
    publisher.docker.sboms = [SBOM, {**SBOM, "name": "a stage"}]
    names = ["provenance.json", "sbom.json", "sbom.2.json"]
    assert [item.name for item in publisher.run().attached] == names
    publisher.run()
    assert len(publisher.registry.attached[(NAME, publisher.built_image.digest)]) == len(names)


@pytest.mark.parametrize("predicate", [None, [1, 2], {}, {"spdxVersion": "of ours"}])
def test_what_a_generator_makes_that_is_no_sbom_stops_the_push(predicate: Any) -> None:
    publisher = Attesting()
    publisher.docker.sboms = [predicate]
    with pytest.raises(BuildError, match="made no SBOM"):
        publisher.run()
    assert publisher.attached == {}


def test_each_platform_has_its_own() -> None:
    definition = BuildDefinition("/project", platforms=("linux/amd64", "linux/arm64"))
    publisher = Attesting(keep="builder", definition=definition)
    documents = publisher.wanted().documents
    assert [(item.kind, item.platform) for item in documents] == [
        ("provenance", "linux/amd64"),
        ("provenance", "linux/arm64"),
        ("sbom", "linux/amd64"),
        ("sbom", "linux/arm64"),
    ]
    published = publisher.run()
    assert published.image.is_index
    assert [(item.kind, item.platform) for item in published.attached] == [
        (item.kind, item.platform) for item in documents
    ]


def test_a_builder_that_tells_nothing_is_an_error() -> None:
    publisher = Attesting()
    told = publisher.docker.build
    publisher.docker.build = lambda inputs, builder: {  # type: ignore[method-assign]
        name: replace(result, provenance={}) for name, result in told(inputs, builder).items()
    }
    with pytest.raises(BuildError, match="doesn't tell how it built"):
        publisher._build()


def test_an_sbom_that_a_tidied_builder_has_lost_is_made_once_more() -> None:
    publisher = Attesting()
    publisher.calls.before["built_manifest"] = publisher.docker.blobs.clear
    publisher.docker.builds = 0
    assert [item.kind for item in publisher.wanted().documents] == ["provenance", "sbom"]
    assert publisher.docker.builds == 2
    assert [bool(item.layout) for item in publisher.docker.inputs[-2:]] == [False, True]


def test_a_build_from_before_the_setting_is_built_again_for_its_provenance() -> None:
    publisher = Attesting()
    item = publisher.plan()
    key = build_key(publisher.image.definition, publisher.state)
    earlier = replace(publisher.built, key=key)
    for built, reused in ((earlier, 1), (replace(earlier, provenance=()), 0)):
        found = reuse_earlier_builds(
            [item], {NAME: built}, publisher.state, lambda: publisher.docker, lambda text: None
        )
        assert len(found) == reused


def test_a_copy_has_the_same_documents_once() -> None:
    publisher = Attesting()
    published = publisher.run()
    other = FakeRegistry(None, repository())
    other.put(NAME, published.image)
    for _ in range(2):
        copied = copy_attached(
            published.attached,
            repository(),
            publisher.registry.artifacts,
            repository(),
            other.artifacts,
            published.image,
        )
        assert copied == published.attached
    assert other.attached[(NAME, published.digest)] == publisher.registry.attached[(NAME, published.digest)]
    assert len(other.calls.named("attach")) == 2


def test_what_is_attached_to_a_platform_is_listed_with_its_name() -> None:
    registry = FakeRegistry(None, repository())
    child = manifest("amd64")
    both = index([({"os": "linux", "architecture": "amd64"}, child.digest)])
    for item in (child, both):
        registry.put(NAME, item)
        document = MadeDocument("https://cyclonedx.org/bom", {"bomFormat": "CycloneDX"})
        registry.artifacts.attach(repository(), item, document.artifact(item, "host/app"))
    listed: tuple[Attached, ...] = list_attached(registry.artifacts, repository(), both)
    assert [(item.kind, item.platform, item.subject) for item in listed] == [
        ("sbom", "", both.digest),
        ("sbom", "linux/amd64", child.digest),
    ]
