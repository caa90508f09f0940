"""Where a build reads its base images: in mirrors and pull-through caches, else at their source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.base_places import MIRROR_SECONDS, digests_now, places_of_bases
from ecr_tasks.model.mirror import Mirror

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PYTHON = "docker.io/library/python:3.12"
HUB = Mirror("docker.io", "mirror.example.com/hub")
MIRRORED = "mirror.example.com/hub/library/python:3.12"
LOCKED = f"{MIRRORED}@{A}"
FIXED = f"{PYTHON}@{A}"


class Registries:
    """What registries have, by reference."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.asked: list[str] = []
        self.notes: list[str] = []
        self.seconds: dict[str, float | None] = {}
        """How long each may take to answer."""

    def ask(self, references: Sequence[str], seconds: float | None = None) -> Mapping[str, str | EcrTasksError]:
        self.asked += references
        self.seconds |= dict.fromkeys(references, seconds)
        missing = RegistryError("It is not there.", "Put it there.")
        return {reference: self.digests.get(reference, missing) for reference in references}

    def places(self, references: Sequence[str], *mirrors: Mirror, pull: bool = False) -> dict[str, tuple[str, str]]:
        retrier = Retrier(lambda text: None, 1)
        return places_of_bases(references, mirrors, self.ask, self.notes.append, retrier, pull=pull)


@pytest.fixture
def registries() -> Registries:
    return Registries()


def test_a_locked_base_comes_from_the_first_mirror_that_has_it(registries: Registries) -> None:
    registries.digests[LOCKED] = A
    other = Mirror("docker.io/library", "cache.example.com")
    assert registries.places([FIXED], other, HUB) == {FIXED: (MIRRORED, A)}
    assert registries.asked == [f"cache.example.com/python:3.12@{A}", LOCKED]
    assert "cache.example.com/python:3.12 is not read" in registries.notes[0]


def test_what_no_mirror_has_comes_from_its_source(registries: Registries) -> None:
    assert registries.places([FIXED], HUB) == {FIXED: (PYTHON, A)}
    assert registries.places([PYTHON], HUB) == {}
    assert registries.places(["ghcr.io/team/base:1"], HUB) == {}


def test_a_mirror_that_has_another_image_under_a_digest_is_refused(registries: Registries) -> None:
    registries.digests[LOCKED] = B
    with pytest.raises(Refused, match=rf"has another image, {B}, under the digest {A} of {PYTHON}"):
        registries.places([FIXED], HUB)


def test_pull_takes_what_the_source_has_now_from_the_mirror(registries: Registries) -> None:
    registries.digests |= {PYTHON: B, f"{MIRRORED}@{B}": B}
    assert registries.places([PYTHON], HUB, pull=True) == {PYTHON: (MIRRORED, B)}
    assert registries.places([PYTHON], pull=True) == {PYTHON: (PYTHON, B)}


def test_a_digest_that_one_image_is_fixed_at_is_not_another_ones(registries: Registries) -> None:
    registries.digests[PYTHON] = B
    found = registries.places([FIXED, PYTHON], HUB, pull=True)
    assert found == {FIXED: (PYTHON, A), PYTHON: (PYTHON, B)}
    assert registries.places([FIXED, PYTHON], HUB) == {FIXED: (PYTHON, A)}


def test_without_a_lock_a_mirrors_own_digest_is_built_on(registries: Registries) -> None:
    registries.digests[MIRRORED] = A
    assert registries.places([PYTHON], HUB) == {PYTHON: (MIRRORED, A)}
    assert registries.asked == [MIRRORED]


def test_only_a_mirror_is_waited_for_no_longer_than_a_while(registries: Registries) -> None:
    registries.digests[MIRRORED] = A
    registries.places([PYTHON], HUB, pull=True)
    digests_now([PYTHON], [HUB], registries.ask, registries.notes.append)
    assert registries.seconds == {PYTHON: None, MIRRORED: MIRROR_SECONDS}


def test_a_source_that_cant_be_reached_is_told_by_its_mirror(registries: Registries) -> None:
    registries.digests[MIRRORED] = A
    assert digests_now([PYTHON], [HUB], registries.ask, registries.notes.append) == {PYTHON: A}
    assert MIRRORED in registries.notes[0]
