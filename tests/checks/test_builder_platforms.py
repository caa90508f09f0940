"""Which platforms a build needs programs of, and for which an engine can be given emulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.checks.builder_platforms import check_platforms, missing_emulation
from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.ports import Engine

CROSS = """\
FROM --platform=$BUILDPLATFORM golang AS base
FROM base AS build
RUN go build
FROM scratch
COPY --from=build /app /
"""


def engine(driver: str = "docker") -> Engine:
    return Engine(True, "linux/amd64", "default", driver, 1, ("linux/amd64", "linux/386"))


def definition(folder: Path, dockerfile: str) -> BuildDefinition:
    (folder / "Dockerfile").write_text(dockerfile, "utf-8")
    return BuildDefinition(
        context=str(folder), dockerfile=str(folder / "Dockerfile"), platforms=("linux/amd64", "linux/arm64")
    )


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM base\nRUN x\n",
        "FROM --platform=$TARGETPLATFORM base\nRUN x\n",
        "FROM base AS a\nFROM a AS b\nRUN x\nFROM scratch\nCOPY --from=b /x /\n",
    ],
)
def test_a_run_for_the_targets_platform_needs_emulation(tmp_path: Path, dockerfile: str) -> None:
    build = definition(tmp_path, dockerfile)
    assert missing_emulation([build], engine()) == ("linux/arm64",)
    with pytest.raises(BuildError, match=r"planned for linux/arm64, whose programs the builder default can't run"):
        check_platforms("app", [build], engine())


@pytest.mark.parametrize("dockerfile", [CROSS, "FROM base\nCOPY x /\n"])
def test_a_build_on_the_builders_own_platform_needs_none(tmp_path: Path, dockerfile: str) -> None:
    build = definition(tmp_path, dockerfile)
    assert missing_emulation([build], engine()) == ()
    check_platforms("app", [build], engine())


@pytest.mark.parametrize("driver", ["remote", "kubernetes"])
def test_another_machine_is_given_no_emulation(tmp_path: Path, driver: str) -> None:
    assert missing_emulation([definition(tmp_path, "FROM base\nRUN x\n")], engine(driver)) == ()
