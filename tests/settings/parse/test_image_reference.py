"""Tests of the settings that are an image's reference."""

from __future__ import annotations

import pytest

from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.image_reference import image


@pytest.mark.parametrize(
    "text",
    [
        "tonistiigi/binfmt",
        "binfmt:qemu-v9.2.2",
        f"localhost:65535/a/b__c@sha256:{'0' * 64}",
        f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/hub/binfmt:1@sha256:{'0' * 64}",
    ],
)
def test_a_reference_is_taken(text: str) -> None:
    assert image(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-binfmt",
        "a b",
        "https://r.example/binfmt",
        "r.example:65536/binfmt",
        "r.example/Binfmt",
        "binfmt@sha256:0",
        "user:hunter2@r.example/binfmt",
        "https://user:hunter2@r.example/binfmt",
    ],
)
def test_another_text_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Malformed) as error:
        image(text)
    assert "hunter2" not in "".join(error.value.messages)
