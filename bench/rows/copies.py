"""Rows of an image that is published already: more tags, another registry, several destinations."""

from __future__ import annotations

import functools
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

from bench.measure import Comparison, Side
from bench.registry import REGION
from bench.rows.one_image import buildx
from bench.rows.row import Goal, Row
from bench.scene import Scene, check
from ecr_tasks.local_ecr.constants import DEFAULT_ACCOUNT

ACCOUNT, OTHER_REGION = "222233334444", "eu-west-1"
ACCOUNTS = (DEFAULT_ACCOUNT, "111111111111", "333333333333")
DOCKER = "docker pull, tag, push"
CRANE, SKOPEO, REGCTL = "crane copy", "skopeo copy", "regctl image copy"
CRANE_LOGINS = "logins + crane copy"
CLIENTS = """\
crane and skopeo are compiled programs that start in milliseconds and were logged in before; `inv` starts
Python, gets a token of its own in each run, and asks first whether the tag may be set. What it imports is what
this task needs, and no image is pulled."""


THREE = """\
buildx pushes to three registries that it is logged in to. `inv build push` gets a token for each account,
asks each registry first whether the tags may be set, and lets the engine upload to all at the same time. The
destinations' own tags are set when the image has its tags in the first registry. That is so where ECR locks no tag,
which is its default; where it does, the image is copied after the push, which took twice one's time behind 80 ms."""


def publish(scene: Scene, megabytes: int) -> str:
    """Publish an image of one incompressible layer, which the engine lacks; returns its repository's address."""
    layer = scene.folder / "layer"
    with layer.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    with tarfile.open(scene.folder / "layer.tar", "w") as tar:
        tar.add(layer, "layer")
    layer.unlink()
    address = scene.repository("source")
    folder = scene.folder
    check(["crane", "append", "--insecure", "-f", "layer.tar", "-t", f"{address}:first"], folder, scene.hand)
    platform = ["--set-platform", "linux/amd64", "--tag", f"{address}:first"]
    check(["crane", "mutate", "--insecure", *platform, f"{address}:first"], folder, scene.hand)
    Path(folder, "layer.tar").unlink()
    return address


def clients(scene: Scene, source: str, target: Callable[[str], str]) -> list[Side]:
    """Return the registry clients' sides that this machine has; ``target`` says where each copies to."""
    project = scene.project("clients")
    hosts = " ".join(f"--host reg={name.partition('/')[0]},tls=disabled" for name in (source, target("regctl")))
    scripts = {
        CRANE: f"crane copy --insecure {source} {target('crane')}",
        SKOPEO: "skopeo copy --quiet --all --preserve-digests --src-tls-verify=false --dest-tls-verify=false "
        f"docker://{source} docker://{target('skopeo')}",
        REGCTL: f"regctl {hosts} image copy {source} {target('regctl')}",
    }
    return [scene.other(name, script, project) for name, script in scripts.items() if scene.has(script.split()[0])]


def promote(scene: Scene, megabytes: int) -> Comparison:
    """Another tag for an image, in its repository. Every side sets a new one in each run."""
    address = publish(scene, megabytes)
    project = scene.project("promote")
    new = f"{address}:$(date +%s%N)"
    pulled = f'docker pull -q {address}:first; n={new}; docker tag {address}:first "$n"; docker push -q "$n"'

    def remove_images() -> None:
        """Remove the images, as a CI runner has none, and wait until docker has removed its files."""
        lines = check(
            ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", address], project.folder, scene.hand
        )
        if lines:
            check(["docker", "image", "rm", "--force", *lines.split()], project.folder, scene.hand)
        os.sync()

    name = scene.repository_name("source")
    return Comparison(
        [
            scene.ours("inv promote", "promote first --tag t$(date +%s%N)", project, ECR_REPOSITORY=name),
            scene.other(DOCKER, pulled, project),
            *clients(scene, f"{address}:first", lambda client: f"{address}:{client}-$(date +%s%N)"),
        ],
        remove_images,
    )


def copy(scene: Scene, megabytes: int) -> Comparison:
    """A copy to the registry of another account in another region, each time to an empty repository."""
    source = f"{publish(scene, megabytes)}:first"
    project = scene.project("copy")
    names = ("ours", "crane", "logins", "skopeo", "regctl")
    addresses = {name: scene.repository(name, ACCOUNT, OTHER_REGION) for name in names}
    host = addresses["crane"].partition("/")[0]
    check(["sh", "-euc", scene.login(host, region=OTHER_REGION)], project.folder, scene.hand)

    def empty() -> None:
        for name in names:
            more = {"repositoryName": scene.repository_name(name), "registryId": ACCOUNT, "force": True}
            scene.registry.api("DeleteRepository", OTHER_REGION, **more)
            scene.repository(name, ACCOUNT, OTHER_REGION)
        os.sync()

    target = f"{ACCOUNT}/{OTHER_REGION}/{scene.repository_name('ours')}"
    words = f"promote first --to {target} --tag a"
    settings = {"ECR_REPOSITORY": scene.repository_name("source")}
    logins = [scene.login(program="crane auth"), scene.login(host, "crane auth", OTHER_REGION)]
    with_logins = "\n".join([*logins, f"crane copy --insecure {source} {addresses['logins']}:a"])
    return Comparison(
        [
            scene.ours("inv promote --to", words, project, **settings),
            scene.other(CRANE_LOGINS, with_logins, project),
            *clients(scene, source, lambda client: f"{addresses[client]}:a"),
        ],
        empty,
    )


def destinations(scene: Scene) -> Comparison:
    """A changed image of 5 MB to the registries of three accounts, to one, and by buildx to three."""
    projects = [scene.project(name) for name in ("three", "one", "buildx")]
    names = [project.folder.name for project in projects]
    addresses = {(name, account): scene.repository(name, account) for account in ACCOUNTS for name in names}
    for account in ACCOUNTS:
        host = addresses["buildx", account].partition("/")[0]
        check(["sh", "-euc", scene.login(host)], scene.folder, scene.hand)
    targets = [f"{addresses['buildx', account]}:latest" for account in ACCOUNTS]

    def settings(name: str, count: int) -> dict[str, str]:
        where = ",".join(f"{account}/{REGION}" for account in ACCOUNTS[1:count])
        return {"ECR_REPOSITORY": scene.repository_name(name), "ECR_DESTINATIONS": where}

    def change() -> None:
        for project in projects:
            project.change(size=5_000_000)

    return Comparison(
        [
            scene.ours("inv build push, three", "build push", projects[0], **settings("three", 3)),
            scene.ours("inv build push, one", "build push", projects[1], **settings("one", 1)),
            buildx(scene, projects[2], targets, "buildx build --push, three"),
        ],
        change,
    )


def _row(name: str, title: str, make: Callable[..., Comparison], megabytes: int, goals: tuple[Goal, ...]) -> Row:
    return Row(
        f"{name}-{megabytes}",
        f"{title}, {megabytes} MB",
        functools.partial(make, megabytes=megabytes),
        goals,
        runs=3 if megabytes > 100 else None,
        note=CLIENTS,
    )


ROWS = (
    _row("promote", "Another tag", promote, 5, (Goal(DOCKER, 1.0),)),
    _row("promote", "Another tag", promote, 500, (Goal(DOCKER, 0.05, delayed=False),)),
    _row("copy", "Copy between registries", copy, 5, (Goal(CRANE_LOGINS, 1.0), Goal(CRANE, 1.0))),
    _row("copy", "Copy between registries", copy, 500, (Goal(CRANE_LOGINS, 1.0), Goal(CRANE, 1.0))),
    Row(
        "destinations",
        "Three destinations, 5 MB changed",
        destinations,
        (Goal("inv build push, one", 1.3),),
        note=THREE,
    ),
)
