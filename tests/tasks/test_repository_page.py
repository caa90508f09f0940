"""`images --open` and `repo.show --open` without a browser: they print the address of the console's page."""

from __future__ import annotations

import pytest

from tests.support.build import ACCOUNT
from tests.tasks.conftest import Project


@pytest.mark.parametrize(("words", "page"), [(("images",), ""), (("repo.show",), "/_/details")])
def test_the_address_of_the_consoles_page_is_printed(project: Project, words: tuple[str, ...], page: str) -> None:
    done = project.inv(*words, "--open")
    region = project.registry.region()
    host = f"{region}.console.aws.amazon.com"
    assert done.code == 0
    assert done.stdout == f"https://{host}/ecr/repositories/private/{ACCOUNT}/team/app{page}?region={region}\n"
    missing = project.inv(*words, "--open", ECR_REPOSITORY="team/none")
    assert (missing.code, missing.stdout) == (5, "")


@pytest.mark.parametrize("words", [("images", "--json"), ("images", "--limit", "3"), ("repo.show", "--json")])
def test_flags_that_contradict_are_refused(project: Project, words: tuple[str, ...]) -> None:
    done = project.inv(*words, "--open")
    assert (done.code, done.stdout) == (2, "")
    assert "--open" in done.stderr
