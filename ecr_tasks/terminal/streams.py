"""The standard streams when they are closed, or when nobody reads them any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


@contextmanager
def no_reader_allowed() -> Iterator[None]:
    """End the process with 0 where another's printing meets a reader that has closed the pipe (`--list | head -1`).

    What is left in the streams' buffers is written before Python would do it, which would report it.
    """
    try:
        try:
            yield
        finally:
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
    except BrokenPipeError:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            discard(stream)
        raise SystemExit(0) from None


def open_standard_streams() -> None:
    """Open the null device as stdin, stdout and stderr where they are closed.

    Else the next file that is opened would get that number, and a child's messages would be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def discard(stream: TextIO) -> None:
    """Send a stream to the null device: else Python fails again when it flushes the stream at exit."""
    with suppress(OSError, ValueError):
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, stream.fileno())
        os.close(null_device)
