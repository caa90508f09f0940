"""The ECR hosts that a build reads base images from."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.load import load
from ecr_tasks.source.build_context.ecr_hosts import ecr_hosts
from tests.support.build import HOST, settings

HOSTS = [
    ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1"),
    ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ("123456789012.dkr-ecr.us-west-2.on.aws", "us-west-2"),
]


def definition(folder: Path, dockerfile: str) -> BuildDefinition:
    """Return a build of a Dockerfile with this content."""
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return BuildDefinition(str(folder), "Dockerfile")


@pytest.mark.parametrize(("host", "region"), HOSTS)
def test_a_base_image_in_any_partition_is_found_with_its_region(tmp_path: Path, host: str, region: str) -> None:
    assert ecr_hosts(definition(tmp_path, f"FROM {host}/base:1 AS base\n"), settings()) == {host: region}
    assert ecr_hosts(definition(tmp_path, f'ARG BASE="{host}/base"\nFROM $BASE\n'), settings()) == {host: region}


@pytest.mark.parametrize(
    "options", [{"args": {"BASE": f"{HOST}/base"}}, {"contexts": {"base": f"docker-image://{HOST}/base"}}]
)
def test_build_arguments_and_named_contexts_count(tmp_path: Path, options: dict[str, dict[str, str]]) -> None:
    build = BuildDefinition(str(tmp_path), **options)  # type: ignore[arg-type]
    assert ecr_hosts(build, settings()) == {HOST: "eu-central-1"}


@pytest.mark.parametrize(
    "base",
    [
        "python:3.13",
        "public.ecr.aws/docker/library/python:3",
        f"{HOST}.evil.example/base",
        "12.dkr.ecr.x.amazonaws.com/b",
    ],
)
def test_other_registries_get_no_token(tmp_path: Path, base: str) -> None:
    assert ecr_hosts(definition(tmp_path, f"FROM {base}\n"), settings()) == {}


def test_the_local_ecr_counts_as_ecr(tmp_path: Path) -> None:
    local = load(tmp_path, environ={}, overrides={"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:4510"})
    assert ecr_hosts(definition(tmp_path, "FROM 127.0.0.1:4510/base:1\n"), local) == {"127.0.0.1:4510": None}
    assert ecr_hosts(definition(tmp_path, "FROM 127.0.0.1:4511/base:1\n"), local) == {}


def test_a_dockerfile_that_is_not_there_names_no_host(tmp_path: Path) -> None:
    assert ecr_hosts(BuildDefinition(str(tmp_path), "nowhere"), settings()) == {}
    assert ecr_hosts(BuildDefinition("https://git.example.com/app.git"), settings()) == {}
