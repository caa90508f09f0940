"""Ask Invoke whether it can load a project's tasks, in a process of its own: loading them runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_SECONDS = 15
_PLACE = re.compile(r'^ +File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def load_mistake(tasks: Path, python: str = sys.executable) -> str:
    """Return why a tasks file can't be loaded, with its line; empty if it can be, or if nobody knows."""
    folder = tasks.parent.parent if tasks.name == "__init__.py" else tasks.parent
    try:
        done = subprocess.run(  # noqa: S603 - what `inv` itself would run
            [python, "-m", "invoke", "--list"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if not done.returncode or "Traceback (" not in done.stderr:
        return ""
    lines = [match["line"] for match in _PLACE.finditer(done.stderr) if Path(match["file"]) == tasks]
    reason = done.stderr.strip().splitlines()[-1]
    return f"line {lines[-1]}: {reason}" if lines else reason
