"""Give a run's results to the CI: values, summary, log groups, errors, masked secrets. Failures are warnings."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.files import files
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.perform import perform
from ecr_tasks.console import say
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.receipt import FOLDER

_masked: set[bytes] = set()
"""Digests of the lines that this process has masked, so that the CI gets each line once."""

_MIN_LENGTH = 8
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def write_outputs(adapter: Adapter, environ: Mapping[str, str], outputs: Outputs, project: Path) -> None:
    """Write the files that every pipeline can read, and pass values and summary to the CI."""
    folder = project / FOLDER
    perform([*files(outputs), *adapter.outputs(outputs, environ, folder)], folder)


@contextmanager
def log_group(adapter: Adapter, title: str) -> Iterator[None]:
    """Put what is printed inside into a group of the CI's log, if the CI has groups."""
    if (line := adapter.group_start(title, time.time())) is not None:
        say(line)
    try:
        yield
    finally:
        if (line := adapter.group_end(title, time.time())) is not None:
            say(line)


def show_error(adapter: Adapter, environ: Mapping[str, str], error: EcrTasksError, project: Path) -> None:
    """Show an error where the CI shows errors, in addition to the two sentences on stderr."""
    perform(adapter.error(error.cause, error.remedy, environ), project / FOLDER)


def mask(adapter: Adapter, project: Path, *secrets: str) -> None:
    """Have the CI hide each line of the secrets in its log.

    Short lines and account ids are not masked. GitHub drops an output that contains a masked text, and every
    reference contains the account id (aws-actions/amazon-ecr-login#305).
    """
    for line in (line.strip() for secret in secrets for line in secret.splitlines()):
        digest = hashlib.sha256(line.encode("utf-8", "backslashreplace")).digest()
        if len(line) >= _MIN_LENGTH and not _ACCOUNT_ID.fullmatch(line) and digest not in _masked:
            _masked.add(digest)
            perform(adapter.mask(line), project / FOLDER)
