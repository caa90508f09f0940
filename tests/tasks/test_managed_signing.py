"""ECR's managed signing of what `push` pushed: waited for, and its failure told."""

from __future__ import annotations

import pytest

from ecr_tasks.model.signing import Signing
from ecr_tasks.plan.gates import Waits
from tests.tasks.conftest import Project

PROFILE = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/release"
DONE = Signing("COMPLETE", "", PROFILE)
FAILED = Signing("FAILED", "No signer:SignPayload", PROFILE, "AccessDeniedException")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, which take no time."""
    pauses: list[float] = []
    monkeypatch.setattr("ecr_tasks.plan.gates.WAITS", Waits(sleep=pauses.append, clock=lambda: sum(pauses)))
    return pauses


def test_a_push_waits_until_the_registry_has_signed(project: Project, slept: list[float]) -> None:
    project.registry.signing_profiles = (PROFILE,)
    waiting = Signing("IN_PROGRESS", "", PROFILE)
    project.registry.signings[project.image.digest] = [[], [waiting], [DONE]]
    result = project.inv("build", "push")
    assert (result.code, result.stdout) == (0, f"{project.reference}\n")
    assert "signed by ECR with release" in result.stderr
    assert len(slept) == 2
    assert project.inv("push").code == 0
    assert project.calls.named("signing_statuses") == []  # nothing was pushed


@pytest.mark.parametrize(("sign", "code"), [("", 0), ("managed", 5)])
def test_a_failure_is_told_and_fails_where_signing_was_asked_for(
    project: Project, slept: list[float], sign: str, code: int
) -> None:
    project.registry.signing_profiles = (PROFILE,)
    project.registry.signings[project.image.digest] = [[FAILED]]
    result = project.inv("build", "push", ECR_SIGN=sign)
    assert (result.code, result.stdout) == (code, f"{project.reference}\n")  # it is published
    assert "release FAILED, AccessDeniedException: No signer:SignPayload" in result.stderr
    assert "needs signer:SignPayload" in result.stderr
    assert slept == []


@pytest.mark.parametrize(("profiles", "words"), [((), "no rule for team/app"), (None, "can't be read")])
def test_managed_signing_that_is_not_there_is_an_error_only_where_it_is_asked_for(
    project: Project, slept: list[float], profiles: tuple[str, ...] | None, words: str
) -> None:
    project.registry.signing_profiles = profiles
    result = project.inv("build", "push", ECR_SIGN="managed")
    assert result.code == 5
    assert words in result.stderr
    project.write("more.txt", "more")
    project.commit()
    result = project.inv("build", "push")
    assert result.code == 0
    assert "sign" not in result.stderr
