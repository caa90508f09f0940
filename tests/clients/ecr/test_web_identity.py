"""The name of the session that STS gives a CI job."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.ecr.web_identity import session_name


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"GITHUB_REPOSITORY": "octo/app", "GITHUB_RUN_ID": "17"}, "ecr-tasks-octo-app-17"),
        ({"CI_PROJECT_PATH": "g/sub/app", "CI_PIPELINE_ID": "18"}, "ecr-tasks-g-sub-app-18"),
        ({"JOB_NAME": "folder/täst app", "BUILD_NUMBER": "3"}, "ecr-tasks-folder-t-st-app-3"),
        (
            {"GITHUB_REPOSITORY": "o/" + "long" * 30, "GITHUB_RUN_ID": "123456"},
            "ecr-tasks-o-" + "long" * 11 + "l-123456",
        ),
        ({"GITHUB_REPOSITORY": "octo/app"}, "ecr-tasks"),
        ({}, "ecr-tasks"),
    ],
)
def test_the_session_is_named_after_project_and_run(environ: dict[str, str], name: str) -> None:
    assert session_name(environ) == name


@given(st.text(max_size=80), st.text(max_size=40))
def test_sts_takes_every_session_name(project: str, run: str) -> None:
    name = session_name({"GITHUB_REPOSITORY": project, "GITHUB_RUN_ID": run})
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII)
