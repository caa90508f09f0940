"""What buildx exports of its builds' records: an OCI image layout in a compressed tar archive."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path

from ecr_tasks.clients.manifest_cache import MAX_MANIFEST
from ecr_tasks.model.digest import sha256_digest


def read_blobs(archive: Path, digests: Collection[str]) -> dict[str, str]:
    """Return the texts of those blobs that an archive has, by digest. Raises ValueError when it can't be read."""
    texts: dict[str, str] = {}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                digest = f"sha256:{member.name.rpartition('/')[2]}"
                if digest not in digests or not member.isreg() or member.size > MAX_MANIFEST:
                    continue
                content = members.extractfile(member)
                text = content.read().decode() if content else ""
                if sha256_digest(text) == digest:
                    texts[digest] = text
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(str(error)) from error
    return texts
