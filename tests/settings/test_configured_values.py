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
        ([["a"]], "it holds a list where a text belongs"),
        (["a=b", None], "entry 2 is empty"),
        (["a=b", " "], "entry 2 is empty"),
        (["a=b\nc"], "entry 1 has a line break"),
        (["a=b", "#c=d"], "entry 2 begins with #"),
        ({" a": "b"}, "entry 1 begins or ends with a space"),
    ],
)
def test_a_value_that_no_setting_can_have_is_named_in_words(project: Project, labels: Any, words: str) -> None:
    with pytest.raises(SettingsProblems, match=words):
        project.load(config={"labels": labels})
