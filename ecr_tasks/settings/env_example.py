"""The text of `.env.example`, generated from the schema: every setting once, commented out, with an explanation."""

from __future__ import annotations

import sys
import textwrap

from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.setting import Setting

_HEAD = """\
Every setting of ecr-tasks. What everybody and CI share belongs into invoke.yaml, below `ecr:` and in lower case
without ECR_ (ECR_REPOSITORY=team/app is `repository: team/app`, AWS_REGION is `region`). Copy keys and what is yours
alone to .env, beside tasks.py, and keep .env out of git; where .env is the application's, to .env.ecr.
From low to high: defaults; Invoke configuration (ecr.*); .env; .env.NAME; the environment.
`inv settings` shows what counts and where it stands.
"""


def render() -> str:
    """Return the whole file's text."""
    return _comment(_HEAD) + "".join(_entry(setting) for setting in TABLE.values())


def _entry(setting: Setting) -> str:
    heading = f"\n# ---- {setting.heading} ----\n" if setting.heading else ""
    default = f" Default: {setting.default}" if setting.default else ""
    comment = _comment(textwrap.fill(setting.comment + default, 98, break_on_hyphens=False))
    return f"{heading}\n{comment}#{setting.name}={setting.example}\n"


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())


if __name__ == "__main__":
    sys.stdout.write(render())
