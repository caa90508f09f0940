"""Printing: messages for people on stderr, data on stdout. No other module prints.

Secrets are taken out of both. A message is one line and no CI's command, whatever it repeats of names, files and
other programs. A message that nobody can read any more is dropped; data that can't be written is an error.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TextIO

from ecr_tasks.errors import UnexpectedError
from ecr_tasks.one_line import one_line, without_commands
from ecr_tasks.redaction import HIDDEN, redact, redact_document, redact_known


def say(*lines: str) -> None:
    """Print lines for people, on stderr. It is no error if stderr is closed or its disk is full."""
    with suppress(OSError):
        _print("\n".join(_message(line) for line in lines), sys.stderr)


def say_to_ci(command: str) -> None:
    """Print a command of the CI system, on stderr, with its own control characters.

    It is made of texts that may be shown; whole, it could look like a secret: ``;isoutput=true]…``.
    """
    with suppress(OSError):
        _print(redact_known(command), sys.stderr)


def warn(text: str) -> None:
    """Print a warning, on stderr; the run goes on."""
    say(f"Warning: {text}")


@cache
def warn_once(text: str) -> None:
    """Print a warning that this process has not printed before."""
    warn(text)


def agrees(question: str, *, in_ci: bool = False) -> bool:
    """Ask a yes-or-no question and return whether the answer is yes; in a CI and without a terminal it is no."""
    if in_ci or not sys.stdin or not sys.stdin.isatty():
        warn("There is no terminal to ask on." if not in_ci else "There is nobody to ask in a CI.")
        return False
    with suppress(OSError):
        _print(f"{_message(question)} [y/N] ", sys.stderr, end="")
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        say("")  # Ctrl-D ended the input without a line break
    return answer.strip().lower() in ("y", "yes")


def data(text: str) -> None:
    """Print data, on stdout. A reader that has closed the pipe (`| head`) is no error.

    Raises UnexpectedError when it can't be written, for example to a full disk.
    """
    _print_data(redact(text, arguments=False))


def document(value: Any) -> None:
    """Print a JSON document, on stdout."""
    _print_data(serialize(value))


def serialize(value: Any, indent: int | None = 2) -> str:
    """Return JSON without secrets, in which no text is a command that a CI reads in the middle of a line."""
    plain = json.loads(json.dumps(value, default=str))
    return json.dumps(redact_document(plain), indent=indent).replace("##", "\\u0023#")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people; only the last column is not padded."""
    lines = [list(head), *([one_line(redact(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    widths[-1] = 0
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def redact_logs() -> None:
    """Take the secrets out of Python's logs, which `inv -d` turns on, and leave out what travels over the network.

    Invoke logs whole configurations, and botocore whole requests and answers with tokens in them.
    """
    import logging
    import traceback

    create = logging.getLogRecordFactory()

    def create_redacted(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = create(*arguments, **options)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # the text doesn't fit its arguments, which logging itself reports
            message = str(record.msg)
        if record.name == "invoke":
            message = re.sub(r"(['\"]ecr['\"]: \{)[^}].*", rf"\1{HIDDEN}", message, flags=re.DOTALL)
        record.msg, record.args = redact(message), None
        if isinstance(record.exc_info, tuple) and record.exc_info[0]:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return record

    logging.setLogRecordFactory(create_redacted)
    for name in ("boto3", "botocore", "urllib3"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))


def open_standard_streams() -> None:
    """Open the null device as stdin, stdout and stderr where they are closed.

    Else the next file that is opened would get that number, and a child's messages would be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _print_data(text: str) -> None:
    try:
        _print(text, sys.stdout)
    except BrokenPipeError:
        return
    except OSError as error:
        raise UnexpectedError(
            f"stdout can't be written: {error.strerror}.",
            "Make room where it is written to, and run it again; what is done stays done.",
        ) from error


def _message(text: str) -> str:
    return without_commands(one_line(redact(text)))


def _print(text: str, stream: TextIO | None, end: str = "\n") -> None:
    """Print to a stream, if there is one. After an OSError, which is raised, the stream goes to the null device."""
    if stream is None:
        return
    text = text.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8")
    try:
        print(text, end=end, file=stream, flush=True)
    except OSError:
        with suppress(OSError, ValueError):
            null_device = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null_device, stream.fileno())  # else Python fails again when it flushes the stream at exit
            os.close(null_device)
        raise


def human_size(size: int) -> str:
    """Return a number of bytes in the decimal units that docker shows."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"
