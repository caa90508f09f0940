"""Tests of `ec2.user-data` on a command line: where the image comes from, variables, and what is refused."""

from __future__ import annotations

import pytest
import yaml

from tests.support.build import HOST
from tests.support.keys import SECRET
from tests.tasks.conftest import CHANGING_CALLS, Outcome, Project


def files_of(outcome: Outcome) -> dict[str, str]:
    """Return the contents of the service's folder by name."""
    written = yaml.safe_load(outcome.stdout)["write_files"]
    return {item["path"].rpartition("/")[2]: item["content"] for item in written if "/etc/ecr-tasks/" in item["path"]}


@pytest.fixture
def published(project: Project) -> Project:
    assert project.inv("build", "push").code == 0
    return project


def test_the_commits_image_stays_and_nothing_is_changed_or_pulled(published: Project) -> None:
    files = files_of(published.inv("ec2.user-data"))
    assert files["image"] == f"{published.reference}\n"
    assert "tag" not in files
    assert published.calls.named(*CHANGING_CALLS, "image", "images", "token") == []


def test_a_tag_is_followed_from_the_digest_that_it_has(published: Project) -> None:
    outcome = published.inv("ec2.user-data", "main", "--name", "web", "--every", "1h")
    files = files_of(outcome)
    assert (files["image"], files["tag"]) == (f"{published.reference}\n", f"{HOST}/team/app:main\n")
    assert "/etc/ecr-tasks/web/image" in outcome.stdout
    assert "OnUnitInactiveSec=1h" in outcome.stdout
    assert "follows" in outcome.stderr


def test_variables_come_from_flags_and_a_file(published: Project) -> None:
    published.write("web.env", "# comment\n\nA=1\nB=x=y # kept\r\n")
    outcome = published.inv("ec2.user-data", "--env-file", "web.env", "--env", "A=2")
    assert files_of(outcome)["env"] == "A=2\nB=x=y # kept\n"
    assert "no place for secrets" in outcome.stderr


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--env", f"AWS_SECRET_ACCESS_KEY={SECRET}"), 6, "Secrets Manager"),
        (("--env", "DATABASE_URL=postgres://app:c0rrect-horse@db/app"), 6, "Secrets Manager"),
        (("--env", "DB_PASSWORD=c0rrect-horse"), 6, "Secrets Manager"),
        (("--env", "A"), 2, "NAME=VALUE"),
        (("--env", "A B=1"), 2, "NAME=VALUE"),
        (("--env-file", "none.env"), 2, "--env-file"),
        (("--port", "80"), 2, "80:8000"),
        (("--name", "a b"), 2, "--name"),
        (("--every", "5 parsecs"), 2, "--every"),
        (("nothing",), 5, "nothing"),
        (("--image", "other"), 2, "other"),
    ],
)
def test_what_can_not_be_printed_is_refused(
    words: tuple[str, ...], code: int, reason: str, published: Project
) -> None:
    message = published.inv("ec2.user-data", *words).failed(code)
    assert reason in message
    assert SECRET not in message
    assert "c0rrect-horse" not in message


def test_the_place_or_kind_of_a_secret_is_none(published: Project) -> None:
    variables = ["TOKEN_URL=https://login.example/token", "SORT_KEY=created_at", "TOKEN_TTL=360000"]
    outcome = published.inv("ec2.user-data", *(word for text in variables for word in ("--env", text)))
    assert files_of(outcome)["env"].splitlines() == variables
