"""Looks at the local ECR in the user's data folder and stops it, with nothing but Python's own library.

local_ecr_data.py folder          prints where it keeps its data
local_ecr_data.py repositories    prints the names of the repositories that it holds, those of all its registries
local_ecr_data.py stop            stops it; no error where it doesn't run, or in a container that is gone
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import types
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "ecr_tasks"
# As an empty package: `import ecr_tasks` itself would need Invoke, and this runs also where nothing is installed.
sys.modules["ecr_tasks"] = types.ModuleType("ecr_tasks")
sys.modules["ecr_tasks"].__path__ = [str(PACKAGE)]

from ecr_tasks.local_ecr import background  # noqa: E402


def repositories(root: Path) -> set[str]:
    """Return the names of the repositories in the store's databases."""
    names: set[str] = set()
    for file in [root / "store.sqlite3", *root.glob("registries/**/store.sqlite3")]:
        if file.exists():
            with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
                names.update(name for (name,) in database.execute("SELECT name FROM repository"))
    return names


if __name__ == "__main__":
    root = background.default_root()
    if sys.argv[1] == "stop":
        background.down(root)
    else:
        lines = [str(root)] if sys.argv[1] == "folder" else sorted(repositories(root))
        print("\n".join(lines))
