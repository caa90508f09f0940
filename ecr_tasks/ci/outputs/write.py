"""TODO."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ecr_tasks.ci.outputs.adapters import adapter_for
from ecr_tasks.ci.outputs.files import files
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.perform import perform
from ecr_tasks.console import say
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.receipt import FOLDER

_masked: set[bytes] = set()
"""Digests of what this process has had masked, so that each text is told once."""


_SHORTEST = 8


_ACCOUNT = re.compile(r"[0-9]{12}")


def emit(provider: str | None, environ: Mapping[str, str], outputs: Outputs, project: Path) -> None:
    """Writes the files that any pipeline can read, and gives the CI what it takes. Never fails: it warns."""
    folder = project / FOLDER
    perform([*files(outputs), *adapter_for(provider).outputs(outputs, environ, folder)], folder)


@contextmanager
def group(provider: str | None, title: str) -> Iterator[None]:
    """Puts what is printed inside into a group of the CI's log; does nothing where there are no groups."""
    adapter = adapter_for(provider)
    if (line := adapter.opened(title, time.time())) is not None:
        say(line)
    try:
        yield
    finally:
        if (line := adapter.closed(title, time.time())) is not None:
            say(line)


def annotate_error(provider: str | None, environ: Mapping[str, str], error: EcrTasksError, project: Path) -> None:
    """Shows an error where the CI shows errors, beside the two sentences on stderr. Never fails: it warns."""
    perform(adapter_for(provider).error(error.cause, error.remedy, environ), project / FOLDER)


def mask(provider: str | None, project: Path, *secrets: str) -> None:
    """Has the CI keep secrets out of its log, each line of each, once.

    What is short or an account id is left alone: masking an account id empties every output that holds it, and
    a reference does (aws-actions/amazon-ecr-login#305).
    """
    adapter = adapter_for(provider)
    for line in (line.strip() for secret in secrets for line in secret.splitlines()):
        told = hashlib.sha256(f"{provider} {line}".encode("utf-8", "backslashreplace")).digest()
        if len(line) >= _SHORTEST and not _ACCOUNT.fullmatch(line) and told not in _masked:
            _masked.add(told)
            perform(adapter.mask(line), project / FOLDER)
