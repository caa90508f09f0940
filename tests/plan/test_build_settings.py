"""The digests of the settings that an image is built with."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import SETTINGS
from ecr_tasks.plan.build_settings import build_settings, other_settings
from ecr_tasks.plan.images import images
from tests.support.build import settings, source

PLAIN = BuildDefinition("/project", dockerfile="/project/Dockerfile")
CHANGES: dict[str, Any] = {
    "context": "/project/web",
    "dockerfile": "/project/docker/app.Dockerfile",
    "target": "run",
    "platforms": ("linux/amd64",),
    "args": {"A": "1"},
    "contexts": {"shared": "/shared"},
    "secrets": ("id=npm,env=TOKEN",),
    "ssh": ("default",),
    "labels": {"team": "web"},
    "annotations": {"team": "web"},
    "attest": ("type=sbom",),
    "exporter": ("compression=zstd",),
    "linked": {"base": BuildDefinition("/project", args={"A": "1"})},
    "extra": {"network": "host"},
}


def text(**changes: Any) -> str:
    return build_settings(replace(PLAIN, **changes), Path("/project"))


@pytest.mark.parametrize("name", CHANGES)
def test_each_part_that_differs_is_named(name: str) -> None:
    changed = text(**{name: CHANGES[name]})
    assert len(other_settings(text(), changed)) == 1
    assert other_settings(changed, text()) == other_settings(text(), changed)
    assert other_settings(changed, changed) == ()


def test_every_part_of_a_definition_counts_but_its_caches() -> None:
    names = {field.name for field in fields(BuildDefinition)}
    assert names == {*CHANGES, "cache_from", "cache_to", "variables", "bases"}
    changed = {"base": BuildDefinition("/project", args={"A": "2"})}
    assert other_settings(text(linked=CHANGES["linked"]), text(linked=changed)) == ("linked targets",)


def test_several_parts_are_named_in_words() -> None:
    changed = text(args={"A": "1"}, platforms=("linux/amd64", "linux/arm64"))
    other = other_settings(text(args={"A": "2"}), changed)
    assert other == ("platforms", "build arguments")


def test_what_decides_no_content_does_not_count() -> None:
    assert text(cache_from=("type=gha",), cache_to=("type=gha",)) == text()
    assert text(extra={"no-cache": True, "pull": True, "entitlements": ["network.host"]}) == text()
    assert text(attest=("type=provenance,disabled=true",)) == text()
    assert text(secrets=("id=npm,env=A",)) == text(secrets=("id=npm,src=/home/me/npmrc",))
    assert text(platforms=("a", "b")) == text(platforms=("b", "a"))


def test_every_machine_has_the_same_text() -> None:
    here = BuildDefinition("/here/web", dockerfile="/here/web/Dockerfile", contexts={"c": "/here/../c"})
    there = BuildDefinition("/there/at/web", dockerfile="/there/at/web/Dockerfile", contexts={"c": "/there/c"})
    assert build_settings(here, Path("/here")) == build_settings(there, Path("/there/at"))


def test_two_folders_of_a_repository_differ() -> None:
    first = build_settings(BuildDefinition("/here/v1"), Path("/here/v1"), "v1")
    assert other_settings(first, build_settings(BuildDefinition("/here/v2"), Path("/here/v2"), "v2")) == ("context",)
    assert build_settings(BuildDefinition("/there/v1"), Path("/there"), ".") == first


def test_no_value_of_an_argument_is_in_the_text_nor_its_plain_digest() -> None:
    import hashlib

    digits = hashlib.sha256(b'{"PIN": "1234"}').hexdigest()[:12]
    assert "1234" not in text(args={"PIN": "1234"})
    assert digits not in text(args={"PIN": "1234"})
    assert len(text(args={"A": "1", "B": "2"})) == len(text(args={"A": "1"})), "one digest of all arguments"


@pytest.mark.parametrize("unknown", [None, "", "2 args=0", "x"])
def test_nothing_is_claimed_of_an_image_without_a_known_text(unknown: str | None) -> None:
    assert other_settings(unknown, text(args={"A": "1"})) == ()
    assert other_settings(text(args={"A": "1"}), unknown) == ()


def test_an_image_has_the_text_as_label_and_annotation_whatever_git_and_ci_say() -> None:
    (first,) = images(settings(), source(), {})
    (second,) = images(settings(), source(revision="f" * 40, branch="x", event="push"), {})
    (third,) = images(settings(target="run"), source(), {})
    texts = [item.definition.labels[SETTINGS] for item in (first, second, third)]
    assert texts[0] == texts[1] == first.definition.annotations[SETTINGS]
    assert other_settings(texts[0], texts[2]) == ("target",)
    assert first.configured_definition is not None
    assert SETTINGS not in first.configured_definition.labels


@pytest.mark.parametrize(
    ("processor", "platforms", "differs"),
    [
        ("x86_64", (), False),
        ("aarch64", (), True),
        ("arm64", ("linux/amd64", "linux/arm64"), False),
    ],
)
def test_an_image_without_platforms_is_that_of_the_machine_s_processor(
    processor: str, platforms: tuple[str, ...], differs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def text(machine: str) -> str:
        monkeypatch.setattr("ecr_tasks.plan.images.machine", lambda: machine)
        (image,) = images(settings(platforms=platforms), source(), {})
        return image.definition.labels[SETTINGS]

    assert other_settings(text("AMD64"), text(processor)) == (("platforms",) if differs else ())
