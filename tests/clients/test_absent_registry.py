"""The registry of a dry run without a local ECR: it has every method of the real one and answers with one error."""

from __future__ import annotations

import inspect

import pytest

from ecr_tasks.clients.absent_registry import AbsentRegistry
from ecr_tasks.clients.ecr.artifacts import EcrArtifacts
from ecr_tasks.clients.ecr.pull_times import PullTimeExclusions
from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.registry_settings import RegistrySettings
from ecr_tasks.clients.ecr.removal import EcrRemoval
from ecr_tasks.clients.ecr.repositories import EcrRepositories
from ecr_tasks.clients.ecr.running import RunningImages
from ecr_tasks.clients.ecr.scans import EcrEvidence
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.ports import Evidence, Registry, Repositories

CLIENTS = {
    *("admin", "artifacts", "evidence", "pull_time_exclusions", "registry_settings"),
    *("removal", "running", "connect", "in_region", "public", "main_public"),
}
KINDS = (
    *(EcrRegistry, EcrArtifacts, EcrRepositories, EcrEvidence, PullTimeExclusions, RegistrySettings),
    *(EcrRemoval, RunningImages),
)
METHODS = sorted({name for kind in KINDS for name in dir(kind) if not name.startswith("_")})


@pytest.mark.parametrize("name", [name for name in METHODS if name not in CLIENTS])
def test_every_question_is_answered_with_the_same_error(name: str) -> None:
    with pytest.raises(RegistryError, match="the local ECR does not run, and a dry run does not start it"):
        getattr(AbsentRegistry(), name)("one", two="three")


def test_what_it_gives_is_absent_too() -> None:
    absent = AbsentRegistry()
    absent.connect()
    clients = (
        *(absent.admin, absent.artifacts, absent.evidence, absent.pull_time_exclusions),
        absent.registry_settings,
    )
    others = (absent.in_region("123456789012", "eu-west-1"), absent.public("x"))
    assert all(isinstance(client, AbsentRegistry) for client in (*clients, *others))


def test_it_has_no_method_that_the_real_one_has_not() -> None:
    own = {name for name, _ in inspect.getmembers(AbsentRegistry) if not name.startswith("_")}
    assert own == set(METHODS)


def test_it_can_stand_where_a_registry_stands() -> None:
    registry: Registry = AbsentRegistry()
    repositories: Repositories = AbsentRegistry()
    evidence: Evidence = AbsentRegistry()
    for stand_in in (registry, repositories, evidence):
        assert isinstance(stand_in, AbsentRegistry)
