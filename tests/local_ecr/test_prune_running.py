"""The task prune with ECS, Lambda and EKS beside it: what they run stays, and what they may run without saying so."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.constants import STORE_FILE
from tests.local_ecr.http_client import OCI_INDEX, OCI_MANIFEST, HttpClient, descriptor, digest_of, manifest_of
from tests.local_ecr.shell import Shell
from tests.local_ecr.test_prune_tasks import SIGNATURE, grow_old, there
from tests.support.fake_services import FakeServices, fake_services

RULES = "type=tags,pattern=sha-*,older=30d;type=untagged,older=14d;type=cache,older=30d"
CACHE = "application/vnd.buildkit.cacheconfig.v0"
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """ECS, Lambda and EKS, which run nothing."""
    with fake_services() as served:
        yield served


def test_what_runs_stays(shell: Shell, api: Any, http: HttpClient, repository: str, services: FakeServices) -> None:
    names = ["task", "task-tag", "service", "family", "function", "resolved", "index-child", "nothing"]
    images = {name: digest_of(http.push_image(repository, f"sha-{name}", name.encode())) for name in names}
    child = http.push_image(repository, None, b"amd64")
    index = http.push_index(repository, "sha-index", [child])
    grow_old(shell.ecr)
    mine = f"{HOST}/{repository}"
    services.tasks = [(f"{mine}:moved", images["task"]), (f"{mine}:sha-task-tag", None), (mine, digest_of(child))]
    services.services = {"web": "web:7"}
    services.definitions = {"web:7": [f"{mine}:sha-service"], "job": [f"{mine}@{images['family']}"]}
    services.families = ["job"]
    services.functions = {
        "f": (f"{mine}:sha-function", f"{mine}@{images['function']}"),
        "g:3": (f"{mine}:old", f"{mine}@{images['resolved']}"),
    }
    done = shell.inv("prune", "--yes", "--kept", ECR_PRUNE=RULES, **services.environment())
    assert done.returncode == 0, done.stderr
    going = {images["nothing"], images["index-child"]}
    assert there(api) == {*images.values(), digest_of(child), digest_of(index)} - going
    assert "in use: the ECS service web of main in eu-west-1" in done.stdout
    assert "in use: the Lambda function g:3 in eu-west-1" in done.stdout


def test_who_is_busy_is_asked_again(
    shell: Shell, api: Any, http: HttpClient, repository: str, services: FakeServices
) -> None:
    """Also with more families of task definitions than a page has: the last one counts as well."""
    images = {name: digest_of(http.push_image(repository, f"sha-{name}", name.encode())) for name in ("a", "b", "c")}
    grow_old(shell.ecr)
    services.families = [f"f{number}" for number in range(101)]
    services.definitions = {family: ["other:1"] for family in services.families}
    services.definitions["f100"] = [f"{HOST}/{repository}@{images['a']}"]
    services.functions = {"g": ("other:1", f"{HOST}/{repository}@{images['b']}")}
    services.throttled = Counter(
        ListClusters=2, ListTaskDefinitionFamilies=1, DescribeTaskDefinition=2, GetFunction=2
    )
    done = shell.inv("prune", "--yes", ECR_PRUNE=RULES, **services.environment())
    assert done.returncode == 0, done.stderr
    assert there(api) == {images["a"], images["b"]}


@pytest.mark.parametrize("denied", ["ListClusters", "DescribeTasks", "DescribeTaskDefinition", "GetFunction", "eks"])
def test_who_does_not_answer_protects(
    shell: Shell, api: Any, http: HttpClient, repository: str, services: FakeServices, denied: str
) -> None:
    image = http.push_image(repository, "sha-1", b"a")
    http.push_image(repository, None, b"c", artifactType=CACHE)
    grow_old(shell.ecr)
    services.tasks, services.families = [("other:1", None)], ["job"]
    services.definitions, services.functions = {"job": ["other:1"]}, {"f": ("other:1", "other:1")}
    services.denied = {denied} if denied != "eks" else set()
    services.eks = ["prod"] if denied == "eks" else []
    done = shell.inv("prune", "--yes", "--json", ECR_PRUNE=RULES, **services.environment())
    assert done.returncode == 0, done.stderr
    assert there(api) == {digest_of(image)}  # the cache goes all the same
    (reason,) = json.loads(done.stdout)["unasked"]
    assert ("prod" if denied == "eks" else "could not be asked") in reason
    assert reason in done.stderr


def test_a_file_stands_for_who_can_not_be_asked_and_not_for_who_does_not_answer(
    shell: Shell, api: Any, http: HttpClient, repository: str, services: FakeServices
) -> None:
    http.push_image(repository, "sha-1", b"a")
    pod = http.push_image(repository, "sha-2", b"b")
    grow_old(shell.ecr)
    services.eks, services.denied = ["prod"], {"ListClusters"}
    pods = shell.folder / "pods"
    pods.write_text(f"docker-pullable://{HOST}/{repository}@{digest_of(pod)} {HOST}/other:1\n", encoding="utf-8")
    environ = {"ECR_PRUNE": RULES, **services.environment()}
    refused = shell.inv("prune", "--yes", "--running", "pods", **environ)
    assert refused.returncode == 0, refused.stderr
    assert len(there(api)) == 2
    services.denied = set()
    done = shell.inv("prune", "--yes", "--running", "pods", **environ)
    assert done.returncode == 0, done.stderr
    assert there(api) == {digest_of(pod)}


def test_two_thousand_images(
    shell: Shell, api: Any, http: HttpClient, repository: str, services: FakeServices
) -> None:
    """Exactly the right ones go, in few calls, and a second run finds nothing.

    There are several pages, and batches, of everything: three of images, two of indexes to read, seven of what goes.
    bench/prune.py does the same with ten thousand. They are written into the store: to push them takes minutes.
    """
    http.push_image(repository, None, b"layer")
    expected = fill(shell.ecr.root, services, indexes=200)
    environ = {"ECR_PRUNE": RULES, **services.environment()}
    before = there(api)
    done, calls = shell.calls("prune", "--yes", **environ)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(before) == 2050
    assert before - there(api) == expected
    assert calls["DescribeImages"] + calls["BatchGetImage"] + calls["BatchDeleteImage"] < len(before) // 30
    again, calls = shell.calls("prune", "--yes", **environ)
    assert again.returncode == 0, again.stderr
    assert "Nothing goes" in again.stderr
    assert "BatchDeleteImage" not in calls


def fill(root: Path, services: FakeServices, indexes: int) -> set[str]:
    """Write the repository, and return the digests that are to go.

    Each index has a platform of its own and one that four share, with signatures of both; a fourth of them runs. For
    each there are two caches and four single images.
    """
    rows: list[tuple[bytes, str, str | None, str | None, list[str], str | None]] = []
    going: set[str] = set()
    mine = f"{HOST}/team/app"

    def add(
        raw: bytes,
        media_type: str = OCI_MANIFEST,
        kind: str | None = None,
        subject: str | None = None,
        children: list[str] | None = None,
        tag: str | None = None,
    ) -> str:
        rows.append((raw, media_type, kind, subject, children or [], tag))
        return digest_of(raw)

    shared: bytes = b""
    for number in range(indexes):
        old, running = number % 2 == 0, number % 4 == 0
        own = manifest_of(b"{}", [b"%d" % number])
        own_digest = add(own)
        if number % 4 == 0:
            shared = manifest_of(b"{}", [b"shared %d" % number])
            add(shared)
        parts = [own, shared]
        index = json.dumps(
            {"mediaType": OCI_INDEX, "manifests": [descriptor(raw, OCI_MANIFEST) for raw in parts]}
        ).encode()
        name = f"sha-{number}" if old else f"prod-{number}"
        digest = add(index, OCI_INDEX, None, None, [digest_of(raw) for raw in parts], name)
        signature = add(
            manifest_of(b"%d" % number, subject=descriptor(index, OCI_INDEX)), kind=SIGNATURE, subject=digest
        )
        proof = add(
            manifest_of(b"p%d" % number, subject=descriptor(own, OCI_MANIFEST)), kind=SIGNATURE, subject=own_digest
        )
        if running:
            services.tasks.append((f"{mine}:latest", digest))
        elif old:
            going |= {digest, own_digest, signature, proof}
    for number in range(4 * indexes):
        add(manifest_of(b"k%d" % number), tag=f"kept-{number}")
    for number in range(2 * indexes):
        going.add(add(manifest_of(b"c%d" % number), kind=CACHE))
    with closing(sqlite3.connect(root / STORE_FILE, timeout=60)) as database, database:
        (repository,) = database.execute("SELECT id FROM repository").fetchone()
        database.execute("DELETE FROM image")
        for raw, media_type, kind, subject, children, tag in rows:
            cursor = database.execute(
                "INSERT INTO image (repository, digest, raw, media_type, kind, is_image, subject, annotations, size,"
                " pushed) VALUES (?, ?, ?, ?, ?, 1, ?, '{}', 1000, strftime('%s') - 8640000)",
                (repository, digest_of(raw), raw, media_type, kind, subject),
            )
            database.executemany(
                "INSERT OR IGNORE INTO child VALUES (?, ?, ?)",
                [(cursor.lastrowid, child, repository) for child in children],
            )
            if tag:
                database.execute("INSERT INTO tag VALUES (?, ?, ?)", (repository, tag, cursor.lastrowid))
    return going
