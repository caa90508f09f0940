"""The `export` task: write what was published for those who deploy it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ecr_tasks.console import given_data, say
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.runner.command_line import IMAGES, follows
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run


@chained_task(
    lambda result: None,
    publishes=False,
    positional=["format"],
    may_be_positional="source",
    iterable=["image"],
    help={
        "format": "env, json, compose, kubernetes, ecs, lambda, terraform or cdk",
        "source": "a tag, a sha256: digest, or host/repository@digest as push prints it; --source may be left out "
        "(default: what was pushed of this commit)",
        "image": IMAGES,
        "registry": "ACCOUNT/REGION or host of the destination that it is deployed from (default: the main registry)",
        "from": "the file to update, or - for stdin: ecs's task definition, compose's file, cdk's context",
        "function": "lambda's function, by name or ARN",
    },
)
def export(
    run: Run,
    earlier: EarlierResults,
    format: str,  # noqa: A002 - the flag's name
    source: str | None = None,
    image: list[str] | None = None,
    registry: str | None = None,
    from_: str | None = None,
    function: str | None = None,
) -> None:
    """Write what was published, for those who deploy it.

    The formats are env, json, compose, kubernetes, ecs, lambda, terraform and
    cdk; each names the images by their digests.
    """
    from ecr_tasks.handoff.formats import format_of
    from ecr_tasks.handoff.handoff import Extras
    from ecr_tasks.redaction import redact_known
    from ecr_tasks.runner.publication import in_registry, published_to_deploy

    form = format_of(format, Extras(from_, function))
    extras = Extras(_read(form.file, from_) if from_ is not None else None, function)
    if run.dry and source is None and follows("push"):
        say(f"would write {form.summary}, of what the push publishes")
        return
    handoff = form.write(
        in_registry(run, published_to_deploy(run, earlier.receipt, source, image or []), registry), extras
    )
    if redact_known(handoff.text, arguments=False) != handoff.text:
        raise Refused(
            f"{form.file.capitalize()} has a secret of this run in it, and it would be printed.",
            "Take it out there, and name it as a secret instead (ECS: `secrets` with valueFrom, compose: `secrets`).",
        )
    for note in handoff.notes:
        say(note)
    given_data(handoff.text)


def _read(kind: str, path: str) -> str:
    """Return the text of the file to update. Raises SettingsError when it can't be read."""
    from ecr_tasks.files import MAX_BYTES, read_text

    try:
        if path != "-":
            return read_text(path)
        text = sys.stdin.read(MAX_BYTES + 1) if sys.stdin else ""
    except (OSError, UnicodeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no text"
        raise SettingsError(
            f"{kind.capitalize()} {path} can't be read: {reason}.",
            "Name a file with --from, or pipe it in and name it -.",
        ) from None
    if len(text) > MAX_BYTES:
        raise SettingsError(f"{kind.capitalize()} on stdin is too long.", "Check what is piped into it.")
    if not text.strip():
        raise SettingsError(f"{kind.capitalize()} on stdin is empty.", "Check what is piped into it.")
    return text
