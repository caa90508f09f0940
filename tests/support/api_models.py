"""Lets a process read each of botocore's models once: every session reads them anew, which takes half of its time."""

from __future__ import annotations

import functools

from botocore.loaders import JSONFileLoader


def read_once() -> None:
    """Keep what botocore reads from its folder of data; a session that has it already changes nothing in it."""
    read = functools.cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda self, file_path: read(file_path)  # type: ignore[method-assign]
