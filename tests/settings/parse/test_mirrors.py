"""ECR_MIRRORS: where the images of other registries are too."""

from __future__ import annotations

import pytest

from ecr_tasks.model.mirror import Mirror, addresses
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.mirrors import mirrors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("docker.io=mirror.example.com", (Mirror("docker.io", "mirror.example.com"),)),
        ("index.docker.io/library=localhost:5000/hub/", (Mirror("docker.io/library", "localhost:5000/hub"),)),
        (
            "docker.io=a.example.com,ghcr.io=a.example.com/ghcr",
            (Mirror("docker.io", "a.example.com"), Mirror("ghcr.io", "a.example.com/ghcr")),
        ),
        ("ghcr.io/a=ghcr.io/ab", (Mirror("ghcr.io/a", "ghcr.io/ab"),)),
        ("docker.io=a.example.com\ndocker.io=a.example.com", (Mirror("docker.io", "a.example.com"),)),
    ],
)
def test_mirrors_are_read(text: str, expected: tuple[Mirror, ...]) -> None:
    assert mirrors(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "docker.io",
        "=a.example.com",
        "docker.io=",
        "library=a.example.com",
        "docker.io=https://a.example.com",
        "docker.io=docker.io",
        "docker.io/library=registry-1.docker.io/library/",
        "docker.io=index.docker.io/hub",
        "ghcr.io=ghcr.io:443",
        "a.b=c.d/UPPER",
        "docker.io=localhost:99999",
        "docker.io=mirror:0/hub",
    ],
)
def test_what_is_no_mirror_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        mirrors(text)


def test_an_error_shows_no_password_of_a_mirror() -> None:
    with pytest.raises(Malformed) as error:
        mirrors("docker.io=https://user:hunter2@a.example.com,ghcr.io=user:hunter2@a.example.com")
    assert "hunter2" not in "".join(error.value.messages)


def test_an_image_has_an_address_in_each_mirror_of_its_registry() -> None:
    every = mirrors("docker.io=m.example.com/hub,docker.io/library=l.example.com,ghcr.io=g.example.com")
    assert addresses("docker.io/library/python:3", every) == (
        "m.example.com/hub/library/python:3",
        "l.example.com/python:3",
    )
    assert addresses("docker.iox/a:1", every) == ()
