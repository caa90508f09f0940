"""Copies with a fault at every request in turn: to a destination after a push, and by promote.

As in test_faults.py: after one more run at most, all is as without the fault, and no tag was ever on half an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.faults import FaultProxy, Kind
from tests.engine.project import project
from tests.engine.test_faults import AWS, EVERYTHING, INDEX, KINDS, OK, REGISTRY, Lab, client
from tests.local_ecr.http_client import HttpClient, descriptor

THERE = "copy/app"
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, engine: dict[str, str]) -> Iterator[Lab]:
    """A signed image of two platforms that is published; the repository to copy it to is what is looked at."""
    folder = tmp_path_factory.mktemp("copy-faults")
    (folder / "temporary").mkdir()
    proxy = FaultProxy()
    with proxy, LocalEcr(folder / "ecr", advertise=proxy.address) as ecr:
        proxy.upstream = ecr.port
        environ = {**engine, **ecr.environment(), "TMPDIR": str(folder / "temporary")}
        environ["ECR_PLATFORMS"] = "linux/amd64,linux/arm64"
        app = project(folder / "app", environ, "FROM scratch\nCOPY hello.txt /\n")
        app.git("tag", "v1.2.3")
        api = client(ecr)
        api.create_repository(repositoryName=app.name)
        (reference,) = app.ok("build", "push").lines
        asked: Any = [{"imageDigest": reference.partition("@")[2]}]
        index = api.batch_get_image(repositoryName=app.name, imageIds=asked, acceptedMediaTypes=[INDEX])["images"][0]
        subject = descriptor(index["imageManifest"].encode(), INDEX)
        token = api.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        http = HttpClient(f"127.0.0.1:{ecr.port}", token)
        http.push_image(app.name, None, b"signed", artifactType=SIGNATURE, subject=subject)
        lab = Lab(app, proxy, api, ecr.port)
        proxy.after = lab.watch
        yield lab


@pytest.fixture(scope="module", params=["destination", "promote"])
def lab(published: Lab, request: pytest.FixtureRequest) -> Lab:
    """One of the two ways to copy, done once without a fault to know how it should be."""
    source, published.app.name = "team/app", THERE
    where = "000000000000/us-east-1/copy/app"
    published.settings = {"ECR_REPOSITORY": source}
    if request.param == "destination":
        published.words, published.printed = ("push",), 1
        published.settings["ECR_DESTINATIONS"] = where
    else:
        fixed = f"sha-{published.app.git('rev-parse', 'HEAD')[:7]}"
        tags = [word for tag in (fixed, "1.2.3", "main", "latest") for word in ("--tag", tag)]
        published.words, published.printed = ("promote", "1.2.3", "--to", where, *tags), 0
    published.reset()
    published.proxy.arm()
    assert published.push().code == OK
    published.requests = list(published.proxy.seen)
    published.undisturbed = published.check()
    assert len(set(published.undisturbed.values())) == 1
    return published


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_one_request(lab: Lab, kind: Kind) -> None:
    for number in numbers(lab, kind):
        lab.spoiled(kind, number)


def numbers(lab: Lab, kind: Kind) -> Sequence[int]:
    """The requests to spoil like this: each gets one kind of fault, neighbours different ones.

    buildx reads each manifest several times: of the registry's reads every third is spoiled, and where promote copies
    just as a destination is copied to, every sixth.
    """
    every = range(len(lab.requests))
    if EVERYTHING:
        return every
    reads = [number for number in every if lab.requests[number].startswith(("GET ", "HEAD "))]
    some = sorted({*every} - {*reads} | {*reads[:: 6 if lab.words[0] == "promote" else 3]})
    return some[KINDS.index(kind) :: len(KINDS)]


OUTAGES = (("destination", "drop"), ("destination", "throttle"), ("promote", "throttle"), ("promote", "fail"))
"""Each kind once at docker's requests: it takes eight seconds to give up by itself."""


@pytest.mark.parametrize(("lab", "kind"), OUTAGES, indirect=["lab"])
def test_an_outage_that_begins_at_a_request(lab: Lab, kind: Kind) -> None:
    """From there on nothing gets through, so the run must fail, and the next one finish the job."""
    # How often docker asks differs from run to run, so none of the last requests will do.
    first = {"drop": "PUT manifest", "throttle": "BatchGetImage", "fail": "POST blob"}[kind]
    last = lab.requests.index("PUT manifest")
    for number in range(last + 1) if EVERYTHING else [lab.requests.index(first)]:
        assert lab.spoiled(kind, number, lasting=True).code in (AWS, REGISTRY)
