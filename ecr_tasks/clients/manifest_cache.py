"""Manifests that this user's runs have read or made, kept by digest, so that no look has to pull one.

A manifest never changes, and whoever reads one from here compares it with its digest: what somebody else has written
into the folder is never taken for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ecr_tasks.files import read_bytes
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.own_files import cache_folder, replace_file

MAX_MANIFEST = 4 * 1024 * 1024
"""The most bytes of a manifest (Amazon ECR service quotas)."""

MAX_FILES = 2000
MAX_BYTES = 16 * 1024 * 1024
"""What the folder holds at most; the manifests that were used last stay."""


def manifest_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for manifests among the user's caches; None without one."""
    caches = cache_folder(environ)
    return caches / "ecr-tasks" / "manifests" if caches else None


def artifact_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for the manifests of artifacts, of which there may be many; None without one."""
    caches = cache_folder(environ)
    return caches / "ecr-tasks" / "artifacts" if caches else None


class ManifestCache:
    """A folder with a file for each manifest. Without a folder, or where it can't be used, it keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, digest: str) -> str | None:
        """Return the manifest with a digest, or None."""
        path = self._path(digest)
        if path is None:
            return None
        with suppress(OSError):
            content = read_bytes(path, MAX_MANIFEST)
            if sha256_digest(content) == digest:
                with suppress(OSError):
                    os.utime(path)
                with suppress(UnicodeDecodeError):
                    return content.decode()
            path.unlink()
        return None

    def put(self, *manifests: str) -> None:
        """Keep manifests, in files that only this user can read; do nothing where that is not possible."""
        if self._folder is None or not manifests:
            return
        for manifest in manifests:
            self._put(manifest)
        with suppress(OSError):
            self._drop_oldest(self._folder)

    def _put(self, manifest: str) -> None:
        path = self._path(sha256_digest(manifest))
        if path is None or len(manifest) > MAX_MANIFEST:
            return
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                return
            replace_file(path, manifest.encode(), path.parent, mode=0o600, tidy=False)

    def _path(self, digest: str) -> Path | None:
        algorithm, _, name = digest.partition(":")
        is_name = algorithm == "sha256" and len(name) == 64 and name.isalnum()
        return self._folder / name if self._folder is not None and is_name else None

    @staticmethod
    def _drop_oldest(folder: Path) -> None:
        """Remove the files that were used longest ago, where there are too many; other runs may do so, too."""
        entries = []
        with os.scandir(folder) as found:
            for entry in found:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    entries.append((status.st_mtime, status.st_size, entry.path))
        entries.sort(reverse=True)
        total = 0
        for number, (_, size, path) in enumerate(entries):
            total += size
            if number >= MAX_FILES or total > MAX_BYTES:
                with suppress(OSError):
                    Path(path).unlink()
