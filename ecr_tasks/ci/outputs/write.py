"""Functions that give a run's results to the CI: values, summary, log groups, errors.

A failure here is only a warning, because the image is published already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import MOST_ANNOTATIONS, Action, Adapter, Annotation, Append, Print, Start, Write
from ecr_tasks.ci.outputs.files import files
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.summary import truncate
from ecr_tasks.console import say_to_ci, warn, with_typed_commands
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.files import append_bytes
from ecr_tasks.model.child_environment import agent_environment
from ecr_tasks.model.receipt import FOLDER
from ecr_tasks.one_line import one_line, without_commands
from ecr_tasks.own_files import ignore_in_git, replace_file
from ecr_tasks.redaction import redact, redact_fields, redact_known

TIMEOUT = 60
"""Seconds that a CI's own program may take."""


def write_outputs(adapter: Adapter, environ: Mapping[str, str], outputs: Outputs, project: Path) -> None:
    """Write the files that every pipeline can read, and pass values and summary to the CI."""
    write_files(outputs, project / FOLDER, project)
    pass_to_ci(adapter, environ, outputs, project)


def pass_to_ci(adapter: Adapter, environ: Mapping[str, str], outputs: Outputs, project: Path) -> None:
    """Pass values and summary to the CI. Some of them are added to what it has, and can't be taken back."""
    perform(adapter.outputs(redact_fields(outputs), environ, project / FOLDER), project)


def write_files(outputs: Outputs, folder: Path, project: Path) -> None:
    """Write the files that every pipeline can read: the run's folder has all images, a repository's own has its."""
    for action in files(redact_fields(outputs)):
        _write(action, folder, project)


@contextmanager
def log_group(adapter: Adapter, title: str) -> Iterator[None]:
    """Put everything that is printed in the context into a group of the CI's log, if it has groups."""
    if (line := adapter.group_start(title, time.time())) is not None:
        say_to_ci(line)
    try:
        yield
    finally:
        if (line := adapter.group_end(title, time.time())) is not None:
            say_to_ci(line)


def show_error(adapter: Adapter, environ: Mapping[str, str], error: EcrTasksError, project: Path) -> None:
    """Show an error where the CI shows errors, in addition to the two sentences on stderr."""
    *causes, remedy = (without_commands(with_typed_commands(line)) for line in error.lines)
    perform(adapter.error("\n".join(causes), remedy, environ), project)


def show_section(adapter: Adapter, environ: Mapping[str, str], name: str, markdown: str, project: Path) -> None:
    """Write Markdown to the file of that name in ``.ecr-tasks/``, and add it to the summary that the CI shows."""
    markdown = redact(markdown)
    actions = (Write(name, markdown), *adapter.section(markdown, project / FOLDER / name, environ))
    perform(actions, project)


def show_annotations(
    adapter: Adapter, environ: Mapping[str, str], items: Sequence[Annotation], project: Path
) -> None:
    """Show remarks where the CI shows them, the first of each level and how many more there are."""
    shown: list[Annotation] = []
    for level in ("error", "warning"):
        of_level = [_harmless(item) for item in items if item.level == level]
        most = len(of_level) if len(of_level) <= MOST_ANNOTATIONS else MOST_ANNOTATIONS - 1
        shown += of_level[:most]
        if rest := len(of_level) - most:
            shown.append(Annotation(of_level[0].level, "ecr-tasks", f"{rest} more are in the log."))
    if shown:
        perform(adapter.annotations(shown, environ), project)


def _harmless(item: Annotation) -> Annotation:
    """Return a remark without secrets and without line ends: what a scanner says of packages is from outside."""
    title, text = (one_line(redact(part)) for part in (item.title, item.text))
    return replace(item, title=without_commands(title), text=without_commands(text))


def perform(actions: Iterable[Action], project: Path) -> None:
    """Perform actions in order; the project's ``.ecr-tasks/`` is created if it is missing."""
    for action in actions:
        if isinstance(action, Print):
            say_to_ci(action.text)
        elif isinstance(action, Start):
            _start(action)
        else:
            _write(action, project / FOLDER, project)


def _write(action: Append | Write, folder: Path, project: Path) -> None:
    path = Path(action.path) if isinstance(action, Append) else folder / action.name
    text = redact_known(action.text, arguments=False)  # by their shape, they are taken out before it is escaped
    try:
        if isinstance(action, Write):
            ignore_in_git(project / FOLDER, project)
            replace_file(path, _bytes(text), project)
            return
        if action.limit is not None:
            text = truncate(text, action.limit - (path.stat().st_size if path.exists() else 0))
        append_bytes(path, _bytes(text))
    except OSError as error:
        warn(f"{path} can't be written ({error.strerror}): the pipeline will not find what it would hold.")


def _start(action: Start) -> None:
    program = shutil.which(action.arguments[0])
    if program is None:
        return
    try:
        subprocess.run(  # noqa: S603 - the CI's own program, without a shell
            [program, *action.arguments[1:]],
            input=_bytes(action.stdin),
            env=agent_environment(os.environ, action.arguments[0]),
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        warn(f"`{' '.join(action.arguments[:3])}` failed: the CI has not been told.")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
