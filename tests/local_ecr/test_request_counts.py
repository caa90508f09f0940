"""The counts of requests: no client can make them grow without end."""

from __future__ import annotations

import pytest

from ecr_tasks.local_ecr import request_counts
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient


@pytest.mark.parametrize("operation", ["Invented", "A" * 50_000])
def test_an_operation_that_there_is_not_is_not_counted(ecr: LocalEcr, operation: str) -> None:
    http = HttpClient(ecr.registry)
    assert http.api(operation, {}).status == 501
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    http.connection.request("POST", "/", f"Action={operation}", form)
    assert http.connection.getresponse().read()
    assert ecr.requests() == {}


@pytest.mark.parametrize("method", ["FOO", "get", "TRACE", "A" * 50_000])
def test_a_method_that_there_is_not_is_refused(ecr: LocalEcr, method: str) -> None:
    assert HttpClient(ecr.registry).send(method, "/v2/").status == 501
    assert ecr.requests() == {}


def test_invented_registries_are_counted_together(ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_counts, "_MAX_REGISTRIES", 3)
    http = HttpClient(ecr.registry)
    for number in range(9):
        http.api("DescribeRepositories", {"registryId": f"{number:012}"})
    assert ecr.requests() == {"DescribeRepositories": 9}
    assert sum(bool(ecr.requests(account=f"{number:012}")) for number in range(9)) <= 3
    assert ecr.requests(account=ecr.account)
