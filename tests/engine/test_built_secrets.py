"""Tests with real engines of the look at what was built: no setting and no file shows these secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.engine.test_builders import app as app_with_builder
from tests.engine.test_builders import buildkit, platforms_app

__all__ = ["app_with_builder", "buildkit", "platforms_app"]

PASSWORD = "h7Kq2Vn5L"
IN_ONE_PLATFORM = """FROM scratch AS of-amd64
FROM scratch AS of-arm64
ARG FIRST=h7Kq
ARG SECOND=2Vn5L
ENV FILES=https://me:$FIRST$SECOND@files.company.io
FROM of-${TARGETARCH}
COPY hello.txt /
"""
IN_EVERY_ONE = IN_ONE_PLATFORM.replace("FROM of-${TARGETARCH}", "FROM of-arm64")
app = app_with_builder


def check_refused(app: Project, local_ecr: LocalEcr, entry: str) -> None:
    """Check that a run is refused before anything is pushed, and is not with the entry."""
    result = app.inv("build", "push")
    assert result.code == 6, result.stderr
    assert f"write {entry}: REASON into ECR_ALLOW_KEYS_IN" in result.stderr
    assert "not looked at" not in result.stderr
    assert PASSWORD not in result.stderr + result.stdout
    requests = local_ecr.requests()
    assert [name for name in requests if name.startswith(("PUT", "POST", "PATCH", "PutImage"))] == []
    app.ok("build", "push", ECR_ALLOW_KEYS_IN=f"{entry}: it opens nothing")


@pytest.mark.parametrize(
    ("store", "platforms", "dockerfile"),
    [
        ("engine", "linux/amd64,linux/arm64", IN_ONE_PLATFORM),
        ("engine", "", IN_EVERY_ONE),
        ("classic_engine", "", IN_EVERY_ONE),
    ],
)
def test_in_the_store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    local_ecr: LocalEcr,
    store: str,
    platforms: str,
    dockerfile: str,
) -> None:
    environ = {**request.getfixturevalue(store), **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    app = project(tmp_path / "app", {**environ, "ECR_PLATFORMS": platforms}, dockerfile)
    check_refused(app, local_ecr, "address-password env:FILES")


def test_in_what_the_builder_keeps(platforms_app: Project, local_ecr: LocalEcr) -> None:
    platforms_app.write("Dockerfile", IN_ONE_PLATFORM)
    platforms_app.commit()
    check_refused(platforms_app, local_ecr, "address-password env:FILES")


def test_in_a_base_image(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr) -> None:
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    base = f"secret-base-{tmp_path.parent.name}:1".lower()
    app = project(tmp_path / "app", environ, f"FROM {base}\nCOPY hello.txt /\n")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "Dockerfile").write_text(
        f"FROM scratch\nLABEL files=https://me:{PASSWORD}@files.company.io\n"
    )
    docker(environ, "build", "--quiet", "--tag", base, str(tmp_path / "base"))
    try:
        result = app.inv("build")
        assert result.code == 6, result.stderr
        assert "the label files is or holds a password in an address" in result.stderr
        assert "step 1 of its history" in result.stderr
    finally:
        docker(environ, "image", "rm", "--force", base)


def test_in_the_provenance(
    tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, sbom_scanner: str, tiny_base: str
) -> None:
    """The variables of a stage that the image is not made from are in the steps of a full provenance alone."""
    stage = IN_EVERY_ONE.replace("FROM scratch AS of-arm64", f"FROM {tiny_base} AS of-arm64")
    dockerfile = stage.replace("FROM of-arm64", "RUN echo > /made\nFROM scratch\nCOPY --from=of-arm64 /made /")
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    app = project(tmp_path / "app", environ, dockerfile)
    app.ok("build")
    app.environ["ECR_PRESET"] = "supply-chain"
    check_refused(app, local_ecr, "address-password provenance:env")
