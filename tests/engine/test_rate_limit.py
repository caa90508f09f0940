"""Tests of the rate limit with a real engine: at most ten PutImage in a second, with those of docker's push."""

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
    with FaultProxy() as proxy:
        yield proxy


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], proxy: FaultProxy) -> Iterator[Project]:
    """Return a project whose registry is behind the proxy."""
    with LocalEcr(tmp_path / "ecr", advertise=proxy.address) as ecr:
        proxy.upstream = ecr.port
        environ = {**engine, **ecr.environment(), "ECR_CREATE_REPOSITORY": "true", "ECR_PUTS_PER_SECOND": str(LIMIT)}
        yield project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")


def put_times(proxy: FaultProxy) -> list[float]:
    """Return the times at which manifests were put, by the API and by docker."""
    requests = zip(proxy.request_names, proxy.request_times, strict=True)
    return [time for name, time in requests if name in ("PutImage", "PUT manifest")]


def highest_count_in_a_second(times: list[float]) -> int:
    """Return the highest number of these times within a second."""
    return max(sum(start <= time < start + 1 for time in times) for start in times)


def test_thirty_tags_of_two_platforms_stay_below_the_limit(app: Project, proxy: FaultProxy) -> None:
    rules = "\n".join(["type=sha", *(f"type=raw,value=t{number}" for number in range(29))])
    result = app.ok("push", ECR_TAGS=rules, ECR_PLATFORMS="linux/amd64,linux/arm64")
    times = put_times(proxy)
    assert len(times) == 3 + 29
    assert highest_count_in_a_second(times) <= LIMIT
    waiting = [line for line in result.stderr.splitlines() if line.startswith("waiting, ")]
    assert 1 <= len(waiting) <= 3
    where = f"account {DEFAULT_ACCOUNT}, {DEFAULT_REGION}"
    assert waiting[0].endswith(f" s by now: ECR takes ten PutImage a second ({where})")


def test_ten_images_stay_below_the_limit(app: Project, proxy: FaultProxy) -> None:
    names = [f"app-{number}" for number in range(10)]
    target = {"dockerfile": "Dockerfile", "context": "."}
    bake = {"group": {"default": {"targets": names}}, "target": dict.fromkeys(names, target)}
    app.write("docker-bake.json", json.dumps(bake))
    app.commit()
    rules = "\n".join(["type=sha", "type=ref,event=branch", "type=raw,value=stable", "type=raw,value=edge"])
    result = app.ok("push", ECR_TAGS=rules, ECR_REPOSITORY="", ECR_REPOSITORY_PREFIX="team/")
    times = put_times(proxy)
    assert len(result.lines) == 10
    assert len(times) == 10 * 4
    assert highest_count_in_a_second(times) <= LIMIT


def test_a_run_with_few_tags_does_not_wait(app: Project) -> None:
    app.git("tag", "v1.2.3")
    assert "waiting" not in app.ok("push", ECR_PLATFORMS="linux/amd64,linux/arm64").stderr
