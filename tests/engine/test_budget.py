"""Many tags and many images: the registry never sees more than ten PutImage in a second, docker's own included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.constants import DEFAULT_ACCOUNT, DEFAULT_REGION
from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.faults import FaultProxy
from tests.engine.project import Project, project

LIMIT = 10


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with FaultProxy() as made:
        yield made


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], proxy: FaultProxy) -> Iterator[Project]:
    """A project whose registry is behind the proxy."""
    with LocalEcr(tmp_path / "ecr", advertise=proxy.address) as ecr:
        proxy.upstream = ecr.port
        environ = {**engine, **ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
        yield project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")


def puts(proxy: FaultProxy) -> list[float]:
    """When manifests came, by the API and from docker."""
    return [when for name, when in zip(proxy.seen, proxy.times, strict=True) if name in ("PutImage", "PUT manifest")]


def most_in_a_second(times: list[float]) -> int:
    return max(sum(start <= one < start + 1 for one in times) for start in times)


def test_thirty_tags_of_two_platforms(app: Project, proxy: FaultProxy) -> None:
    rules = "\n".join(["type=sha", *(f"type=raw,value=t{number}" for number in range(29))])
    done = app.ok("push", ECR_TAGS=rules, ECR_PLATFORMS="linux/amd64,linux/arm64")
    times = puts(proxy)
    assert len(times) == 3 + 29
    assert most_in_a_second(times) <= LIMIT
    waiting = [line for line in done.err.splitlines() if line.startswith("waiting, ")]
    assert 1 <= len(waiting) <= 3
    where = f"account {DEFAULT_ACCOUNT}, {DEFAULT_REGION}"
    assert waiting[0].endswith(f" s by now: ECR takes ten PutImage a second ({where})")


def test_ten_images(app: Project, proxy: FaultProxy) -> None:
    names = [f"app-{number}" for number in range(10)]
    target = {"dockerfile": "Dockerfile", "context": "."}
    bake = {"group": {"default": {"targets": names}}, "target": dict.fromkeys(names, target)}
    app.write("docker-bake.json", json.dumps(bake))
    app.commit()
    rules = "\n".join(["type=sha", "type=ref,event=branch", "type=raw,value=stable", "type=raw,value=edge"])
    done = app.ok("push", ECR_TAGS=rules, ECR_REPOSITORY="", ECR_REPOSITORY_PREFIX="team/")
    times = puts(proxy)
    assert len(done.lines) == 10
    assert len(times) == 10 * 4
    assert most_in_a_second(times) <= LIMIT


def test_the_usual_run_waits_for_nothing(app: Project) -> None:
    app.git("tag", "v1.2.3")
    assert "waiting" not in app.ok("push", ECR_PLATFORMS="linux/amd64,linux/arm64").err
