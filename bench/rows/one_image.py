"""Rows of one image: the start of `inv`, a first build, an unchanged and a changed one, one tag and six."""

from __future__ import annotations

import shutil

import ecr_tasks
from bench.measure import Comparison, Side
from bench.rows.row import Goal, Row
from bench.scene import INV, TASKS, Project, Scene

FOUR, LOGIN_BUILDX, BUILDX = "the four commands", "login + buildx build --push", "buildx build --push"
SIX_TAGS = "\n".join(f"type=raw,value=tag{number}" for number in range(6))
ONE_TAG = "type=raw,value=tag0"
FILES, ONE_FILE = 50_000, "inv plan, one file"
SIX = """\
buildx writes six names within one push. `inv build push` pushes under the first tag and sets the others by
API, fixed ones before moving ones, all of a kind at the same time: with answers that come late, that is half
of buildx's time."""
READ = """\
`inv plan` itself takes as long as for one file: it looks for the engine, the builder and the Dockerfile's
base. What 50,000 files add is the difference: of those that git knows to be unchanged none is opened."""
LOGGED_IN = """\
`docker buildx build --push` alone was logged in before, and asks nothing of ECR's API: no token, no look at the
repository and its tags, no tag that moves only forward. `inv build push` asks at once what it can, and begins
the build meanwhile. What it adds to a build without a delay are Python's start, the look at what was built before
anything is uploaded, the push from the engine's store rather than from where it was built, and the removal of names
of older builds. The one docker that is counted leads to the engine's API where docker is a script, as it is where
starts are counted."""

TURNS = """\
ECR can't set a tag only where there is none. Where it locks none, runs take turns at a fixed tag, so that of two
with the same commit one publishes it. A turn lasts half a second, of which the upload covers what it takes itself;
the tag and the turn are looked at before the tag is set, which is a round trip more than where ECR locks the tags.
`buildx build --push` spends neither."""


def four_commands(scene: Scene, project: Project, address: str) -> Side:
    """Return the console's "View push commands"."""
    name = scene.repository_name("hand")
    commands = [
        scene.login(),
        f"docker build -t {name} .",
        f"docker tag {name}:latest {address}:latest",
        f"docker push {address}:latest",
    ]
    return scene.other(FOUR, "\n".join(commands), project)


def buildx(scene: Scene, project: Project, addresses: list[str], name: str = BUILDX, before: str = "") -> Side:
    """Return `docker buildx build --push` of these names."""
    tags = " ".join(f"--tag {address}" for address in addresses)
    return scene.other(name, f"{before}docker buildx build --push {tags} .", project)


def start(scene: Scene) -> Comparison:
    """`inv --list` with our tasks, and with as many tasks that import only Invoke."""
    ours, bare = (Project(scene.folder / name, scene) for name in ("ours", "bare"))
    ours.write("tasks.py", TASKS)
    tasks = "".join(f'@task\ndef task{n}(c):\n    """Does it."""\n\n\n' for n in range(len(ecr_tasks.ns.task_names)))
    bare.write("tasks.py", f"from invoke import task\n\n\n{tasks}")
    return Comparison([scene.ours("inv --list", "--list", ours), scene.other("bare Invoke", f"{INV} --list", bare)])


def sides(scene: Scene) -> tuple[list[Project], list[Side]]:
    """Return the projects and the sides of one image; each has files of its own."""
    projects = [scene.project(name) for name in ("tasks", "four", "login", "buildx")]
    addresses = [scene.repository(project.folder.name) for project in projects]
    ours = scene.ours("inv build push", "build push", projects[0], ECR_REPOSITORY=scene.repository_name("tasks"))
    return projects, [
        scene.ensure(ours),
        four_commands(scene, projects[1], addresses[1]),
        buildx(scene, projects[2], [f"{addresses[2]}:latest"], LOGIN_BUILDX, f"{scene.login()}\n"),
        buildx(scene, projects[3], [f"{addresses[3]}:latest"]),
    ]


def unchanged(scene: Scene) -> Comparison:
    """The same commit again."""
    return Comparison(sides(scene)[1])


def changed(scene: Scene) -> Comparison:
    """A new commit each time, which changes the image."""
    projects, comparison = sides(scene)

    def change() -> None:
        for project in projects:
            project.change()

    return Comparison(comparison, change)


def changed_mutable(scene: Scene) -> Comparison:
    """A new commit each time, into a repository in which ECR locks no tag, which is its default."""
    project, hand = scene.project("mutable"), scene.project("login")
    for name in ("mutable", "login"):
        scene.repository(name)
    settings = {"ECR_REPOSITORY": scene.repository_name("mutable"), "ECR_MUTABILITY": "mutable"}
    tag = f"{scene.registry.host}/{scene.repository_name('login')}:latest"

    def change() -> None:
        for changing in (project, hand):
            changing.change()

    return Comparison(
        [
            scene.ours("inv build push", "build push", project, **settings),
            buildx(scene, hand, [tag], LOGIN_BUILDX, f"{scene.login()}\n"),
        ],
        change,
    )


def cold(scene: Scene) -> Comparison:
    """A machine that knows nothing of the project: a new repository, new files of 5 MB, no folder of earlier runs."""
    projects, comparison = sides(scene)

    def forget() -> None:
        for project in projects:
            project.change(size=5_000_000)
            name = scene.repository_name(project.folder.name)
            scene.registry.api("DeleteRepository", repositoryName=name, force=True)
            scene.repository(project.folder.name)
        scene.ensure(comparison[0])
        for project in projects:
            shutil.rmtree(project.folder / ".ecr-tasks", ignore_errors=True)
        shutil.rmtree(scene.environ["XDG_CACHE_HOME"], ignore_errors=True)

    return Comparison(comparison, forget)


def tags(scene: Scene) -> Comparison:
    """A new commit each time, published under six tags, under one, and by buildx under six."""
    projects = [scene.project(name) for name in ("six", "one", "buildx")]
    addresses = [scene.repository(project.folder.name) for project in projects]
    six, one = scene.repository_name("six"), scene.repository_name("one")

    def change() -> None:
        for project in projects:
            project.change()

    by_buildx = [f"{addresses[2]}:tag{number}" for number in range(6)]
    return Comparison(
        [
            scene.ours("inv build push, six tags", "build push", projects[0], ECR_REPOSITORY=six, ECR_TAGS=SIX_TAGS),
            scene.ours("inv build push, one tag", "build push", projects[1], ECR_REPOSITORY=one, ECR_TAGS=ONE_TAG),
            buildx(scene, projects[2], by_buildx, f"{BUILDX}, six tags"),
        ],
        change,
    )


def context(scene: Scene) -> Comparison:
    """`inv plan` of an image with 50,000 files in its context, which are read for its inputs, and of one with one."""
    projects = [scene.project(name, "FROM scratch\nCOPY . /\n") for name in ("many", "few")]
    for number in range(FILES):
        projects[0].write(f"part{number % 97}/module{number % 13}/file{number}.py", f"value = {number}\n" * 20)
    projects[0].commit()
    made = []
    for project, files in zip(projects, (f"{FILES:,} files", "one file"), strict=True):
        name = project.folder.name
        scene.repository(name)
        settings = {"ECR_REPOSITORY": scene.repository_name(name), "ECR_SKIP": "content"}
        made.append(scene.ours(f"inv plan, {files}", "plan", project, **settings))
    return Comparison(made)


ROWS = (
    Row("list", "`inv --list`", start, (Goal("bare Invoke", 1.10),), has_delay=False),
    Row("cold", "First build and push, 5 MB", cold, (Goal(FOUR, 1.0),), note=LOGGED_IN),
    Row("unchanged", "Build and push, nothing changed", unchanged, (Goal(FOUR, 0.25), Goal(waves=2)), note=LOGGED_IN),
    Row("changed", "Build and push, changed", changed, (Goal(LOGIN_BUILDX, 0.8), Goal(waves=10)), note=LOGGED_IN),
    Row(
        "changed-mutable",
        "Build and push, changed, no tag locked",
        changed_mutable,
        (Goal(waves=10),),
        note=TURNS,
    ),
    Row("tags", "Six tags", tags, note=SIX),
    Row("context", "A context of 50,000 files", context, (Goal(ONE_FILE, seconds=1.5),), has_delay=False, note=READ),
)
