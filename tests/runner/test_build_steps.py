"""What a build is used for: to import what only its push needs."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from ecr_tasks.runner.build_steps import USED_LATER, import_ahead

def missing():
    return [name for name in USED_LATER if f"ecr_tasks.{name}" not in sys.modules]

assert missing(), "all of it is imported in any case"
import_ahead()
assert not missing(), missing()
"""


def test_what_a_push_needs_is_imported_while_its_build_runs() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
