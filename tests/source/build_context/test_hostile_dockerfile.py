"""Dockerfiles that nobody writes by hand: an answer comes at once, and what can't be worked out is unknown."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.base_images import BaseImage, BaseImages, base_images
from ecr_tasks.source.build_context.dockerfile import parse

MANY = 50_000
DOUBLING = "A0=xxxxxxxx\n", "A{}=${{A{}}}${{A{}}}\n"


def read(text: str) -> BaseImages:
    """Return what a build of a Dockerfile reads."""
    return base_images(parse(text.encode()), BuildDefinition("."), "linux/amd64", "linux/amd64")


@pytest.mark.parametrize(("before", "instruction"), [("", "ARG"), ("FROM x\n", "ENV"), ("FROM x\n", "ARG")])
def test_values_that_double_take_no_memory(before: str, instruction: str) -> None:
    lines = [f"{instruction} A{n + 1}=${{A{n}}}${{A{n}}}\n" for n in range(60)]
    tracemalloc.start()
    try:
        result = read(f"{before}{instruction} A0=xxxxxxxx\n{''.join(lines)}FROM $A60\nFROM y")
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert before or result.unknown


@pytest.mark.parametrize("number", ["9" * 5000, "²", "٣", "-0", "1"])
def test_a_number_of_no_stage_is_an_image(number: str) -> None:
    images = read(f"FROM x\nCOPY --from={number} / /\n").images
    assert BaseImage(number, "linux/amd64") in images


@pytest.mark.parametrize("number", ["0", "+0", "000", "0" * 5000])
def test_a_number_of_a_stage(number: str) -> None:
    assert {image.reference for image in read(f"FROM x\nFROM y\nCOPY --from={number} / /\n").images} == {"x", "y"}


@pytest.mark.parametrize(
    "text",
    [
        "FROM " + "${A:-" * 5000 + "}" * 5000,
        "FROM x\nENV A=" + '${A:-"' * 5000,
        "FROM x\nENV A=" + "a" * 5000 + "\nENV B=${A##*a*a*a*a*a*b}\n",
        "FROM x\nENV A=" + "a" * 5000 + "\n" + "ENV B=${A%%*a*a*b}\n" * 50,
        "FROM x\nENV A=" + "a" * 5000 + "\n" + "ENV B=${A//a*a/b}\n" * 50,
    ],
)
def test_what_cant_be_worked_out_is_unknown(text: str) -> None:
    result = read(text)
    assert result.unknown
    assert result.may_be_more


@pytest.mark.parametrize(
    "text",
    [
        "FROM x AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(5000)),
        "FROM x AS s0\n" + "".join(f"FROM scratch AS s{n + 1}\nCOPY --from=s{n} / /\n" for n in range(5000)),
        "FROM x\n" + "RUN a\n" * MANY,
        "FROM x\nRUN a \\\n" + " b \\\n" * MANY,
        "FROM x\nRUN " + "a " * MANY * 5,
        "FROM x\nCOPY " + "[" * MANY,
        "# a=" + " " * MANY * 5 + "y\nFROM x",
        "FROM x\n" + "ONBUILD " * MANY,
        "FROM x\nRUN " + "--a " * MANY,
        "FROM x\nRUN " + "<<a " * MANY,
        "FROM x\nENV A=" + "''" * MANY,
        "FROM x\nENV A='" + "a" * MANY,
    ],
)
def test_much_of_one_kind(text: str) -> None:
    assert {image.reference for image in read(text).images} == {"x"}


def test_a_document_that_is_nested_too_deeply_is_no_frontends() -> None:
    assert read('{"syntax": ' + "[" * MANY).images == frozenset()


@pytest.mark.parametrize("seed", range(200))
def test_any_bytes(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same bytes in each run
    pieces = [
        *(b"FROM ", b"ARG ", b"ENV ", b"COPY ", b"RUN ", b"ADD ", b"ONBUILD ", b"--from=", b"--mount=", b"x", b"A="),
        *(
            b"\n",
            b" ",
            b"\\\n",
            b"${A",
            b"}",
            b":-",
            b"#",
            b"%%",
            b"//",
            b"*",
            b"'",
            b'"',
            b"[",
            b"{",
            b"<<E",
            b"\xff",
        ),
        *(b"\0", b"\xef\xbb\xbf", b"# syntax=", b"# escape=`\n", b"`", b"AS a\n", b"9" * 20, b",", b"from=a", b"\r"),
    ]
    content = b"".join(random.choices(pieces, k=random.randint(1, 60)))
    base_images(parse(content), BuildDefinition("."), "linux/amd64", "linux/amd64")
