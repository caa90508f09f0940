"""The `restore` task: bring an image back from ECR's archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.console import data, say, working
from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.command_line import IMAGE, as_choice
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


@task(
    positional=["archived"],
    help={
        "archived": "a tag, a sha256: digest, or host/repository@digest",
        "image": IMAGE,
        "minutes": "how long to wait until it can be pulled (default: 60)",
    },
)
def restore(run: Run, archived: str, image: str | None = None, minutes: str = "60") -> None:
    """Bring an image back from ECR's archive.

    With its platforms, signatures and SBOMs; waits until it can be pulled.
    """
    from ecr_tasks.execute.restore import restore
    from ecr_tasks.model.reference import parse_image_name
    from ecr_tasks.runner.images import chosen_repositories

    if not (minutes.isascii() and minutes.isdigit()):
        raise SettingsError(f"--minutes {minutes[:100]} is no number of minutes.", "Write one, such as --minutes 90.")
    registry = run.private("prune")
    name = parse_image_name(archived)
    repositories = dict.fromkeys(chosen_repositories(run, name, as_choice(image)).values())
    for repository in repositories:
        if run.dry:
            say(f"would restore {name.reference} in {repository}")
            continue
        with working(f"restoring {name.reference} in {repository}"):
            found = restore(
                repository,
                name.reference,
                registry.removal,
                say,
                minutes=float(minutes[:6]),
                pause=run.retrier.pause,
            )
        address = registry.describe({repository: ()})[repository].repository
        data(f"{address.uri if address else repository}@{found.digest}")
