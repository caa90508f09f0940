"""`.env.example`, written from the table: every setting once, commented out, with a comment."""

from __future__ import annotations

import sys
import textwrap

from ecr_tasks.settings.schema import GROUPS
from ecr_tasks.settings.setting import Spec

_HEAD = """\
Every setting of ecr-tasks. Copy what you need to .env, beside tasks.py, and keep .env out of git.
From low to high: defaults; Invoke configuration (ecr.*); .env; .env.NAME; the environment.
`inv settings` shows what counts and where it stands.
"""


def render() -> str:
    """The whole file's text."""
    parts = [_comment(_HEAD)]
    for group, specs in GROUPS.items():
        parts.append(f"\n# ---- {group} ----\n")
        parts += [_entry(spec) for spec in specs]
    return "".join(parts)


def _entry(spec: Spec) -> str:
    notes = [spec.help]
    if spec.default is not None:
        notes.append(f"Default: {spec.default}")
    lines = textwrap.wrap(" ".join(notes), 98, break_on_hyphens=False)
    return "\n" + _comment("\n".join(lines)) + f"#{spec.name}={spec.example}\n"


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())


if __name__ == "__main__":
    sys.stdout.write(render())
