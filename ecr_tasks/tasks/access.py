"""Access to the registry for people and hosts: a lasting login, and pulls."""

from __future__ import annotations

from ecr_tasks.console import data, say
from ecr_tasks.errors import RegistryError
from ecr_tasks.runner.prepare import planned_images
from ecr_tasks.runner.run import Run


def login(run: Run) -> None:
    """The `login` task: docker's own, lasting login, the password on stdin."""
    token = run.registry.token()
    if run.dry:
        say(f"would log docker in to {token.host}")
        return
    run.docker.login(token)
    say(f"docker is logged in to {token.host} for twelve hours")


def logout(run: Run) -> None:
    """The `logout` task."""
    host = run.registry.token().host
    if run.dry:
        say(f"would log docker out of {host}")
        return
    run.docker.logout(host)
    say(f"docker is logged out of {host}")


def pull_images(run: Run, reference: str | None, platform: str | None) -> None:
    """The `pull` task: by tag or digest, or what this run has just pushed, or this commit's image."""
    chosen = [(item.repository, reference or item.tags[0].name) for item in planned_images(run)]
    if reference is None and run.entries:
        done = [entry.published[0] for entry in run.entries.values() if entry.published]
        chosen = [(item.repository, item.digest) for item in done] or chosen
    views = run.registry.describe({name: () for name, _ in chosen})
    for name, wanted in chosen:
        repository = views[name].repository
        image = run.registry.image(repository, wanted) if repository else None
        if repository is None or image is None:
            raise RegistryError(
                f"There is no {wanted} in the repository {name}.",
                "Check the tag or digest, or push it first.",
            )
        run.let_in({repository.host: None})
        by_digest = wanted.startswith("sha256:")
        run.docker.pull(f"{repository.uri}{'@' if by_digest else ':'}{wanted}", platform)
        data(f"{repository.uri}@{image.digest}")
