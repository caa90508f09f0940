"""What a repository holds: ``ecr/describing.py`` reads it, it is folded here, ``report/inventory.py`` shows it."""

from ecr_tasks.inventory.folding import fold
from ecr_tasks.inventory.model import Detail, Held, Kind, Platform, Referrer, Scan, artifact_kind, tag_about

__all__ = [
    "Detail",
    "Held",
    "Kind",
    "Platform",
    "Referrer",
    "Scan",
    "artifact_kind",
    "fold",
    "tag_about",
]
