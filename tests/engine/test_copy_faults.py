"""Tests of copies with a fault at each request: to a destination after a push, and by `promote`.

As in test_faults.py, a second run ends in the same state as a run without a fault, and no tag is ever on an
incomplete image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.faults import FaultKind, FaultProxy
from tests.engine.project import project
from tests.engine.test_faults import ALL_FAULTS, AWS, INDEX, KINDS, OK, REGISTRY, Lab, client
from tests.local_ecr.http_client import HttpClient, descriptor

TARGET_REPOSITORY = "copy/app"
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, engine: dict[str, str]) -> Iterator[Lab]:
    """Publish a signed image of two platforms, and watch the repository that it is copied to."""
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
        image_ids: Any = [{"imageDigest": reference.partition("@")[2]}]
        index = api.batch_get_image(repositoryName=app.name, imageIds=image_ids, acceptedMediaTypes=[INDEX])[
            "images"
        ][0]
        subject = descriptor(index["imageManifest"].encode(), INDEX)
        token = api.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        http = HttpClient(f"127.0.0.1:{ecr.port}", token)
        http.push_image(app.name, None, b"signed", artifactType=SIGNATURE, subject=subject)
        lab = Lab(app, proxy, api, ecr.port)
        proxy.after = lab.check_after
        yield lab


@pytest.fixture(scope="module", params=["destination", "promote"])
def lab(published: Lab, request: pytest.FixtureRequest) -> Lab:
    """Copy once without a fault, in one of two ways, to know the expected requests and tags."""
    source, published.app.name = "team/app", TARGET_REPOSITORY
    destination = "000000000000/us-east-1/copy/app"
    published.settings = {"ECR_REPOSITORY": source}
    if request.param == "destination":
        published.arguments, published.lines_on_failure = ("push",), 1
        published.settings["ECR_DESTINATIONS"] = destination
    else:
        fixed = f"sha-{published.app.git('rev-parse', 'HEAD')[:7]}"
        tags = [word for tag in (fixed, "1.2.3", "main", "latest") for word in ("--tag", tag)]
        published.arguments, published.lines_on_failure = ("promote", "1.2.3", "--to", destination, *tags), 0
    published.reset()
    published.proxy.arm()
    assert published.push().code == OK
    published.requests = list(published.proxy.request_names)
    published.expected_tags = published.check()
    assert len(set(published.expected_tags.values())) == 1
    return published


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_one_request(lab: Lab, kind: FaultKind) -> None:
    for number in request_numbers(lab, kind):
        lab.push_with_fault(kind, number)


def request_numbers(lab: Lab, kind: FaultKind) -> Sequence[int]:
    """Return the numbers of the requests that get this kind of fault; neighbours get different kinds.

    Every request to the API gets one. docker sends each of its own several times, for each platform and for what is
    attached, so that every third of them does; with promote, whose copy is the same call of docker's, every sixth.
    """
    all_numbers = range(len(lab.requests))
    if ALL_FAULTS:
        return all_numbers
    often = [number for number in all_numbers if " " in lab.requests[number]]
    step = 6 if lab.arguments[0] == "promote" else 3
    selected = sorted({*all_numbers} - {*often} | {*often[::step]})
    return selected[KINDS.index(kind) :: len(KINDS)]


OUTAGES = (("destination", "drop"), ("destination", "throttle"), ("promote", "throttle"), ("promote", "fail"))
"""Each kind is used once at docker's requests, because docker tries for eight seconds before it fails."""


@pytest.mark.parametrize(("lab", "kind"), OUTAGES, indirect=["lab"])
def test_an_outage_that_begins_at_a_request(lab: Lab, kind: FaultKind) -> None:
    """Every later request fails too, so the run must fail, and the next run must finish."""
    # The number of docker's requests differs from run to run, so the outage does not begin at one of the last.
    first = {"drop": "PUT manifest", "throttle": "DescribeImages", "fail": "POST blob"}[kind]
    last = lab.requests.index("PUT manifest")
    for number in range(last + 1) if ALL_FAULTS else [lab.requests.index(first)]:
        assert lab.push_with_fault(kind, number, lasting=True).code in (AWS, REGISTRY)
