"""`inv push` with a fault at every request in turn: after one more run at most, all is as without the fault.

And whenever something has changed in the registry, every tag is on a complete image, and a moving one on the image
that it was on before or on the new one, once that is published.
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
from tests.engine.faults import FaultProxy, Kind, Request
from tests.engine.project import Done, Project, project

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

KINDS: tuple[Kind, ...] = get_args(Kind)
OUTAGES: tuple[Kind, ...] = ("drop", "throttle", "fail")
EVERYTHING = os.environ.get("ECR_TASKS_FAULTS") == "all"
"""Whether every kind of fault is put at every request, which takes a quarter of an hour."""
if EVERYTHING:
    pytestmark = pytest.mark.timeout(1800)

DOCKERFILE = "FROM scratch\nCOPY hello.txt /\n"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MOVING = ("main", "latest")
OK, AWS, REGISTRY = 0, 4, 5


@dataclass
class Lab:
    """A built project, the local ECR behind the proxy, and a client that goes past it."""

    app: Project
    proxy: FaultProxy
    api: ECRClient
    port: int
    undisturbed: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    words: tuple[str, ...] = ("push",)
    settings: dict[str, str] = field(default_factory=dict)
    printed: int = 0
    """How many lines a run prints that fails."""

    def reset(self) -> None:
        """A new repository in which an older image has the moving tags."""
        self.proxy.arm()
        self.known.clear()
        if self.before:
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
        self.before = self.tags()

    def upload(self, content: bytes) -> dict[str, Any]:
        """Uploads a blob; gives its descriptor."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        name = self.app.name
        begun = self.api.initiate_layer_upload(repositoryName=name)["uploadId"]
        last = len(content) - 1
        self.api.upload_layer_part(
            repositoryName=name, uploadId=begun, partFirstByte=0, partLastByte=last, layerPartBlob=content
        )
        self.api.complete_layer_upload(repositoryName=name, uploadId=begun, layerDigests=[digest])
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(content)}

    def tags(self) -> dict[str, str]:
        """Tag → digest, as the registry has them now."""
        listed = self.api.list_images(repositoryName=self.app.name, filter={"tagStatus": "TAGGED"})["imageIds"]
        return {image["imageTag"]: image["imageDigest"] for image in listed}

    def check(self) -> dict[str, str]:
        """The same, after every tag's manifest, children, configurations and layers have been read."""
        tags = self.tags()
        for digest in set(tags.values()) - self.known:
            self.read(digest)
            self.known.add(digest)
        return tags

    def read(self, digest: str) -> None:
        """Reads an image with all that it is made of, and compares each digest."""
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

    def watch(self, request: Request) -> None:
        """Looks at the registry after whatever may have moved a tag."""
        if request.name not in ("PutImage", "PUT manifest"):
            return
        try:
            self.moved_well(self.check())
        except Exception as error:  # it would be lost in the proxy's thread
            self.wrong.append(f"after {request.name}: {error!r}")

    def moved_well(self, tags: dict[str, str]) -> None:
        """Holds the moving tags to the old image or the published new one."""
        new = [digest for tag, digest in tags.items() if tag.startswith("sha-")]
        for tag in MOVING:
            assert tags[tag] in (self.before[tag], *new), tags

    def push(self, **environ: str) -> Done:
        """Runs `inv push`; whatever comes, it ends as it should and cleans up behind itself."""
        done = self.app.inv(*self.words, **{**self.settings, **environ})
        assert done.code in (OK, AWS, REGISTRY), done.err
        assert "Traceback" not in done.err
        assert list(Path(self.app.environ["TMPDIR"]).iterdir()) == []
        if done.code != OK:
            assert len(done.lines) <= self.printed
            cause, remedy = done.err.strip().splitlines()[-2:]
            assert cause.startswith("ecr-tasks: "), done.err
            assert cause.endswith("."), done.err
            assert remedy.endswith("."), done.err
        return done

    def spoiled(self, kind: Kind, number: int, *, lasting: bool = False, seconds: float = math.inf) -> Done:
        """One case: a push with a fault, what is there then, and a second push if the first one failed.

        A run is not left to wait for the end of a fault that has none.
        """
        self.reset()
        self.proxy.arm(kind, number, lasting=lasting, seconds=seconds)
        done = self.push(**({"AWS_MAX_ATTEMPTS": "2"} if lasting and seconds == math.inf else {}))
        hit = list(self.proxy.hit)
        self.proxy.arm()
        tags = self.check()
        self.moved_well(tags)
        if done.code != OK:
            again = self.push()
            assert again.code == OK, again.err
            tags = self.check()
        assert tags == self.undisturbed
        assert self.wrong == []
        assert hit or number >= len(self.requests) - 8, "the fault was put nowhere"
        return done


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, engine: dict[str, str]) -> Iterator[Lab]:
    """Builds once, and pushes once without a fault, to know how it should be."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "temporary").mkdir()
    proxy = FaultProxy()
    with proxy, LocalEcr(folder / "ecr", advertise=proxy.address) as ecr:
        proxy.upstream = ecr.port
        environ = {**engine, **ecr.environment(), "TMPDIR": str(folder / "temporary")}
        app = project(folder / "app", {**environ, "ECR_PLATFORMS": "linux/amd64,linux/arm64"}, DOCKERFILE)
        app.git("tag", "v1.2.3")
        made = Lab(app, proxy, client(ecr), ecr.port)
        made.reset()
        app.ok("build")
        proxy.after = made.watch
        proxy.arm()
        assert made.push().code == OK
        made.requests = list(proxy.seen)
        made.undisturbed = made.check()
        assert len(set(made.undisturbed.values())) == 1
        yield made


def client(ecr: LocalEcr) -> ECRClient:
    """boto3's client of the local ECR itself."""
    import boto3

    keys = ecr.environment()
    made: ECRClient = boto3.client(
        "ecr",
        endpoint_url=f"http://127.0.0.1:{ecr.port}",
        region_name=ecr.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    return made


def numbers(lab: Lab, kind: Kind) -> Sequence[int]:
    """The requests to spoil like this: each gets one kind of fault, neighbours different ones.

    Of those for blobs, which docker makes at once and in any order, every other one does.
    """
    every = range(len(lab.requests))
    if EVERYTHING:
        return every
    some = [number for number in every if not lab.requests[number].endswith(" blob") or number % 2]
    return some[KINDS.index(kind) :: len(KINDS)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_one_request(lab: Lab, kind: Kind) -> None:
    for number in numbers(lab, kind):
        lab.spoiled(kind, number)


@pytest.mark.parametrize("kind", OUTAGES)
def test_an_outage_that_begins_at_a_request(lab: Lab, kind: Kind) -> None:
    """From there on nothing gets through, so the run must fail, and the next one finish the job."""
    last = max(number for number, name in enumerate(lab.requests) if name == "PutImage")
    some = {"drop": (last - 2,), "throttle": (last,), "fail": (last - 1,)}[kind]
    for number in range(last + 1) if EVERYTHING else some:
        assert lab.spoiled(kind, number, lasting=True).code in (AWS, REGISTRY)


BUSY: dict[str, dict[Kind, str]] = {
    "PutImage": {
        "throttle": "ECR asks to slow down (ThrottlingException at PutImage)",
        "fail": "ECR has trouble (500, InternalFailure at PutImage)",
    },
    "HEAD manifest": {
        "throttle": "the registry answered 429 Too Many Requests",
        "fail": "the registry answered 500 Internal Server Error",
    },
}
"""What a person is told, by the first request that suffers."""


@pytest.mark.parametrize(("first", "kind"), [(first, kind) for first, kinds in BUSY.items() for kind in kinds])
def test_an_outage_that_ends_is_outlasted(lab: Lab, first: str, kind: Kind) -> None:
    """In the API and in docker's transfers, as the issue has it for a minute; here for seconds."""
    number = lab.requests.index(first)
    done = lab.spoiled(kind, number, lasting=True, seconds=2.5)
    assert done.code == OK, done.err
    told = re.findall(
        rf"^{re.escape(BUSY[first][kind])}; trying again in \d+\.\d s \((\d+) of \d+\)$", done.err, re.M
    )
    assert 1 <= len(told) <= 4, done.err
    assert told == sorted(told, key=int)


COPY = ("promote", "1.2.3", "--to", f"{DEFAULT_ACCOUNT}/{DEFAULT_REGION}/copy")


@pytest.mark.parametrize("words", [("pull",), COPY], ids=lambda words: words[0])
def test_docker_outlasts_it_when_it_pulls_or_copies(lab: Lab, words: tuple[str, ...]) -> None:
    """The connection is lost at the first request that is docker's own, and stays so for two seconds."""

    def run() -> Done:
        if words == COPY:
            with suppress(lab.api.exceptions.RepositoryNotFoundException):
                lab.api.delete_repository(repositoryName="copy", force=True)
            lab.api.create_repository(repositoryName="copy")
        return lab.app.inv(*words)

    lab.reset()
    lab.push()
    lab.proxy.arm()
    undisturbed = run()
    lab.proxy.arm("drop", lab.proxy.seen.index("HEAD manifest"), lasting=True, seconds=2)
    done = run()
    assert done.code == undisturbed.code == OK, done.err
    assert done.out == undisturbed.out
    assert "the connection was lost (EOF); trying again in " in done.err


@pytest.mark.parametrize(
    ("first", "line", "number"),
    [("HEAD manifest", "(2 of 9)", signal.SIGINT), ("PutImage", "(5 of 11)", signal.SIGTERM)],
)
def test_an_interruption_ends_a_wait_at_once(lab: Lab, first: str, line: str, number: signal.Signals) -> None:
    lab.reset()
    lab.proxy.arm("throttle", lab.requests.index(first), lasting=True)
    with lab.app.start("push") as running:
        assert running.stderr is not None
        assert any(line in text for text in running.stderr), "it did not wait"
        seen = len(lab.proxy.seen)
        running.send_signal(number)
        rest = running.stderr.read()
        code = running.wait(10)
    assert code == ExitCode.INTERRUPTED
    assert "Traceback" not in rest
    assert len(lab.proxy.seen) == seen
    assert list(Path(lab.app.environ["TMPDIR"]).iterdir()) == []
