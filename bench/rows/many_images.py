"""Rows of many images of one bake file, all, one or none of them changed; and of platforms by several runners."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

from bench.measure import Comparison, Side
from bench.rows.row import Goal, Row
from bench.scene import BASE, DOCKERFILE, Project, Scene

BAKE, OURS = "bake --push", "inv build push"
BATCHES = """\
A plain bake of so many targets breaks off with "no such job" (docker/buildx#3810, #3486). `inv build push`
builds some at a time, and pushes several at once within ECR's ten PutImage a second, which count on AWS alone."""
EACH_LOOKED_AT = """\
bake pushes as it builds, from where it builds. `inv build push` reads the definitions and asks ECR first, looks at
what each image shows before anything is uploaded (25 ms of the engine's processor for each), has the engine push
them, eight at once, and removes the names of older builds meanwhile, of which bake leaves all."""
JOINED = """\
buildx's runners ask nothing: each pushes over a tag of its own, and a third job must wait for both. Ours each
ask for the repository, their own part and the other's, check the parts before they join them, and set the
tags that only move forward; no third job is needed."""
PLATFORMS = ("linux/amd64", "linux/arm64")


def monorepo(scene: Scene, name: str, count: int, *, tagged: bool) -> Project:
    """Create a project of ``count`` images, each in a folder of its own; bake is told by ``tags`` where to push."""
    project = scene.project(name)
    targets = {}
    for number in range(count):
        image = f"app{number:03d}"
        address = scene.repository(f"{name}/{image}") if tagged else ""
        project.write(f"{image}/Dockerfile", DOCKERFILE)
        project.write(f"{image}/changes", f"{project.folder} {image}\n")
        targets[image] = {"context": image, **({"tags": [f"{address}:latest"]} if tagged else {})}
    bake = {"group": {"default": {"targets": list(targets)}}, "target": targets}
    project.write("docker-bake.json", json.dumps(bake, indent=1))
    (project.folder / "Dockerfile").unlink()
    project.commit()
    return project


def images(scene: Scene, count: int, changes: int | None) -> Comparison:
    """``count`` images, of which ``changes`` change before each run; without a number, all of them are new."""
    ours, hand = (monorepo(scene, name, count, tagged=name == "bake") for name in ("tasks", "bake"))
    sides = [
        scene.ensure(
            scene.ours(OURS, "build push", ours, ECR_REPOSITORY_PREFIX=f"{scene.repository_name('tasks')}/")
        ),
        scene.other(BAKE, "docker buildx bake --push", hand),
    ]

    def change() -> None:
        for project in (ours, hand):
            for number in range(count if changes is None else changes):
                project.write(f"app{number:03d}/changes", f"{project.folder} {scene.number()}\n")
            project.commit()

    return Comparison(sides, change if changes != 0 else None)


def against_one(scene: Scene, count: int) -> Comparison:
    """``count`` images of which none has changed, and one image that hasn't."""
    many = monorepo(scene, "many", count, tagged=False)
    one = monorepo(scene, "one", 1, tagged=False)
    made = []
    for name, project in ((f"inv build push, {count} images", many), ("inv build push, one image", one)):
        prefix = f"{scene.repository_name(project.folder.name)}/"
        made.append(scene.ensure(scene.ours(name, "build push", project, ECR_REPOSITORY_PREFIX=prefix)))
    return Comparison(made)


def runners(scene: Scene) -> Comparison:
    """Two platforms that two runners build and push at the same time, joined into one image.

    By hand, each runner pushes under a tag of its own, and a third job joins them: docker's own driver pushes none by
    digest. All run on this machine: the other platform's steps only copy files.
    """
    dockerfile = (
        f"FROM --platform=$BUILDPLATFORM {BASE} AS tool\nCOPY changes /changes\nRUN sha256sum /changes >/sum\n"
        "FROM scratch\nCOPY --from=tool /sum /\n"
    )
    first, second, hand = (scene.project(name, dockerfile) for name in ("first", "second", "hand"))
    name = scene.repository_name("merged")
    address = scene.repository("hand")

    def change() -> None:
        for project in (first, hand):
            project.change()
        # The second runner has the same commit in a folder of its own.
        second.git("fetch", "--quiet", str(first.folder), "main")
        second.git("reset", "--quiet", "--hard", "FETCH_HEAD")

    settings = {"ECR_REPOSITORY": name, "ECR_PLATFORMS": ",".join(PLATFORMS)}
    ours = scene.ensure(scene.ours("two runners of inv build push --only", "", first, **settings))
    both = [
        f"(cd {project.folder} && {ours.script} build push --only {platform_}) & p{index}=$!"
        for index, (project, platform_) in enumerate(zip((first, second), PLATFORMS, strict=True))
    ]
    tags = [f"{address}:{platform_.partition('/')[2]}" for platform_ in PLATFORMS]
    parts = [
        f"docker buildx build --push --provenance=false --platform {platform_} --tag {tag} . & p{index}=$!"
        for index, (platform_, tag) in enumerate(zip(PLATFORMS, tags, strict=True))
    ]
    join = f"docker buildx imagetools create --tag {address}:latest {' '.join(tags)}"
    wait = "wait $p0\nwait $p1"
    return Comparison(
        [
            Side(ours.name, "\n".join([*both, wait]), first.folder, ours.environ),
            scene.other("two runners of buildx, and a join", "\n".join([*parts, wait, join]), hand),
        ],
        change,
    )


def _images(
    name: str,
    title: str,
    count: int,
    changes: int | None,
    goals: tuple[Goal, ...],
    runs: int | None = None,
    note: str = "",
) -> Row:
    make: Callable[[Scene], Comparison] = functools.partial(images, count=count, changes=changes)
    return Row(name, title, make, goals, runs=runs, note=note)


ROWS = (
    _images("20-changed", "20 images, all changed", 20, None, (Goal(BAKE, 1.1),), runs=3, note=EACH_LOOKED_AT),
    _images("20-one-changed", "20 images, one changed", 20, 1, (Goal(BAKE, 0.35),), runs=3),
    _images("20-unchanged", "20 images, none changed", 20, 0, (), runs=3),
    _images(
        "200-first", "200 images, the first time", 200, None, (Goal(BAKE, 1.1, delayed=False),), runs=1, note=BATCHES
    ),
    _images("200-one-changed", "200 images, one changed", 200, 1, (Goal(BAKE, 0.35), Goal(megabytes=150)), runs=2),
    Row(
        "200-unchanged",
        "200 images, none changed, and one image",
        functools.partial(against_one, count=200),
        (Goal("inv build push, one image", 3.0), Goal(megabytes=150)),
        runs=3,
    ),
    Row("merged", "Two runners, one image", runners, needs="merge", note=JOINED),
)
