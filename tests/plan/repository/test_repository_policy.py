"""Repository policies' files with a mistake, and policies that are equal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.plan.repository.repository_policy import read_policy, same
from tests.plan.repository.files import write_policy


@pytest.mark.parametrize("document", [{}, {"Statement": []}, {"Statement": [{}]}, {"Statement": {"Effect": "allow"}}])
def test_a_repository_policy_without_statements_is_told_before_anything_is_set(
    tmp_path: Path, document: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match='"Statement"'):
        read_policy(write_policy(tmp_path, json.dumps(document)), "ECR_REPOSITORY_POLICY")


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
