"""The base images of Dockerfiles with stages, variables and heredocs; the examples are BuildKit's results."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.base_images import (
    BaseImage,
    base_images,
    familiar_name,
    pinned_digest,
    repository_of,
)
from ecr_tasks.source.build_context.dockerfile import parse
from ecr_tasks.source.build_context.shell_words import expand, split
from ecr_tasks.source.build_context.unknown import Unknown

PIN = "sha256:" + "a" * 64


def read(
    text: str,
    *,
    target: str | None = None,
    platform: str = "linux/amd64",
    args: Mapping[str, str] | None = None,
    contexts: Mapping[str, str] | None = None,
) -> set[str]:
    """Return the references of a Dockerfile's base images."""
    definition = BuildDefinition(".", target=target, args=args or {}, contexts=contexts or {})
    bases = base_images(parse(text.encode()), definition, platform, build_platform="linux/arm64")
    if bases.unknown:
        raise Unknown(bases.unknown)
    return {base.reference for base in bases.images}


EXAMPLES = {
    "one image": ("FROM alpine:3\nRUN true\n", {"alpine:3"}),
    "scratch is none": ("FROM scratch\nCOPY . /\n", set()),
    "the last stage and what it copies from": (
        "FROM golang AS build\nRUN make\nFROM alpine\nCOPY --from=build /a /a\n",
        {"golang", "alpine"},
    ),
    "a stage that nobody needs": ("FROM node AS unused\nFROM alpine\n", {"alpine"}),
    "a stage by its number": ("FROM golang\nFROM node\nFROM alpine\nCOPY --from=0 / /\n", {"golang", "alpine"}),
    "a stage on a stage": ("FROM alpine AS one\nFROM one AS two\nFROM two\n", {"alpine"}),
    "names in any case": ("from alpine as Base\nFROM scratch\nCopy --from=BASE / /\n", {"alpine"}),
    "a name that is taken again": ("FROM a AS x\nFROM x AS x\nFROM x\n", {"a"}),
    "copied from an image": ("FROM alpine\nCOPY --chown=1 --from=nginx:1 /etc /etc\n", {"alpine", "nginx:1"}),
    "a mount": (
        "FROM alpine\nRUN --mount=type=bind,from=tools:2,source=/t,target=/t --network=none t\n",
        {"alpine", "tools:2"},
    ),
    "a mount of bind's, by default": ("FROM alpine\nRUN --mount=from=tools,target=/t t\n", {"alpine", "tools"}),
    "mounts from nowhere": ("FROM alpine\nRUN --mount=type=cache,target=/c --mount=type=secret,id=x t\n", {"alpine"}),
    "a mount that reads no image": ("FROM alpine\nRUN --mount=type=tmpfs,from=x,target=/t t\n", {"alpine"}),
    "arguments": ("ARG V=3\nARG I=alpine:${V}\nFROM $I\n", {"alpine:3"}),
    "an argument's default in quotes": ('ARG I="alpine:3"\nFROM ${I}\n', {"alpine:3"}),
    "the shortest end cut off": ("ARG V=a/b:c:3\nFROM ${V%:*}\n", {"a/b:c"}),
    "the longest end cut off": ("ARG V=a.b.c/d/e\nFROM ${V%%/*}\n", {"a.b.c"}),
    "the shortest begin cut off": ("ARG V=a.b.c/d/e\nFROM ${V#*/}\n", {"d/e"}),
    "the longest begin cut off": ("ARG V=a.b.c/d/e\nFROM ${V##*/}\n", {"e"}),
    "one replaced": ("ARG V=a-b-c\nFROM ${V/-/x}\n", {"axb-c"}),
    "all replaced": ("ARG V=a-b-c\nFROM ${V//-/x}\n", {"axbxc"}),
    "an escape in a pattern": ("ARG V=a/b\nFROM ${V/\\//q}\n", {"aqb"}),
    "a pattern matches as much as it can": ("ARG V=abc\nFROM ${V/b*/q}\n", {"aq"}),
    "brackets are no pattern": ("ARG V=abc\nFROM ${V%[bc]}\n", {"abc"}),
    "a pattern with a variable": ("ARG V=aab\nFROM ${V#${V%b}}\n", {"b"}),
    "a replacement with a variable": ("ARG V=abc\nFROM ${V/b/$V}\n", {"aabcc"}),
    "an argument that isn't set": ("ARG V\nFROM alpine:${V:-edge}\n", {"alpine:edge"}),
    "an argument in a stage is another one": (
        "ARG V=1\nFROM a:$V AS x\nARG V=2\nFROM b:$V\nCOPY --from=x / /\n",
        {"a:1", "b:1"},
    ),
    "an architecture": ("FROM alpine-$TARGETARCH\n", {"alpine-amd64"}),
    "the builder's platform": ("FROM --platform=$BUILDPLATFORM go-$BUILDARCH\n", {"go-arm64"}),
    "continued lines": ("FROM \\\n  alpine \\  \n\n  # in between\n  AS x\nFROM x\n", {"alpine"}),
    "two backslashes continue nothing": ("FROM alpine\nRUN echo \\\\\nFROM nginx\n", {"nginx"}),
    "another escape": ("# escape=`\nFROM `\nalpine\nRUN dir c:\\\nCOPY --from=x / /\n", {"alpine", "x"}),
    "a comment is no instruction": ("# FROM a\n  # FROM b\nFROM alpine\n#FROM c\n", {"alpine"}),
    "carriage returns": ("FROM alpine\\\r\n:3\r\nCOPY --from=b / /\r\n", {"alpine:3", "b"}),
    "a byte order mark": ("\ufeffFROM alpine\n", {"alpine"}),
    "a heredoc": ("FROM alpine\nRUN <<EOF\nFROM x\nCOPY --from=y / /\nEOF\nCOPY --from=z / /\n", {"alpine", "z"}),
    "heredocs": (
        "FROM alpine\nCOPY <<-'one' <<two /\nFROM x\n\tone\nFROM y\ntwo\nCOPY --from=z / /\n",
        {"alpine", "z"},
    ),
    "a here-string is no heredoc": ("FROM alpine\nRUN cat <<<EOF\nCOPY --from=z / /\n", {"alpine", "z"}),
    "quotes hide a heredoc": ('FROM alpine\nRUN echo "<<EOF"\nCOPY --from=z / /\n', {"alpine", "z"}),
    "a frontend": (
        "# syntax = docker/dockerfile:1\n# check=skip=all\nFROM alpine\n",
        {"docker/dockerfile:1", "alpine"},
    ),
    "a directive comes first or not at all": ("# a comment\n# syntax=docker/dockerfile:1\nFROM alpine\n", {"alpine"}),
    "a file that is added": ("FROM alpine\nADD a.tar --b /\nADD --checksum=sha256:1 https://x/y /\n", {"alpine"}),
    "a repository at a commit": (f"FROM alpine\nADD https://x/y.git#{'1' * 40}:sub /\n", {"alpine"}),
    "a trigger for later stages": ("FROM alpine\nONBUILD COPY --from=x / /\n", {"alpine", "x"}),
}


@pytest.mark.parametrize(("text", "expected"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_what_it_builds_on(text: str, expected: set[str]) -> None:
    assert read(text) == expected


def test_a_target_needs_only_its_own_stages() -> None:
    text = "FROM a AS one\nFROM b AS two\nFROM c\n"
    assert read(text, target="One") == {"a"}
    assert read(text, target="two") == {"b"}
    assert read(text) == {"c"}


def test_build_arguments_beat_defaults_and_are_taken_as_they_are() -> None:
    text = "ARG V=1\nFROM a:$V\nCOPY --from=b / /\n"
    assert read(text, args={"V": "2"}) == {"a:2", "b"}
    assert read("ARG V\nFROM a:$V\n", args={"V": "$X"}) == {"a:$X"}
    assert read("FROM a$V\n", args={"V": "-undeclared"}) == {"a"}
    assert read("FROM a-$TARGETARCH\n", args={"TARGETARCH": "mine"}) == {"a-mine"}


def test_a_frontend_can_be_an_argument() -> None:
    args = {"BUILDKIT_SYNTAX": "example.com/dockerfile:2"}
    assert read("# syntax=docker/dockerfile:1\nFROM a\n", args=args) == {"example.com/dockerfile:2", "a"}


@pytest.mark.parametrize("written", ["alpine", "alpine:latest", "docker.io/library/alpine"])
def test_a_named_context_takes_an_images_place(written: str) -> None:
    text = f"FROM {written} AS x\nCOPY --from=other / /\n"
    assert read(text, contexts={"alpine": "./folder"}) == {"other"}
    assert read(text, contexts={"alpine::linux/amd64": "./folder"}) == {"other"}
    assert read(text, contexts={"alpine::linux/arm64": "./folder"}) == {written, "other"}
    assert read(text, contexts={"alpine:latest": "./folder"}) == {written, "other"}  # bake changes no name
    assert read(text, contexts={"other": "./folder"}) == {written}
    assert read(text, contexts={"x": "./folder"}) == set()


def test_each_image_is_for_the_platform_that_it_is_asked_for() -> None:
    text = "FROM --platform=$BUILDPLATFORM go AS build\nFROM --platform=linux/s390x tools AS t\nFROM alpine\n"
    text += "COPY --from=build / /\nCOPY --from=t / /\n"
    images = base_images(parse(text.encode()), BuildDefinition("."), "linux/arm/v7", "linux/amd64").images
    assert images == {
        BaseImage("go", "linux/amd64"),
        BaseImage("tools", "linux/s390x"),
        BaseImage("alpine", "linux/arm/v7"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "FROM ${A#x}\n",
        "FROM ${A/x/y}\n",
        "FROM ${A:?}\n",
        "FROM $NOTHING\n",
        "FROM ${A\n",
        "FROM alpine\nCOPY --from=$A / /\n",
        "FROM alpine\nRUN --mount=from=$A,target=/t t\n",
        "FROM alpine\nADD https://example.com/a /\n",
        'FROM alpine\nADD ["https://example.com/a", "/"]\n',
        "FROM alpine\nARG V=1\nADD https://example.com/$V /\n",
        "FROM alpine AS a\nENV U=https://example.com/a\nFROM a\nADD $U /\n",
        "FROM alpine\nADD git@example.com:a/b.git /\n",
        "FROM alpine\nADD https://example.com/a.git#main /\n",
        "# syntax=example.com/nix:1\n[inputs]\n",
    ],
)
def test_what_only_the_build_can_know(text: str) -> None:
    with pytest.raises(Unknown) as caught:
        read(text)
    assert str(caught.value)


def test_what_is_added_in_a_stage_that_nobody_needs_does_not_matter() -> None:
    assert read("FROM a AS x\nADD https://example.com/a /\nFROM b\n") == {"b"}


def test_an_unknown_target_is_told() -> None:
    for target in ("nowhere", "0"):
        with pytest.raises(Unknown, match=f"no stage {target}"):
            read("FROM a\n", target=target)


NAMES = st.sampled_from(["A", "B", "C"])
VALUES = st.text("abc:/.-", max_size=4)
VARIABLES = st.dictionaries(NAMES, VALUES)


@given(NAMES, VALUES, VARIABLES)
def test_operators_are_the_shells(name: str, other: str, variables: dict[str, str]) -> None:
    value = variables.get(name)

    def expanded(operator: str) -> str:
        return expand(f"x${{{name}{operator}{other}}}y", variables, "\\")

    assert expanded(":-") == f"x{value or other}y"
    assert expanded("-") == f"x{other if value is None else value}y"
    assert expanded(":+") == f"x{other if value else ''}y"
    assert expanded("+") == f"x{'' if value is None else other}y"
    assert expand(f"${name}", variables, "\\") == expand(f"${{{name}}}", variables, "\\") == (value or "")


@given(NAMES, NAMES, VARIABLES)
def test_operators_may_stand_in_each_other(one: str, two: str, variables: dict[str, str]) -> None:
    word = expand(f"${{{one}:-a${{{two}:-b}}}}", variables, "\\")
    assert word == (variables.get(one) or f"a{variables.get(two) or 'b'}")


@given(st.text("ab$\\{}'\" ", max_size=12))
def test_quoted_text_is_itself(text: str) -> None:
    if "'" not in text:
        assert expand(f"'{text}'", {"a": "x"}, "\\") == text
    escaped = "".join(f"\\{character}" for character in text)
    assert expand(escaped, {"a": "x"}, "\\") == text


@given(st.lists(st.text("ab=-$:'", min_size=1, max_size=5).filter(lambda word: word.count("'") % 2 == 0)))
def test_words_come_apart_at_white_space(words: list[str]) -> None:
    assert split(" \t".join(words), "\\") == words


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    with suppress(Unknown):
        read(text)


LINES = st.sampled_from(
    ["FROM a", "FROM b AS x", "FROM x", "COPY --from=x / /", "COPY --from=c / /", "RUN --mount=from=d,target=/ t"]
)


@given(st.lists(LINES, min_size=1, max_size=8))
def test_breaking_lines_and_comments_change_nothing(lines: list[str]) -> None:
    plain = "\n".join(["FROM start", *lines])
    broken = plain.replace(" ", " \\\n  # a comment\n\n ")
    noted = plain.replace("\n", "\n# FROM nothing\n\n")
    assert read(broken) == read(noted) == read(plain)


@pytest.mark.parametrize(
    ("reference", "name", "repository"),
    [
        ("alpine", "alpine:latest", "alpine"),
        ("docker.io/library/alpine:3", "alpine:3", "alpine"),
        ("index.docker.io/team/app", "team/app:latest", "team/app"),
        ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app"),
        ("example.com:1/a/b:2", "example.com:1/a/b:2", "example.com:1/a/b"),
        (f"a:1@{PIN}", f"a:1@{PIN}", "a"),
    ],
)
def test_references(reference: str, name: str, repository: str) -> None:
    assert (familiar_name(reference), repository_of(reference)) == (name, repository)
    assert pinned_digest(reference) == (PIN if "@" in reference else None)
