"""A build that begins before the plan: what is needed is taken and named, what isn't leaves nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.execute import build_ahead
from ecr_tasks.execute.build_ahead import BuildAhead
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.model.ports import BuildResult
from ecr_tasks.terminal.held_output import Discarded
from tests.support.fakes.docker import FakeDocker
from tests.support.fakes.registry import FakeRegistry

UNNAMED = BuildInput("app", BuildDefinition(".", args={"VERSION": "1"}), ())
NAMED = replace(UNNAMED, references=("team/app:main", "host/team/app:1.2.3"))


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker(FakeRegistry())


def test_a_build_that_is_needed_is_the_one_that_has_begun(docker: FakeDocker) -> None:
    ahead = BuildAhead([UNNAMED], docker, None)
    assert docker.builds == 0
    results = ahead.build([NAMED], None)
    ahead.all_named()
    assert docker.builds == 1
    assert docker.inputs == [UNNAMED]
    assert ahead.seconds is not None
    assert {docker.id_of(docker.store[name]) for name in NAMED.references} == {results["app"].image_id}


@pytest.mark.parametrize(
    ("needed", "builder"),
    [
        (replace(NAMED, definition=BuildDefinition(".", args={"VERSION": "2"})), None),
        (replace(NAMED, provenance=True), None),
        (replace(NAMED, keep="builder"), None),
        (NAMED, "other"),
    ],
)
def test_what_has_begun_is_not_taken_for_another_build(
    docker: FakeDocker, needed: BuildInput, builder: str | None
) -> None:
    ahead = BuildAhead([UNNAMED], docker, None)
    ahead.build([needed], builder)
    assert docker.inputs == [needed]
    assert ahead.seconds is None


def test_a_build_that_nobody_needs_is_ended(docker: FakeDocker) -> None:
    ahead = BuildAhead([UNNAMED], docker, None)
    ahead.discard()
    ahead.discard()
    assert docker.builds == 0
    assert docker.store == {}


def test_a_build_that_is_asked_for_once_more_begins_anew(docker: FakeDocker) -> None:
    docker.build_error = BuildError("The builder lost it.", "Run it again.")
    ahead = BuildAhead([UNNAMED], docker, None)
    with pytest.raises(BuildError):
        ahead.build([NAMED], None)
    docker.build_error = None
    assert set(ahead.build([NAMED], None)) == {"app"}
    assert docker.inputs == [NAMED]


def test_the_end_waits_for_names_that_are_under_way(docker: FakeDocker) -> None:
    class Slow(FakeDocker):
        def tag(self, source: str, target: str) -> None:
            time.sleep(0.2)
            super().tag(source, target)

    slow = Slow(FakeRegistry())
    ahead = BuildAhead([UNNAMED], slow, None)
    ahead.build([NAMED], None)
    ahead.discard()
    assert set(NAMED.references) <= slow.store.keys()


def test_a_first_name_that_cannot_be_given_keeps_no_other_from_the_image() -> None:
    class Refusing(FakeDocker):
        def tag(self, source: str, target: str) -> None:
            if target == NAMED.references[0]:
                raise BuildError("docker could not tag it.", "Start it.")
            super().tag(source, target)

    refusing = Refusing(FakeRegistry())
    ahead = BuildAhead([UNNAMED], refusing, None)
    ahead.build([NAMED], None)
    with pytest.raises(BuildError):
        ahead.named()
    ahead.all_named()
    assert {*NAMED.references[1:]} <= refusing.store.keys()


def test_what_begins_a_build_goes_on_when_its_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    class Slow(FakeDocker):
        def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
            time.sleep(0.2)
            begun.append(True)
            return super().build(inputs, builder)

    monkeypatch.setattr(build_ahead, "BEGIN_SECONDS", 30)
    ahead = BuildAhead([UNNAMED], Slow(FakeRegistry()), None)
    assert begun == [True]
    ahead.discard()


def test_the_end_waits_for_the_build(docker: FakeDocker) -> None:
    ended = []

    class Slow(FakeDocker):
        def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
            try:
                return super().build(inputs, builder)
            except Discarded:
                ended.append(True)
                raise

    BuildAhead([UNNAMED], Slow(FakeRegistry()), None).discard()
    assert ended == [True]
