"""The references that a build reads and writes, wherever they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.references import BuildReferences, read_references

HOST = "210987654321.dkr.ecr.us-west-2.amazonaws.com"
BASE = f"{HOST}/base:1"


def platform() -> str:
    """Return a builder's platform."""
    return "linux/arm64"


def read(folder: Path, dockerfile: str, **options: Any) -> BuildReferences:
    """Return the references of a build of a Dockerfile with this content."""
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return read_references(BuildDefinition(str(folder), **options), platform)


DOCKERFILES = {
    "FROM": f"FROM {BASE}\n",
    "an argument's default": f"ARG REGISTRY={HOST}\nFROM ${{REGISTRY}}/base:1\n",
    "a default in quotes": f'ARG BASE="{BASE}"\nFROM $BASE\n',
    "a default after :-": f"ARG REGISTRY\nFROM ${{REGISTRY:-{HOST}}}/base:1\n",
    "arguments for account and region": (
        "ARG ACCOUNT=210987654321\nARG REGION=us-west-2\nFROM ${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/base:1\n"
    ),
    "an earlier stage": f"FROM {BASE} AS build\nFROM scratch\nCOPY --from=build / /\n",
    "COPY --from": f"FROM scratch\nCOPY --from={BASE} / /\n",
    "a mount": f"FROM scratch\nRUN --mount=type=bind,from={BASE},target=/t true\n",
    "a frontend": f"# syntax={BASE}\nFROM scratch\n",
    "a frontend for another language": f"// syntax = {BASE}\nversion: 1\n",
    "a frontend for JSON": f'{{"syntax": "{BASE}"}}',
}


@pytest.mark.parametrize("dockerfile", DOCKERFILES.values(), ids=DOCKERFILES.keys())
def test_a_dockerfile_names_references_in_many_ways(tmp_path: Path, dockerfile: str) -> None:
    assert read(tmp_path, dockerfile).all == {BASE}
    inline = BuildDefinition(str(tmp_path / "nowhere"), extra={"dockerfile-inline": dockerfile})
    assert read_references(inline, platform).all == {BASE}


OPTIONS: dict[str, dict[str, Any]] = {
    "an argument": {"args": {"B": BASE}},
    "a named context": {"contexts": {"x": f"docker-image://{BASE}"}},
    "another frontend": {"args": {"BUILDKIT_SYNTAX": BASE}},
    "a cache to read": {"cache_from": (f"type=registry,ref={BASE}",)},
    "a cache to write": {"cache_to": (f"mode=max,ref={BASE},type=registry",)},
    "a cache in quotes": {"cache_to": (f'type=registry,"ref={BASE}","mode=max"',)},
    "a cache in short syntax": {"cache_from": (BASE,)},
    "one of several in short syntax": {"cache_from": (f"{BASE},{BASE}",)},
    "a scanner": {"attest": (f"type=sbom,generator={BASE}",)},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_a_definition_names_references_in_many_ways(tmp_path: Path, options: dict[str, Any]) -> None:
    assert read(tmp_path, "ARG B=scratch\nFROM $B\n", **options).all == {BASE}
    remote = BuildDefinition("https://git.example.com/app.git", **options)
    references = read_references(remote, platform)
    assert references.all == {BASE}
    assert references.may_be_more


@pytest.mark.parametrize(
    "options",
    [
        {"contexts": {"x": f"oci-layout://{BASE}", "y": "folder", "z": "target:base"}},
        {"cache_from": ("type=gha", f"type=local,src={BASE}", "type=s3,bucket=b", 'type="x')},
        {"attest": (f"type=sbom,generator={BASE},disabled=true", "type=provenance,mode=max", "type=sbom")},
        {"target": "first"},
        {"contexts": {BASE: "docker-image://alpine"}},
    ],
)
def test_what_is_read_from_no_registry_is_no_reference(tmp_path: Path, options: dict[str, Any]) -> None:
    dockerfile = f"FROM scratch AS first\n#FROM {BASE}\nRUN echo {BASE}\nFROM {options.get('contexts') and BASE}\n"
    text = dockerfile if "target" in options else "FROM scratch\n"
    assert read(tmp_path, text, **options).all <= {"alpine"}


def test_a_named_context_takes_the_place_of_an_image(tmp_path: Path) -> None:
    contexts = {f"{HOST}/base:1": "docker-image://alpine:3"}
    assert read(tmp_path, f"FROM {BASE}\n", contexts=contexts).all == {"alpine:3"}


def test_several_accounts_and_regions_are_in_one_build(tmp_path: Path) -> None:
    other = "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/tools:2"
    cache = "444455556666.dkr-ecr.eu-west-1.on.aws/cache:app"
    dockerfile = f"ARG B={BASE}\nFROM $B AS b\nFROM public.ecr.aws/docker/library/alpine\nCOPY --from={other} / /\n"
    references = read(tmp_path, f"{dockerfile}COPY --from=b / /\n", cache_to=(f"type=registry,ref={cache}",))
    assert references.all == {BASE, other, cache, "public.ecr.aws/docker/library/alpine"}
    assert references.caches == {cache}
    assert not references.may_be_more


@pytest.mark.parametrize(
    "dockerfile",
    [
        f"FROM {BASE} AS b\nFROM ${{X/a/b}}\nCOPY --from=b / /\n",
        f"FROM {BASE}\nCOPY --from=$X / /\n",
        f"FROM $NOTHING\nCOPY --from={BASE} / /\n",
        f"FROM {BASE}\nCOPY --from=$X / /\nADD https://example.com/a /\n",
        f"ARG X=${{Y%%*}}\nFROM $X\nCOPY --from={BASE} / /\n",
    ],
)
def test_what_cant_be_worked_out_hides_nothing_else(tmp_path: Path, dockerfile: str) -> None:
    references = read(tmp_path, dockerfile)
    assert references.all == {BASE}
    assert references.may_be_more
    assert references.unknown


def test_a_file_from_an_address_is_no_image(tmp_path: Path) -> None:
    references = read(tmp_path, f"FROM {BASE}\nADD https://example.com/a /\n")
    assert references.unknown
    assert not references.may_be_more


@pytest.mark.parametrize("context", ["https://git.example.com/app.git", "git@github.com:a/b", "nowhere"])
def test_a_dockerfile_that_cant_be_read_may_name_any_image(context: str) -> None:
    references = read_references(BuildDefinition(context), platform)
    assert references.all == set()
    assert references.may_be_more


def test_a_build_argument_may_name_a_registry_for_a_dockerfile_that_cant_be_read() -> None:
    args = {"REGISTRY": HOST, "OTHER": "ghcr.io/a", "WORD": "x"}
    assert read_references(BuildDefinition("https://git.example.com/app.git", args=args), platform).all == {
        f"{HOST}/"
    }


def test_the_builder_is_only_asked_where_its_platform_matters(tmp_path: Path) -> None:
    asked = []

    def ask() -> str:
        asked.append(1)
        return "linux/arm64"

    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}-$TARGETARCH\n", encoding="utf-8")
    definition = BuildDefinition(str(tmp_path), platforms=("linux/amd64", "linux/riscv64"))
    assert read_references(definition, ask).all == {f"{BASE}-amd64", f"{BASE}-riscv64"}
    assert asked == []
    assert read_references(BuildDefinition(str(tmp_path)), ask).all == {f"{BASE}-arm64"}
    assert asked == [1]


NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@given(account=st.from_regex(r"[0-9]{12}", fullmatch=True), region=st.sampled_from(["eu-west-1", "il-central-1"]))
@pytest.mark.parametrize("by", ["default", "argument"])
def test_the_parts_of_a_host_may_come_from_anywhere(
    tmp_path_factory: pytest.TempPathFactory, by: str, account: str, region: str
) -> None:
    values = {"ACCOUNT": account, "REGION": region}
    lines = [f"ARG {name}={value}" if by == "default" else f"ARG {name}=other" for name, value in values.items()]
    lines.append("FROM ${ACCOUNT}.dkr.ecr.$REGION.amazonaws.com/base")
    inline = {"dockerfile-inline": "\n".join(lines)}
    definition = BuildDefinition(".", args=values if by == "argument" else {}, extra=inline)
    expected = {f"{account}.dkr.ecr.{region}.amazonaws.com/base"}
    assert read_references(definition, platform).all == expected
