"""What stands in Invoke's configuration where a text belongs is named in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_tasks.settings.errors import SettingsProblems
from tests.support.dotenv_project import Project


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([{"a": "b"}], "it holds a mapping where a text belongs"),
        ({"a": ["b"]}, "it holds a list where a text belongs"),
        ([None], "it holds nothing where a text belongs"),
    ],
)
def test_a_value_of_another_kind_is_named_in_words(project: Project, labels: Any, words: str) -> None:
    with pytest.raises(SettingsProblems, match=words):
        project.load(config={"labels": labels})
