"""The tasks `local.status` and `local.reset`: show what the local ECR holds, and empty it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecr_tasks.console import Column, agrees, document, result, result_table, say
from ecr_tasks.errors import Refused, RegistryError, nearest
from ecr_tasks.runner.decorator import task
from ecr_tasks.tasks.local import translate_errors, warn_of_other_version

if TYPE_CHECKING:
    from pathlib import Path

    from ecr_tasks.local_ecr.stored import StoredRepository
    from ecr_tasks.runner.run import Run

_NAMES_SHOWN = 5


@task(help={"json": "one JSON document on stdout"})
def status(run: Run, json: bool = False) -> None:
    """Show whether the local ECR runs, and what it holds.

    Also where it is, and what it was asked.
    """
    from ecr_tasks.local_ecr import background

    with translate_errors():
        status = background.status(background.default_root())
    if json:
        document(status.as_json())
        return
    if status.hangs:
        result(f"a process serves {status.root} but does not answer; local.down ends it")
        return
    if status.running:
        warn_of_other_version(status)
        result(f"the local ECR is at {status.endpoint} (account {status.account}, region {status.region})")
    else:
        in_container = f"; its container {status.container} does not answer" if status.container else ""
        result(f"the local ECR is not running{in_container}")
    numbers = (status.repositories, status.images, status.bytes)
    if None not in numbers:
        result(f"it holds {_amount(*(number or 0 for number in numbers))}, in {status.root}")
    else:
        result(f"its data is in {status.root}")
    if len(status.registries) > 1:
        result("")
        columns = ("account", "region", "registry")
        result_table(columns, [tuple(item[name] for name in columns) for item in status.registries])
    if status.requests:
        result("")
        rows = [(name, str(count)) for name, count in sorted(status.requests.items())]
        result_table((Column("request"), Column("count", right=True)), rows)


@task(
    may_be_positional="repository",
    help={
        "repository": "only this one: NAME in every registry, or ACCOUNT/REGION/NAME in one",
        "yes": "don't ask",
    },
)
def reset(run: Run, repository: str | None = None, yes: bool = False) -> None:
    """Empty the local ECR, or one repository of it.

    It says what it would empty, and asks.
    """
    from ecr_tasks.local_ecr import background, stored

    root = background.default_root()
    if repository is None:
        held, question = f"the local ECR in {root} holds {_everything(root)}", "Empty it?"
    else:
        with translate_errors():
            chosen = _chosen(stored.contents(root), repository)
        held, question = f"{_names(chosen)}, in the local ECR in {root}: {_held(chosen)}", "Delete that?"
    say(held)
    if run.dry:
        say("would empty it" if repository is None else "would delete that")
        return
    if not yes and not agrees(question, in_ci=run.in_ci):
        raise Refused("Nothing was emptied: nobody said yes.", "Answer y on a terminal, or say --yes.")
    with translate_errors():
        if repository is None:
            background.reset(root)
            say("the local ECR is empty")
        else:
            stored.delete(root, chosen)
            say(f"{_names(chosen)}: deleted")


def _everything(root: Path) -> str:
    """Return what a local ECR holds in words; a store that is damaged can be emptied as well."""
    from ecr_tasks.local_ecr import stored
    from ecr_tasks.local_ecr.errors import LocalEcrError

    try:
        repositories = stored.contents(root)
    except LocalEcrError:
        return "what can't be read"
    names = f" ({_names(repositories)})" if repositories else ""
    count = _count(len(repositories), "repository", "repositories")
    return f"{count}{names}, {_held(repositories)}, and the counts of its requests"


def _chosen(repositories: Sequence[StoredRepository], name: str) -> list[StoredRepository]:
    """Return the repositories of a name, in every registry or in the one that it names. Raises RegistryError."""
    chosen = [item for item in repositories if name in (item.name, f"{item.registry}/{item.name}")]
    if not chosen:
        known = f"It has {_names(repositories)}; `inv local.open` shows them." if repositories else "It is empty."
        guess = nearest(
            name, sorted({text for item in repositories for text in (item.name, f"{item.registry}/{item.name}")})
        )
        raise RegistryError(f"The local ECR has no repository {name}.", f"Did you mean {guess}?" if guess else known)
    return chosen


def _names(repositories: Sequence[StoredRepository]) -> str:
    """Return the names with their registries, the first of many."""
    names = [f"{item.registry}/{item.name}" for item in repositories[:_NAMES_SHOWN]]
    more = len(repositories) - _NAMES_SHOWN
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _held(repositories: Sequence[StoredRepository]) -> str:
    images, size = sum(item.images for item in repositories), sum(item.bytes for item in repositories)
    return f"{_count(images, 'image', 'images')} ({_size(size)})"


def _amount(repositories: int, images: int, size: int) -> str:
    words = [_count(repositories, "repository", "repositories"), _count(images, "image", "images"), _size(size)]
    return ", ".join(words)


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"


def _size(size: int) -> str:
    from ecr_tasks.model.wording import human_size

    return human_size(size)
