"""The look at tags right before they are set: it is right for any number of them, and no pull."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.registry import Repository
from ecr_tasks.settings.load import load
from tests.clients.ecr.test_errors import client_error
from tests.local_ecr.http_client import HttpClient, digest_of


@pytest.fixture
def aws(ecr: LocalEcr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AwsSession:
    for variable, value in ecr.environment().items():
        monkeypatch.setenv(variable, value)
    return AwsSession(load(tmp_path, environ=ecr.environment()))


@pytest.fixture
def registry(ecr: LocalEcr, aws: AwsSession, tmp_path: Path) -> EcrRegistry:
    return EcrRegistry(load(tmp_path, environ=ecr.environment()), aws)


@pytest.fixture
def described(registry: EcrRegistry, repository: str) -> Repository:
    found = registry.describe({repository: ()})[repository].repository
    assert found is not None
    return found


def test_only_the_tags_that_exist_have_a_digest(
    registry: EcrRegistry, described: Repository, http: HttpClient
) -> None:
    pushed = {
        f"v{number}": digest_of(http.push_image("team/app", f"v{number}", b"%d" % number)) for number in range(3)
    }
    for tags in ([], ["v0"], ["gone"], ["v0", "gone"], ["gone", "v2", "v1", "nope"], [f"v{n}" for n in range(12)]):
        assert registry.tag_digests(described, tags) == {tag: pushed[tag] for tag in tags if tag in pushed}


@pytest.mark.parametrize("allowed", [True, False])
def test_it_is_no_pull_where_the_permission_is_there(
    registry: EcrRegistry, described: Repository, http: HttpClient, ecr: LocalEcr, aws: AwsSession, allowed: bool
) -> None:
    """The policy that AWS documents for a push has ecr:BatchGetImage, and not ecr:DescribeImages."""
    digest = digest_of(http.push_image("team/app", "v1"))

    def deny(**_: Any) -> None:
        raise client_error("AccessDeniedException", "is not authorized to perform: ecr:DescribeImages")

    if not allowed:
        aws.ecr().meta.events.register("before-call.ecr.DescribeImages", deny)
    before = ecr.requests()
    assert registry.tag_digests(described, ["v1", "v2"]) == {"v1": digest}
    calls = {name: count - before.get(name, 0) for name, count in ecr.requests().items() if count != before.get(name)}
    assert calls == ({"DescribeImages": 2} if allowed else {"BatchGetImage": 1})
