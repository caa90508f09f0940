"""Problems are reported at once, each with its place, and without a secret."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import ExitCode
from ecr_tasks.settings.errors import SettingsProblems
from tests.support.dotenv_project import Project


def test_all_problems_come_at_once_each_with_its_place(project: Project) -> None:
    project.write("AWS_ACCOUNT_ID=123\nECR_REPOSITRY=app\nECR_SCAN_FAIL_ON=x")
    project.write("ECR_DIRTY=maybe\nECR_TAGS='", ".env.prod")
    problems = project.problems({"ECR_PRESET": "fast"}, env="prod", config={"cahe": "off", "debug": "so-so"})
    assert len(problems) == 8
    for place in (
        ".env:1: AWS_ACCOUNT_ID",
        ".env:2: ECR_REPOSITRY",
        ".env:3: ECR_SCAN_FAIL_ON",
        ".env.prod:1: ECR_DIRTY",
        ".env.prod:2: ",
        "Environment variable ECR_PRESET",
        "Invoke configuration ecr.cahe",
        "Invoke configuration ecr.debug",
    ):
        assert sum(problem.startswith(place) for problem in problems) == 1, place


def test_one_problem_is_one_sentence_and_several_are_a_list(project: Project) -> None:
    project.write("ECR_DIRTY=x")
    with pytest.raises(SettingsProblems) as error:
        project.load()
    assert error.value.cause == ".env:1: ECR_DIRTY must be tag or refuse, not 'x'."
    assert error.value.code == ExitCode.SETTINGS
    with pytest.raises(SettingsProblems) as error:
        project.load({"ECR_PRESET": "y"})
    assert error.value.cause.splitlines()[0] == "2 settings are wrong:"
    assert len(error.value.cause.splitlines()) == 3


@pytest.mark.parametrize(
    "text",
    [
        "ECR_BUILD_ARGS=TOKEN=hunter2,hunter2 hunter2",
        "ECR_BUILD_ARGS='TOKEN=hunter2,\"hunter2'",
        'ECR_BUILD_ARGS="\n1TOKEN=hunter2\n"',
        "ECR_SECRETS=hunter2",
        "ECR_CACHE=s3,secret_access_key=hunter2",
        "AWS_SECRET_ACCESS_KEY=hunter2\nECR_DIRTY=x",
        "AWS_SECRET_ACCESS_KEY='hunter2",
        "ECR_REPOSITORY=https://user:hunter2@host/App!",
        "ECR_REPOSITORY=user:hunter2@host//app",
        "ECR_BUILD_CONTEXTS=https://user:hunter2@host/",
    ],
)
def test_no_problem_shows_a_secret(project: Project, text: str) -> None:
    project.write(text)
    with pytest.raises(SettingsProblems) as error:
        project.load()
    assert "hunter2" not in str(error.value)
    assert "hunter2" not in repr(error.value)
