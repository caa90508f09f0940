"""Tests of the format env: every reader of such lines gives the values that were written."""

from __future__ import annotations

import io
import subprocess

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError, UnexpectedError
from ecr_tasks.handoff.env import write
from ecr_tasks.handoff.handoff import Extras
from ecr_tasks.model.publication import PublishedImage
from tests.handoff.build import published
from tests.support.build import HOST, digest

NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
TAGS = st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True), max_size=3, unique=True)


def values(text: str) -> dict[str, str]:
    """Return what a strict reader takes of the lines: one that knows no quotes, as `docker run --env-file` does."""
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_only_image_is_named_as_the_outputs_of_a_ci_are() -> None:
    assert values(write([published()], Extras()).text) == {
        "IMAGE": f"{HOST}/team/app@{digest('team/app')}",
        "IMAGE_DIGEST": digest("team/app"),
        "IMAGE_REPOSITORY": f"{HOST}/team/app",
        "IMAGE_TAGS": "sha-a1b2c3d,main",
    }


def test_each_target_has_variables_of_its_own() -> None:
    text = write([published("api"), published("job-runner"), published("2nd")], Extras()).text
    assert [key for key in values(text) if key.endswith("IMAGE")] == ["API_IMAGE", "JOB_RUNNER_IMAGE", "_2ND_IMAGE"]


@pytest.mark.parametrize(
    "names", [("job-runner", "job_runner"), ("API", "api"), ("a-image-digest", "a_image_digest")]
)
def test_names_that_would_be_one_variable_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(SettingsError, match=f"{names[0]} and {names[1]}"):
        write([published(name) for name in names], Extras())


def test_a_value_that_a_shell_would_read_otherwise_is_not_written() -> None:
    with pytest.raises(UnexpectedError):
        write([published(registry="host$(id)")], Extras())


@given(st.lists(st.tuples(NAMES, TAGS), min_size=1, max_size=3, unique_by=lambda item: item[0]))
def test_every_reader_gives_the_same_values(items: list[tuple[str, list[str]]]) -> None:
    images: list[PublishedImage] = [published(name, tags=tuple(tags)) for name, tags in items]
    try:
        text = write(images, Extras()).text
    except SettingsError:
        keys = ["".join(c if c.isalnum() else "_" for c in name.upper()) for name, _ in items]
        assert len(set(keys)) < len(keys) or any("_IMAGE" in key for key in keys)
        return
    plain = values(text)
    assert {image.reference for image in images} <= set(plain.values())
    assert dict(dotenv_values(stream=io.StringIO(text))) == plain
    script = f"set -aeu\n{text}\nset +a\n" + "\n".join(f'printf "%s\\n" "{key}=${key}"' for key in plain)
    shell = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert values(shell.stdout) == plain
