"""Tests of `inv push` with a fault at each request.

After a second run the registry is in the same state as after a run without a fault. At every moment each tag is on a
complete image, and a moving tag is on its old image, or on the new one after that has been published.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import signal
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from ecr_tasks.errors import ExitCode
from ecr_tasks.local_ecr.constants import DEFAULT_ACCOUNT, DEFAULT_REGION
from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.faults import FaultKind, FaultProxy, Request
from tests.engine.project import CommandResult, Project, project

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
OUTAGES: tuple[FaultKind, ...] = ("drop", "throttle", "fail")
ALL_FAULTS = os.environ.get("ECR_TASKS_FAULTS") == "all"
"""Whether each request gets every kind of fault, which takes a quarter of an hour."""
if ALL_FAULTS:
    pytestmark = pytest.mark.timeout(1800)

DOCKERFILE = "FROM scratch\nCOPY hello.txt /\n"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MOVING = ("main", "latest")
OK, AWS, REGISTRY = 0, 4, 5


@dataclass
class Lab:
    """A built project, a local ECR behind the proxy, and a client that does not use the proxy."""

    app: Project
    proxy: FaultProxy
    api: ECRClient
    port: int
    expected_tags: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    initial_tags: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    checked_digests: set[str] = field(default_factory=set)
    arguments: tuple[str, ...] = ("push",)
    settings: dict[str, str] = field(default_factory=dict)
    lines_on_failure: int = 0
    """The highest number of lines that a failed run prints on stdout."""

    def reset(self) -> None:
        """Create the repository anew, with an older image under the moving tags."""
        self.proxy.arm()
        self.checked_digests.clear()
        if self.initial_tags:
            self.api.delete_repository(repositoryName=self.app.name, force=True)
        filters: Any = [{"filterType": "WILDCARD", "filter": tag} for tag in MOVING]
        self.api.create_repository(
            repositoryName=self.app.name,
            imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=filters,
        )
        blobs = [self.upload(b'{"architecture":"amd64","os":"linux"}'), self.upload(b"an old layer")]
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": blobs[0], "layers": blobs[1:]}
        for tag in MOVING:
            self.api.put_image(repositoryName=self.app.name, imageManifest=json.dumps(document), imageTag=tag)
        self.initial_tags = self.tags()

    def upload(self, content: bytes) -> dict[str, Any]:
        """Upload a blob and return its descriptor."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        name = self.app.name
        upload_id = self.api.initiate_layer_upload(repositoryName=name)["uploadId"]
        last = len(content) - 1
        self.api.upload_layer_part(
            repositoryName=name, uploadId=upload_id, partFirstByte=0, partLastByte=last, layerPartBlob=content
        )
        self.api.complete_layer_upload(repositoryName=name, uploadId=upload_id, layerDigests=[digest])
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(content)}

    def tags(self) -> dict[str, str]:
        """Return the digest of each tag in the registry."""
        image_ids = self.api.list_images(repositoryName=self.app.name, filter={"tagStatus": "TAGGED"})["imageIds"]
        return {image["imageTag"]: image["imageDigest"] for image in image_ids}

    def check(self) -> dict[str, str]:
        """Check that the image of every tag is complete, and return the digest of each tag."""
        tags = self.tags()
        for digest in set(tags.values()) - self.checked_digests:
            self.read(digest)
            self.checked_digests.add(digest)
        return tags

    def read(self, digest: str) -> None:
        """Read the manifest, children, configuration and layers of an image, and compare each digest."""
        accepted = [INDEX, MANIFEST]
        answer = self.api.batch_get_image(
            repositoryName=self.app.name, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=accepted
        )
        assert not answer["failures"], answer["failures"]
        manifest = answer["images"][0]["imageManifest"]
        assert digest == "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
        document = json.loads(manifest)
        for child in document.get("manifests", []):
            self.read(child["digest"])
        for blob in [document["config"], *document["layers"]] if "config" in document else []:
            url = self.api.get_download_url_for_layer(repositoryName=self.app.name, layerDigest=blob["digest"])
            direct = url["downloadUrl"].replace(self.proxy.address, f"127.0.0.1:{self.port}")
            with urllib.request.urlopen(direct) as layer:  # noqa: S310 - our own local ECR
                assert blob["digest"] == "sha256:" + hashlib.sha256(layer.read()).hexdigest()

    def check_after(self, request: Request) -> None:
        """Check the registry after a request that may have moved a tag."""
        if request.name not in ("PutImage", "PUT manifest"):
            return
        try:
            self.check_moving_tags(self.check())
        except Exception as error:  # the proxy's thread would lose it
            self.violations.append(f"after {request.name}: {error!r}")

    def check_moving_tags(self, tags: dict[str, str]) -> None:
        """Check that the moving tags are on the old image or on the published new one."""
        new = [digest for tag, digest in tags.items() if tag.startswith("sha-")]
        for tag in MOVING:
            assert tags[tag] in (self.initial_tags[tag], *new), tags

    def push(self, **environ: str) -> CommandResult:
        """Run `inv push`, and check its exit code, its error message and that it leaves no temporary files."""
        result = self.app.inv(*self.arguments, **{**self.settings, **environ})
        assert result.code in (OK, AWS, REGISTRY), result.stderr
        assert "Traceback" not in result.stderr
        assert list(Path(self.app.environ["TMPDIR"]).iterdir()) == []
        if result.code != OK:
            assert len(result.lines) <= self.lines_on_failure
            cause, remedy = result.stderr.strip().splitlines()[-2:]
            assert cause.startswith("ecr-tasks: "), result.stderr
            assert cause.endswith("."), result.stderr
            assert remedy.endswith("."), result.stderr
        return result

    def push_with_fault(
        self, kind: FaultKind, number: int | str, *, lasting: bool = False, seconds: float = math.inf
    ) -> CommandResult:
        """Push with a fault, check the registry, push again if the first push failed, and check again.

        With a fault that never ends the run makes only two attempts.
        """
        self.reset()
        self.proxy.arm(kind, number, lasting=lasting, seconds=seconds)
        result = self.push(**({"AWS_MAX_ATTEMPTS": "2"} if lasting and seconds == math.inf else {}))
        faulty, count = list(self.proxy.faulty), len(self.proxy.request_names)
        self.proxy.arm()
        tags = self.check()
        self.check_moving_tags(tags)
        if result.code != OK:
            second = self.push()
            assert second.code == OK, second.stderr
            tags = self.check()
        assert tags == self.expected_tags
        assert self.violations == []
        # The number of docker's requests varies, so a run may end before the request of that number.
        assert faulty or (isinstance(number, int) and number >= count), "no request got the fault"
        return result


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, engine: dict[str, str]) -> Iterator[Lab]:
    """Build once, and push once without a fault, to know the expected requests and tags."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "temporary").mkdir()
    proxy = FaultProxy()
    with proxy, LocalEcr(folder / "ecr", advertise=proxy.address) as ecr:
        proxy.upstream = ecr.port
        environ = {**engine, **ecr.environment(), "TMPDIR": str(folder / "temporary")}
        app = project(folder / "app", {**environ, "ECR_PLATFORMS": "linux/amd64,linux/arm64"}, DOCKERFILE)
        app.git("tag", "v1.2.3")
        lab = Lab(app, proxy, client(ecr), ecr.port)
        lab.reset()
        app.ok("build", "push")  # from now on the manifests of the old tags are in the cache, and no push reads them
        lab.reset()
        proxy.after = lab.check_after
        proxy.arm()
        assert lab.push().code == OK
        lab.requests = list(proxy.request_names)
        lab.expected_tags = lab.check()
        assert len(set(lab.expected_tags.values())) == 1
        yield lab


def client(ecr: LocalEcr) -> ECRClient:
    """Return a boto3 client of the local ECR, without the proxy."""
    import boto3

    keys = ecr.environment()
    client_: ECRClient = boto3.client(
        "ecr",
        endpoint_url=f"http://127.0.0.1:{ecr.port}",
        region_name=ecr.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    return client_


def request_numbers(lab: Lab, kind: FaultKind) -> Sequence[int]:
    """Return the numbers of the requests that get this kind of fault; neighbours get different kinds.

    Of the requests for blobs, which docker makes in parallel and in any order, every second one gets a fault.
    """
    all_numbers = range(len(lab.requests))
    if ALL_FAULTS:
        return all_numbers
    selected = [number for number in all_numbers if not lab.requests[number].endswith(" blob") or number % 2]
    return selected[KINDS.index(kind) :: len(KINDS)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_one_request(lab: Lab, kind: FaultKind) -> None:
    for number in request_numbers(lab, kind):
        lab.push_with_fault(kind, number)


@pytest.mark.parametrize("kind", OUTAGES)
def test_an_outage_that_begins_at_a_request(lab: Lab, kind: FaultKind) -> None:
    """Every later request fails too, so the run must fail, and the next run must finish."""
    last = max(number for number, name in enumerate(lab.requests) if name == "PutImage")
    selected = {"drop": (last - 2,), "throttle": (last,), "fail": (last - 1,)}[kind]
    for number in range(last + 1) if ALL_FAULTS else selected:
        assert lab.push_with_fault(kind, number, lasting=True).code in (AWS, REGISTRY)


RETRY_MESSAGES: dict[str, dict[FaultKind, str]] = {
    "PutImage": {
        "throttle": "ECR asks to slow down (ThrottlingException at PutImage)",
        "fail": "ECR has trouble (500, InternalFailure at PutImage)",
    },
    "HEAD manifest": {
        "throttle": "the registry answered 429 Too Many Requests",
        "fail": "the registry answered 500 Internal Server Error",
    },
}
"""The message of a retry, by the first request of the outage and its kind."""


@pytest.mark.parametrize(
    ("first", "kind"), [(first, kind) for first, kinds in RETRY_MESSAGES.items() for kind in kinds]
)
def test_a_run_continues_after_a_short_outage(lab: Lab, first: str, kind: FaultKind) -> None:
    """In the API, where a tag is looked at before each further attempt to set it, and in docker's transfers."""
    result = lab.push_with_fault(kind, first, lasting=True, seconds=2.5)
    assert result.code == OK, result.stderr
    message = re.escape(RETRY_MESSAGES[first][kind]).replace("PutImage", "(?:PutImage|DescribeImages)")
    reports = re.findall(rf"^{message}; trying again in \d+\.\d s \((\d+) of \d+\)$", result.stderr, re.M)
    assert 1 <= len(reports) <= 4, result.stderr
    assert reports == sorted(reports, key=int)


PROMOTE_TO_COPY = ("promote", "1.2.3", "--to", f"{DEFAULT_ACCOUNT}/{DEFAULT_REGION}/copy")


@pytest.mark.parametrize("arguments", [("pull",), PROMOTE_TO_COPY], ids=lambda arguments: arguments[0])
def test_pull_and_copy_continue_after_a_short_outage(lab: Lab, arguments: tuple[str, ...]) -> None:
    """The connection is lost at docker's first request, and for two seconds after it."""

    def run() -> CommandResult:
        if arguments == PROMOTE_TO_COPY:
            with suppress(lab.api.exceptions.RepositoryNotFoundException):
                lab.api.delete_repository(repositoryName="copy", force=True)
            lab.api.create_repository(repositoryName="copy")
        return lab.app.inv(*arguments)

    lab.reset()
    lab.push()
    lab.proxy.arm()
    expected = run()
    lab.proxy.arm("drop", lab.proxy.request_names.index("HEAD manifest"), lasting=True, seconds=2)
    result = run()
    assert result.code == expected.code == OK, result.stderr
    assert result.stdout == expected.stdout
    assert "the connection was lost (EOF); trying again in " in result.stderr


@pytest.mark.parametrize(("first", "number"), [("HEAD manifest", signal.SIGINT), ("PutImage", signal.SIGTERM)])
def test_an_interruption_ends_a_wait_at_once(lab: Lab, first: str, number: signal.Signals) -> None:
    lab.reset()
    lab.proxy.arm("throttle", first, lasting=True)
    with lab.app.start("push") as process:
        assert process.stderr is not None
        # One that is longer than a signal may take to arrive on a busy machine.
        waits = (re.search(r"trying again in (\d+\.\d) s", line) for line in process.stderr)
        assert any(wait and float(wait[1]) >= 3 for wait in waits), "the run did not wait"
        request_count = lab.proxy.settled()
        process.send_signal(number)
        rest = process.stderr.read()
        code = process.wait()
    assert code == ExitCode.INTERRUPTED
    assert "Traceback" not in rest
    assert len(lab.proxy.request_names) == request_count
    assert list(Path(lab.app.environ["TMPDIR"]).iterdir()) == []
