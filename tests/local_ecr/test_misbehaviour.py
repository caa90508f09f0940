"""A local ECR that was told to misbehave: what clients see, how often, and that nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.errors import EcrError
from ecr_tasks.local_ecr.misbehaviour import FILE, Misbehaviour
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient


def test_an_operation_is_throttled_so_many_times(ecr: LocalEcr, api: Any) -> None:
    ecr.misbehave("Describe*", "throttle", times=2)
    replies = [HttpClient(ecr.registry).api("DescribeRepositories", {}) for _ in range(3)]
    assert [reply.status for reply in replies] == [400, 400, 200]
    assert replies[0].json() == {"__type": "ThrottlingException", "message": "Rate exceeded"}
    ecr.misbehave("ListImages", "throttle")  # adds to what there is, and begins nothing anew
    assert api.describe_repositories()["repositories"] == []
    assert ecr.requests() == {"DescribeRepositories": 4}


def test_each_way_has_its_answer_in_the_api_and_in_the_registry(
    ecr: LocalEcr, http: HttpClient, repository: str
) -> None:
    answers = {
        "throttle": ("ThrottlingException", 429),
        "error": ("ServerException", 500),
        "deny": ("AccessDeniedException", 403),
        "quota": ("LimitExceededException", 403),
    }
    for how, (name, status) in answers.items():
        ecr.misbehave("ListImages", how, times=1)
        ecr.misbehave("GET tags", how, times=1)
        assert http.api("ListImages", {"repositoryName": repository}).json()["__type"] == name
        assert http.send("GET", f"/v2/{repository}/tags/list").status == status
    assert http.send("GET", f"/v2/{repository}/tags/list").status == 200


def test_it_behaves_again(ecr: LocalEcr, api: Any) -> None:
    ecr.misbehave(how="error")
    assert refused(api.describe_repositories)[0] == refused(api.describe_registry)[0] == "ServerException"
    ecr.behave()
    assert api.describe_repositories()["repositories"] == []
    ecr.behave()


def test_the_first_rule_that_has_times_left_counts(tmp_path: Path) -> None:
    misbehaviour = Misbehaviour(tmp_path)
    misbehaviour.apply("PutImage")
    rules = [{"request": "Put*", "how": "deny", "times": 1}, {"request": "PutImage", "how": "error"}]
    (tmp_path / FILE).write_text(json.dumps(rules), encoding="utf-8")
    names = []
    for _ in range(3):
        with pytest.raises(EcrError) as caught:
            misbehaviour.apply("PutImage")
        names.append(caught.value.name)
    assert names == ["AccessDeniedException", "ServerException", "ServerException"]
    misbehaviour.apply("ListImages")


def test_an_answer_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    (tmp_path / FILE).write_text('[{"request": "GET *", "seconds": 1.5}]', encoding="utf-8")
    misbehaviour = Misbehaviour(tmp_path)
    for request in ("GET blob", "PUT manifest", "GET manifest"):
        misbehaviour.apply(request)
    assert waits == [1.5, 1.5]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{}", "list"),
        ("[", "JSON"),
        ('[{"what": 1}]', "what"),
        ('[{"how": "badly"}]', "throttle, error, deny"),
        ('[{"times": 0}]', "times"),
        ('[{"seconds": -1}]', "seconds"),
        ('[{"request": 1}]', "wildcard"),
    ],
)
def test_a_file_that_makes_no_sense_is_told(ecr: LocalEcr, api: Any, text: str, word: str) -> None:
    (ecr.root / FILE).write_text(text, encoding="utf-8")
    name, message = refused(api.describe_repositories)
    assert (name, word in message, FILE in message) == ("ServerException", True, True)


def test_a_wrong_call_changes_nothing(ecr: LocalEcr, api: Any) -> None:
    with pytest.raises(EcrError, match="throttle, error, deny"):
        ecr.misbehave(how="badly")
    assert api.describe_repositories()["repositories"] == []
