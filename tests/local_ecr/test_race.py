"""Two pipelines that publish at once, a hundred times over: all that `inv push` does but docker, over real HTTP.

``tests/core/test_forward.py`` puts the calls into orders of its choice; here the order is what two threads, the SDK
and a server make of it. ``tests/engine/test_race.py`` does the same with docker, a few times.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from ecr_tasks.clients.ecr.rate_limit import RateLimits
from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.retry import discard
from ecr_tasks.execute.push import publish
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.manifest import REVISION, VERSION
from ecr_tasks.model.receipt import Built, Published
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.settings.load import load
from ecr_tasks.tags.from_settings import tag_set
from tests.local_ecr.http_client import HttpClient, digest_of, manifest_of
from tests.support.build import image, source
from tests.support.fakes import FakeDocker, FakeRegistry

DELAYS = (0.0, 0.0, 0.0, 0.02)
"""Seconds that a call to the API may be on its way: one that is late lets all of another run pass."""
HASTE = 100
"""How much faster time passes for ECR's ten PutImage a second: a hundred rounds would wait for half a minute."""
LOCKED = {
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [
        {"filterType": "WILDCARD", "filter": name} for name in ("latest", "1.2", "1.3")
    ],
}
"""As ``repo.ensure`` has it: ECR locks the releases."""
RULES = "type=sha\ntype=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}"


class HttpDocker(FakeDocker):
    """Pushes one image by a registry client of few lines: there is no engine."""

    def __init__(self, server: LocalEcr, version: str, revision: str) -> None:
        super().__init__(FakeRegistry())
        self._server = server
        self._layer = version.encode()
        self._notes = {VERSION: version, REVISION: revision}
        self.digest = digest_of(manifest_of(b"{}", [self._layer], annotations=self._notes))

    def push(self, reference: str) -> None:
        name, _, tag = reference.removeprefix(f"{self._server.registry}/").rpartition(":")
        HttpClient.logged_in(self._server).push_image(name, tag, self._layer, annotations=self._notes)


class Pipeline:
    """One pipeline: a clone that knows of its own release alone, an SDK client of its own, and what it has built."""

    def __init__(self, server: LocalEcr, project: Path, version: str) -> None:
        revision = digest_of(version.encode())[7:47]
        settings = load(project, environ={**server.environment(), "ECR_TAGS": RULES})
        self.dice = random.Random(version)  # noqa: S311 - repeatable, not secret
        aws = AwsSession(settings)
        aws.rate_limits = RateLimits(
            discard, lambda seconds: time.sleep(seconds / HASTE), lambda: time.monotonic() * HASTE
        )
        aws.ecr().meta.events.register("before-send.ecr", self._travel)
        self.registry = EcrRegistry(settings, aws)
        self.source = source(revision=revision, tag=f"v{version}", release_tags=(f"v{version}",), branch=None)
        self.tags = tag_set(settings, self.source, {}).in_publishing_order
        self.docker = HttpDocker(server, version, revision)

    def run(self, repository: str, start: Barrier) -> Published:
        """`inv push` of what was built, when all are ready."""
        start.wait(30)
        views = self.registry.describe({repository: [tag.name for tag in self.tags]})
        plan = make_plan([image(self.tags, repository)], self.source, Snapshot(views))
        plan.check()
        (planned,) = plan.images
        digest = self.docker.digest
        built = Built(repository, "key", digest, digest, (), "store", 0.0, planned.reference)
        return publish(planned, built, self.docker, self.registry)

    def _travel(self, **_: object) -> None:
        time.sleep(self.dice.choice(DELAYS))


@pytest.mark.parametrize(("versions", "rounds"), [(("1.2.3", "1.2.4"), 40), (("1.2.4", "1.3.0", "1.2.10"), 20)])
def test_they_end_at_the_highest_release_every_time(
    ecr: LocalEcr,
    api: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    versions: tuple[str, ...],
    rounds: int,
) -> None:
    for variable, value in ecr.environment().items():
        monkeypatch.setenv(variable, value)
    pipelines = [Pipeline(ecr, tmp_path, version) for version in versions]
    start = Barrier(len(pipelines))
    with ThreadPoolExecutor(len(pipelines)) as pool:
        for number in range(rounds):
            name = f"team/app-{number}"
            api.create_repository(repositoryName=name, **LOCKED)
            done = list(pool.map(lambda pipeline, name=name: pipeline.run(name, start), pipelines))
            listed = api.list_images(repositoryName=name, filter={"tagStatus": "TAGGED"})["imageIds"]
            held = {item["imageTag"]: item["imageDigest"] for item in listed}
            assert [item.digest for item in done] == [held[version] for version in versions]
            highest = max(versions, key=lambda version: [int(part) for part in version.split(".")])
            line = max((one for one in versions if one.startswith("1.2.")), key=lambda one: int(one[4:]))
            assert held["latest"] == held[highest], (number, held)
            assert held["1.2"] == held[line], (number, held)
            assert highest != "1.3.0" or held["1.3"] == held["1.3.0"]
