"""The main job's tasks: build, push, pull, images, promote, plan, commands, login, logout."""

from __future__ import annotations

from ecr_tasks.runner.decorator import follows, task
from ecr_tasks.runner.run import Run


@task()
def build(run: Run) -> None:
    """Build every planned image with buildx, tag it and keep it in the local store."""
    from ecr_tasks.tasks import job

    job.build_images(run, push_follows=follows("push"))


@task()
def push(run: Run) -> None:
    """Publish what was built (built first if need be); print host/repository@digest."""
    from ecr_tasks.tasks import job

    job.push_images(run)


@task(
    help={
        "image": "a tag or a sha256: digest (default: what was pushed, or this commit's image)",
        "platform": "os/arch, for one of several",
    }
)
def pull(run: Run, image: str | None = None, platform: str | None = None) -> None:
    """Log in and pull an image by tag or digest."""
    from ecr_tasks.tasks import access

    access.pull_images(run, image, platform)


@task(help={"json": "one JSON document on stdout"})
def images(run: Run, json: bool = False) -> None:
    """Show what the repository holds: tags, digest, platforms, size, age, pulls, scan."""
    from ecr_tasks.tasks import listing

    listing.list_images(run, json=json)


@task(
    positional=["source"],
    iterable=["tag"],
    optional=["require_scan"],
    help={
        "source": "a tag, a sha256: digest, or host/repository@digest as push prints it",
        "tag": "a tag to give it; once for each",
        "to": "ACCOUNT/REGION[/REPOSITORY]: copy it there, with its signatures and SBOMs",
        "image": "of several images, the one (default: all of them)",
        "require-scan": "only if ECR's scans found nothing as bad as this (default: ECR_SCAN_FAIL_ON, or critical)",
        "require-signature": "only if it is signed; by whom is not checked",
        "from-branch": "only if its commit is on this branch, as git knows it",
        "json": "one JSON document on stdout",
    },
)
def promote(
    run: Run,
    source: str,
    tag: list[str] | None = None,
    to: str | None = None,
    image: str | None = None,
    require_scan: str | bool | None = None,
    require_signature: bool = False,
    from_branch: str | None = None,
    json: bool = False,
) -> None:
    """Give a published image more tags, here or in another registry; nothing is pulled or built."""
    from ecr_tasks.tasks import promoting

    gates = promoting.gates(
        run, require_scan=require_scan, require_signature=require_signature, from_branch=from_branch
    )
    if to is None:
        promoting.promote(run, source, tag or [], image=image, json=json, gates=gates)
    else:
        promoting.promote_to(run, source, to, tag or [], image=image, json=json, gates=gates)


@task(help={"json": "one JSON document on stdout"})
def plan(run: Run, json: bool = False) -> None:
    """Show what `build push` would do and why; change nothing."""
    from ecr_tasks.runner.prepare import planned
    from ecr_tasks.tasks import plan_view as show

    made = planned(run)
    if json:
        show.plan_document(made)
    else:
        show.plan(made)
        show.conflicts(made)


@task()
def commands(run: Run) -> None:
    """Print the shell commands that do the same by hand: log in, build, push."""
    from ecr_tasks.console import data
    from ecr_tasks.runner.destinations import hosts
    from ecr_tasks.runner.prepare import planned
    from ecr_tasks.tasks.show_commands import shell_commands

    made = planned(run)
    host = run.registry.token().host
    data("\n".join(shell_commands(made, run.settings, host, run.registry.region(), hosts(run, made))))


@task()
def login(run: Run) -> None:
    """Log docker in to this registry, lastingly (the other tasks need no login)."""
    from ecr_tasks.tasks import access

    access.login(run)


@task()
def logout(run: Run) -> None:
    """Log docker out of this registry."""
    from ecr_tasks.tasks import access

    access.logout(run)
