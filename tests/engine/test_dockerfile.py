"""Tests of build_context/dockerfile with BuildKit: both find the same base images in a Dockerfile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.docker.bake import serialize
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.base_images import base_images, familiar_name
from ecr_tasks.source.build_context.dockerfile import parse
from tests.engine.conftest import docker

IMAGE_NAMES = ("a", "b", "c", "d", "amd64")
LOADED_IMAGE = re.compile(r"^#\d+ \[internal\] load metadata for (\S+)$", re.MULTILINE)

CASES: list[tuple[str, dict[str, Any]]] = [
    ("FROM IMG/a:1\nCOPY --from=IMG/b:1 /etc /etc2\n", {}),
    ("FROM IMG/b:1 AS unused\nFROM IMG/a:1 AS one\nFROM one AS Two\nFROM two\n", {}),
    ("FROM IMG/a:1 AS one\nRUN true\nFROM IMG/b:1 AS two\nFROM IMG/c:1\nCOPY --from=1 /etc /e\n", {}),
    ("FROM IMG/a:1 AS one\nFROM IMG/b:1 AS two\n", {"target": "one"}),
    (
        "FROM IMG/a:1\nRUN --mount=type=bind,from=IMG/b:1,target=/t true\nRUN --mount=from=IMG/c:1,target=/t true\n",
        {},
    ),
    ("ARG N=a\nARG R=IMG/${N}\nFROM $R:1\n", {}),
    ("ARG N=a\nFROM IMG/${N}:1\nARG N=d\nCOPY --from=IMG/c:1 /etc /e\n", {"args": {"N": "b"}}),
    ("ARG N\nFROM IMG/${N:-a}:${N:+2}1\n", {}),
    ('ARG N="b"\nFROM IMG/"${N-a}":1\n', {}),
    ("ARG V=IMG/a:1-x-y\nFROM ${V%%-*}\nCOPY --from=IMG/c:1 /etc /e\n", {}),
    ("ARG V=IMG/a:1-x\nFROM ${V%-*}\n", {}),
    ("ARG V=x/IMG/b:1\nFROM ${V#*/}\n", {}),
    ("ARG V=z/y:2:1\nFROM IMG/a:${V##*:}\n", {}),
    ("ARG V=IMG/a:9\nFROM ${V/:?/:1}\n", {}),
    ("ARG V=IMG/x-:1x-\nFROM ${V//x-/a}\n", {"contexts": {"IMG/a:1a": "docker-image://IMG/a:1"}}),
    ("ARG V=a*b\nFROM IMG/${V%\\*b}:1\n", {}),
    ("ARG V=abb W=b\nFROM IMG/${V%${W}b}:${UNSET#x}1\n", {}),
    ("FROM --platform=$BUILDPLATFORM IMG/$TARGETARCH:1\n", {}),
    ("FROM \\\n  IMG/a:1 \\ \n\n # FROM IMG/b:1\n AS x\nFROM x\n", {}),
    ("FROM IMG/a:1\nRUN <<EOF\n#FROM IMG/b:1\ntrue\nEOF\nCOPY --from=IMG/c:1 /etc /e\n", {}),
    ("FROM IMG/a:1\nCOPY <<-'one' <<two /x/\nFROM IMG/b:1\n\tone\nFROM IMG/c:1\ntwo\nRUN true\n", {}),
    ('FROM IMG/a:1\nRUN echo "<<EOF"\nCOPY --from=IMG/c:1 /etc /e\n', {}),
    ("FROM IMG/a:1\nRUN echo \\\\\nFROM IMG/b:1\n", {}),
    ("# escape=`\nFROM `\n IMG/a:1\nRUN echo c:\\\nCOPY --from=IMG/b:1 /etc /e\n", {}),
    ("FROM IMG/a:1 AS one\nFROM IMG/b:1\nCOPY --from=one /etc /e\n", {"contexts": {"one": "docker-image://IMG/c:1"}}),
    ("FROM IMG/a\nCOPY --from=IMG/b:1 /etc /e\n", {"contexts": {"IMG/a": "docker-image://IMG/d:1"}}),
    ("FROM docker.io/IMG/a:latest\n", {"contexts": {"IMG/a": "docker-image://IMG/d:1"}}),
    ("FROM IMG/a:1\n", {"contexts": {"IMG/a": "docker-image://IMG/d:1"}}),
    ("FROM IMG/a:1\n", {"contexts": {"docker.io/IMG/a:1": "docker-image://IMG/d:1"}}),
    ("FROM IMG/a:1\n", {"contexts": {"IMG/a:1::linux/amd64": "docker-image://IMG/d:1"}}),
    ("FROM IMG/a:1\n", {"contexts": {"IMG/a:1::linux/arm64": "docker-image://IMG/d:1"}}),
    ("FROM IMG/a:1 AS Up\nRUN true\n", {"contexts": {"Up": "docker-image://IMG/d:1"}}),
    ("FROM IMG/a:1 AS x\nFROM x AS y\nFROM IMG/b:1 AS x\nFROM x\nCOPY --from=Y /etc /e\n", {}),
    ("FROM IMG/a:1 AS x\nFROM IMG/b:1 AS x\nFROM IMG/c:1\nCOPY --from=x /etc /e\n", {}),
    ("FROM IMG/a:1 AS base\nONBUILD COPY --from=IMG/b:1 /etc /e\nFROM base\n", {}),
]


@pytest.fixture(scope="module")
def prefix(engine: dict[str, str], tiny_base: str) -> Iterator[str]:
    """Tag a few images and return the prefix of their names."""
    prefix = "local/parsed"
    for name in IMAGE_NAMES:
        docker(engine, "tag", tiny_base, f"{prefix}/{name}:1")
    yield prefix
    docker(engine, "image", "rm", *(f"{prefix}/{name}:1" for name in IMAGE_NAMES))


@pytest.mark.parametrize(("text", "build_options"), CASES)
def test_the_base_images_are_those_that_buildkit_loads(
    engine: Mapping[str, str], tmp_path: Path, prefix: str, text: str, build_options: Mapping[str, Any]
) -> None:
    options = json.loads(json.dumps(build_options).replace("IMG", prefix))
    dockerfile = text.replace("IMG", prefix)
    target = {"context": ".", "dockerfile-inline": dockerfile, "output": ["type=cacheonly"], **options}
    (tmp_path / "bake.json").write_text(serialize({"target": {"it": target}}), encoding="utf-8")
    output = docker(engine, "buildx", "bake", "--file=bake.json", "--progress=plain", "it", cwd=tmp_path).stderr
    contexts = options.get("contexts", {})
    # BuildKit prints the same line for the images of named contexts.
    context_images = {familiar_name(value.removeprefix("docker-image://")) for value in contexts.values()}
    definition = BuildDefinition(".", target=options.get("target"), args=options.get("args", {}), contexts=contexts)
    images = base_images(parse(dockerfile.encode()), definition, "linux/amd64", "linux/amd64").images
    assert {familiar_name(base.reference) for base in images} == set(
        map(familiar_name, LOADED_IMAGE.findall(output))
    ) - context_images
