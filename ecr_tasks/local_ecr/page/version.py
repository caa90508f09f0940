"""A text that changes with what the page shows: while it is the same, the page reads nothing again."""

from __future__ import annotations

import contextlib
import os

from ..findings_file import FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..registries import Registries


def of(registries: Registries) -> str:
    """Return the version of everything that the registries hold."""
    default = registries.default
    changes = [str(registry.store.db.changes) for registry in registries.opened()]
    findings = 0
    with contextlib.suppress(OSError):
        findings = (default.root / FILE).stat().st_mtime_ns
    return ".".join([default.tokens.store_id[:6], str(os.getpid()), *changes, str(findings)])
