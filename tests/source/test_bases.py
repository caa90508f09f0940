"""The base images of a definition, the file that locks them, and the builds and annotations that it gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME
from ecr_tasks.source.bases import (
    all_bases,
    full_references,
    moving_bases,
    unlinked_bases,
    with_base_annotations,
    with_digests,
    with_locked_bases,
)
from ecr_tasks.source.bases_lock import lock_text, parse_lock
from ecr_tasks.source.build_context.base_images import full_name

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PYTHON, GOLANG = "docker.io/library/python:3.12", "docker.io/library/golang:latest"
LOCK = {PYTHON: A, GOLANG: B}


def builder() -> str:
    """Return the builder's platform."""
    return "linux/arm64"


def definition(folder: Path, dockerfile: str, **changes: object) -> BuildDefinition:
    """Return the definition of a folder with this Dockerfile."""
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return BuildDefinition(str(folder), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12", PYTHON),
        ("index.docker.io/library/python:3.12", PYTHON),
        ("team/base:1", "docker.io/team/base:1"),
        ("ghcr.io/team/base", "ghcr.io/team/base:latest"),
        ("localhost:5000/base", "localhost:5000/base:latest"),
        (f"python:3.12@{A}", PYTHON),
        (f"python@{A}", "docker.io/library/python"),
    ],
)
def test_a_full_name_has_host_and_tag(reference: str, name: str) -> None:
    assert full_name(reference) == name


def test_every_stage_that_is_needed_is_locked_and_the_last_one_is_annotated(tmp_path: Path) -> None:
    text = "# syntax=docker/dockerfile:1\nFROM golang AS build\nFROM scratch AS unused\nFROM python:3.12 AS run\n"
    item = definition(tmp_path, f"{text}COPY --from=build /x /x\nFROM run\n")
    assert [base.name for base in all_bases(item, builder)] == [GOLANG, PYTHON]
    locked = with_base_annotations(with_locked_bases(item, LOCK, "app", builder), builder)
    assert locked.bases == {
        "golang": f"docker-image://{GOLANG}@{B}",
        "python:3.12": f"docker-image://{PYTHON}@{A}",
    }
    assert locked.annotations == {BASE_NAME: PYTHON, BASE_DIGEST: A}


def test_a_lock_reaches_arguments_named_contexts_and_linked_targets(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    base = definition(tmp_path / "base", "ARG V=3.11\nFROM python:$V\n", args={"V": "3.12"})
    contexts = {"base": "target:base", "tools": "docker-image://golang"}
    item = definition(tmp_path, "FROM base\nCOPY --from=tools /go /go\n", contexts=contexts, linked={"base": base})
    locked = with_base_annotations(with_locked_bases(item, LOCK, "app", builder), builder)
    assert locked.linked["base"].bases == {"python:3.12": f"docker-image://{PYTHON}@{A}"}
    assert locked.all_contexts == {"base": "target:base", "tools": f"docker-image://{GOLANG}@{B}"}
    assert locked.annotations == {BASE_NAME: PYTHON, BASE_DIGEST: A}


@pytest.mark.parametrize("tag", ["team-web", "team-web:latest"])
def test_a_base_that_another_target_makes_and_that_is_not_linked_is_named(tmp_path: Path, tag: str) -> None:
    files = {
        "web": "FROM python:3.12\n",
        "cleanup": "FROM team-web\n",
        "job": "ARG BASE\nFROM $BASE\n",
        "linked": "FROM team-web\n",
        "own": "FROM own/image:1\n",
        "pinned": f"FROM team-web@{A}\n",
        "pinned-tag": f"FROM team-web:latest@{A}\n",
        "other": "FROM team-web-base\nCOPY --from=python:3.12 /x /x\n",
    }
    for name in files:
        (tmp_path / name).mkdir()
    targets = {name: definition(tmp_path / name, text) for name, text in files.items()}
    targets["job"] = replace(targets["job"], args={"BASE": "docker.io/library/team-web:latest"})
    link = {"contexts": {"team-web": "target:web"}, "linked": {"web": targets["web"]}}
    targets["linked"] = replace(targets["linked"], **link)  # type: ignore[arg-type]
    tags = {"web": (tag,), "own": ("own/image:1",), "cleanup": ()}
    assert list(unlinked_bases(targets, tags, builder)) == [
        ("cleanup", "team-web", "web"),
        ("job", "docker.io/library/team-web:latest", "web"),
    ]


def test_a_lock_replaces_every_name_of_an_image(tmp_path: Path) -> None:
    contexts = {"tools": "docker-image://python:3.12", "more": f"docker-image://{PYTHON}"}
    text = "FROM python:3.12\nCOPY --from=tools /x /x\nCOPY --from=more /y /y\n"
    locked = with_base_annotations(
        with_locked_bases(definition(tmp_path, text, contexts=contexts), LOCK, "app", builder), builder
    )
    assert locked.bases == dict.fromkeys(("python:3.12", "tools", "more"), f"docker-image://{PYTHON}@{A}")
    assert locked.annotations == {BASE_NAME: PYTHON, BASE_DIGEST: A}


@pytest.mark.parametrize(
    "text",
    [
        "ARG TARGETARCH\nFROM team/$TARGETARCH:1\n",
        "FROM team/${BUILDARCH}:1\n",
        "ARG BASE=team/$TARGETARCH:1\nFROM $BASE\n",
        "FROM team/amd64:1 AS base-amd64\nFROM team/arm64:1 AS base-arm64\nFROM base-$TARGETARCH\n",
    ],
)
def test_without_a_platform_the_builders_decides_which_base_it_is(tmp_path: Path, text: str) -> None:
    item = definition(tmp_path, text)
    name = "docker.io/team/arm64:1"
    assert [base.name for base in all_bases(item, builder)] == [name]
    locked = with_base_annotations(with_locked_bases(item, {name: A}, "app", builder), builder)
    assert locked.bases == {"team/arm64:1": f"docker-image://{name}@{A}"}
    assert locked.annotations == {BASE_NAME: name, BASE_DIGEST: A}
    assert moving_bases(item, builder) == {(name, None)}


def test_the_builder_is_asked_only_for_a_name_that_depends_on_it(tmp_path: Path) -> None:
    def ask() -> str:
        raise AssertionError

    text = "ARG BUILD_NUMBER\nFROM --platform=$BUILDPLATFORM python:3.12\nARG TARGETARCH\nRUN make $TARGETARCH\n"
    item = definition(tmp_path, text)
    assert with_base_annotations(with_locked_bases(item, LOCK, "app", ask), ask).annotations[BASE_DIGEST] == A
    item = definition(tmp_path, "FROM team/$TARGETARCH:1\n", platforms=("linux/amd64",))
    assert [base.name for base in all_bases(item, ask)] == ["docker.io/team/amd64:1"]


def test_each_platforms_manifest_is_annotated_with_its_own_base(tmp_path: Path) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    text = f"FROM python:3.12@{A} AS base-amd64\nFROM golang@{B} AS base-arm64\nFROM base-$TARGETARCH\n"
    item = with_base_annotations(definition(tmp_path, text, platforms=platforms), builder)
    for level in ("manifest", "manifest-descriptor"):
        assert item.annotations_at(level, "linux/amd64") == {BASE_NAME: PYTHON, BASE_DIGEST: A}
        assert item.annotations_at(level, "linux/arm64")[BASE_DIGEST] == B
    assert item.annotations_at("index") == {}
    assert item.without_fresh_options().annotations == {}
    one = with_base_annotations(replace(item, annotations={}, target="base-amd64"), builder)
    assert one.annotations == {BASE_NAME: PYTHON, BASE_DIGEST: A}


def test_a_projects_own_annotation_stays_where_platforms_stand_on_different_bases(tmp_path: Path) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    text = f"FROM python:3.12@{A} AS base-amd64\nFROM golang@{B} AS base-arm64\nFROM base-$TARGETARCH\n"
    item = definition(tmp_path, text, platforms=platforms, annotations={BASE_NAME: "our/base"})
    annotated = with_base_annotations(item, builder)
    for platform, digest in zip(platforms, (A, B), strict=True):
        assert annotated.annotations_at("manifest", platform) == {BASE_NAME: "our/base", BASE_DIGEST: digest}
        assert annotated.annotations_at("manifest-descriptor", platform) == {BASE_DIGEST: digest}


def test_what_isnt_known_of_one_platform_is_told_of_none(tmp_path: Path) -> None:
    text = f"FROM python:3.12@{A} AS base-amd64\nFROM golang AS base-arm64\nFROM base-$TARGETARCH\n"
    item = definition(tmp_path, text, platforms=("linux/amd64", "linux/arm64"))
    assert with_base_annotations(item, builder).annotations == {}
    assert moving_bases(item, builder) == {(PYTHON, A), (GOLANG, None)}


def test_what_a_dockerfile_fixes_needs_no_lock_and_is_annotated(tmp_path: Path) -> None:
    item = definition(tmp_path, f"FROM python:3.12@{B}\n", annotations={BASE_NAME: "our/python"})
    locked = with_base_annotations(with_locked_bases(item, {}, "app", builder), builder)
    assert locked.bases == {}
    assert locked.annotations == {BASE_NAME: "our/python", BASE_DIGEST: B}


@pytest.mark.parametrize("dockerfile", ["FROM scratch\n", "FROM python:3.12\n", "FROM $UNKNOWN\n", ""])
def test_without_a_known_digest_nothing_is_annotated(tmp_path: Path, dockerfile: str) -> None:
    assert with_base_annotations(definition(tmp_path, dockerfile), builder).annotations == {}


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_lock_that_lacks_a_base_image_is_refused(tmp_path: Path, is_linked: bool) -> None:
    item = definition(tmp_path, "FROM python:3.12\n")
    if is_linked:
        (tmp_path / "app").mkdir()
        links = {"contexts": {"base": "target:base"}, "linked": {"base": item}}
        item = definition(tmp_path / "app", "FROM base\n", **links)
    with pytest.raises(Refused, match=r"ecr-bases.lock lacks docker.io/library/python:3.12, which app") as caught:
        with_locked_bases(item, {GOLANG: B}, "app", builder)
    assert "inv bases --update" in caught.value.remedy


def test_an_image_that_no_registry_has_stays_as_it_is(tmp_path: Path) -> None:
    assert with_locked_bases(definition(tmp_path, "FROM python:3.12\n"), {PYTHON: None}, "app", builder).bases == {}


def test_a_digest_in_one_place_fixes_no_other_place(tmp_path: Path) -> None:
    item = definition(tmp_path, f"FROM python:3.12\nCOPY --from=python:3.12@{B} /x /x\n")
    assert full_references(item, builder) == {PYTHON, f"{PYTHON}@{B}"}
    placed = with_digests(item, {PYTHON: (PYTHON, A), f"{PYTHON}@{B}": (PYTHON, B)}, builder)
    assert placed.bases == {"python:3.12": f"docker-image://{PYTHON}@{A}"}
    mirrored = with_digests(item, {f"{PYTHON}@{B}": ("mirror.example.com/python:3.12", B)}, builder)
    assert mirrored.bases == {f"python:3.12@{B}": f"docker-image://mirror.example.com/python:3.12@{B}"}


def test_a_place_of_one_base_image_leaves_the_lock_of_the_others(tmp_path: Path) -> None:
    item = definition(tmp_path, "FROM python:3.12\nCOPY --from=golang /go /go\n")
    locked = with_locked_bases(item, LOCK, "app", builder)
    placed = with_digests(locked, {f"{PYTHON}@{A}": ("mirror.example.com/python:3.12", A)}, builder)
    assert placed.bases == {**locked.bases, "python:3.12": f"docker-image://mirror.example.com/python:3.12@{A}"}


def test_a_lock_is_read_as_it_was_written_and_its_order_makes_no_difference() -> None:
    assert parse_lock(lock_text(LOCK)) == LOCK
    assert lock_text(LOCK) == lock_text(dict(reversed(LOCK.items())))


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"schema": 2, "bases": {}}', '{"schema": 1, "bases": {"a": "sha256:1"}}', '{"bases": []}'),
        '{"schema": 1, "bases": {}, "base": {}}',
        *('{"schema": true, "bases": {}}', '{"schema": 1.0, "bases": {}}', '{"schema": "1", "bases": {}}'),
        '{"schema": 1, "bases": {"a": null, "a": null}}',
        f'{{"schema": 1, "bases": {{"a": "{A}0"}}}}',
    ],
)
def test_a_malformed_lock_is_a_settings_error(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^ecr-bases\.lock "):
        parse_lock(text)
