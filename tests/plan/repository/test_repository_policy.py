"""Repository policies' files with a mistake, and policies that are equal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError
from ecr_tasks.local_ecr.resource_policy import is_valid
from ecr_tasks.plan.repository.repository_policy import read_policy, same
from tests.plan.repository.files import write_policy


@pytest.mark.parametrize("document", [{}, {"Statement": []}, {"Statement": [{}]}, {"Statement": {"Effect": "allow"}}])
def test_a_repository_policy_without_statements_is_told_before_anything_is_set(
    tmp_path: Path, document: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match='"Statement"'):
        read_policy(write_policy(tmp_path, json.dumps(document)), "ECR_REPOSITORY_POLICY")


PULL = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Resource": "*"}, "the key 'Resource'"),
        ({"Principal": None}, "whose principal is neither"),
        ({"NotPrincipal": "*"}, "not one of Principal and NotPrincipal"),
        ({"Principal": {"AWS": []}}, "whose principal is neither"),
        ({"Principal": {"aws": "123456789012"}}, "whose principal is neither"),
        ({"Action": ["ecr:PutImage", "s3:GetObject"]}, "the action 's3:GetObject', which is none of ECR's"),
        ({"Action": []}, "whose actions are no texts"),
        ({"Condition": []}, "whose Condition is no object"),
    ],
)
def test_a_statement_that_ecr_refuses_is_told_with_its_number(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    policy = {"Version": "2012-10-17", "Statement": [PULL, {**PULL, **change}]}
    with pytest.raises(SettingsError, match=f"number 2.*{problem}"):
        read_policy(write_policy(tmp_path, json.dumps(policy)), "ECR_REPOSITORY_POLICY")


@pytest.mark.parametrize(("change", "problem"), [({"Version": "2020-01-01"}, "Version"), ({"Rules": []}, "'Rules'")])
def test_a_policy_of_other_members_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        read_policy(write_policy(tmp_path, json.dumps({"Statement": PULL, **change})), "ECR_REPOSITORY_POLICY")


TEXTS = st.sampled_from(["ecr:PutImage", "ECR:*", "*", "s3:GetObject", "", 1, None, [], ["ecr:A", "*"], ["ecr:A", 1]])
KINDS = st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser", "aws"])
PRINCIPALS: st.SearchStrategy[object] = st.one_of(
    st.sampled_from(["*", "arn:aws:iam::123456789012:root", None, [], {}, {"AWS": "*"}]),
    st.dictionaries(KINDS, TEXTS, max_size=2),
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny", "Allow", "allow"])},
    optional={
        "Sid": st.sampled_from(["", "a", 1]),
        "Principal": PRINCIPALS,
        "NotPrincipal": PRINCIPALS,
        "Action": TEXTS,
        "NotAction": TEXTS,
        "Condition": st.sampled_from([{}, {"StringEquals": {}}, []]),
        "Resource": st.just("*"),
    },
)
POLICIES = st.fixed_dictionaries(
    {"Statement": st.lists(STATEMENTS | st.just(PULL), max_size=2) | STATEMENTS | st.none()},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17", "2020-01-01", None]), "Id": st.just("a")},
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(POLICIES)
def test_the_check_takes_what_the_local_ecr_takes(tmp_path: Path, policy: dict[str, object]) -> None:
    path = write_policy(tmp_path, json.dumps(policy))
    try:
        text = read_policy(path, "ECR_REPOSITORY_POLICY")
    except SettingsError:
        assert not is_valid(json.dumps(policy), has_resource=False)
    else:
        assert is_valid(text, has_resource=False)


def test_a_file_that_is_not_text_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="can't be read"):
        read_policy(path, "ECR_REPOSITORY_POLICY")
    with pytest.raises(SettingsError, match="can't be read"):
        read_policy(write_policy(tmp_path, "[" * 200_000), "ECR_REPOSITORY_POLICY")


def test_what_differs_only_in_writing_is_the_same() -> None:
    assert same('{"a": ["x", "y"], "b": ["z"]}', '{"b":"z","a":["y","x"]}')
    assert not same('{"a": "x"}', '{"a": "y"}')
    assert not same(None, "{}")
    assert same(None, None)


def test_a_statement_that_python_would_drop_in_silence_is_refused(tmp_path: Path) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": [PULL]})
    path = write_policy(tmp_path, text[:-1] + ', "Statement": []}')
    with pytest.raises(SettingsError, match='the key "Statement" twice'):
        read_policy(path, "ECR_REPOSITORY_POLICY")
