"""Lines for a POSIX shell that may be shown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ecr_tasks.redaction import redact


def quoted(words: Sequence[str]) -> str:
    """Return words as a line for a POSIX shell, without secrets; no line of it is a CI's command."""
    line = shlex.join(redact(word, arguments=False) for word in words)
    # Both are in single quotes already, where '' is nothing.
    return line.replace("\n", "\n''").replace("##", "#''#")
