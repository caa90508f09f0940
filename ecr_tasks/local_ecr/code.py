"""What tells one version of the local ECR from another: the contents of its own files."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def digest() -> str:
    """Return a digest of this package's files; the server's is that of the files it was started from."""
    folder = Path(__file__).parent
    found = hashlib.sha256()
    for file in sorted((*folder.rglob("*.py"), *folder.rglob("*.html"))):
        content = file.read_bytes()
        found.update(f"{file.relative_to(folder).as_posix()} {len(content)} ".encode() + content)
    return found.hexdigest()[:16]
