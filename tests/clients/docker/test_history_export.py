"""The manifests in what buildx exports of its builds: by digest, and never anything but what that says."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.history_export import read_blobs
from ecr_tasks.model.digest import sha256_digest

TEXT = '{"annotations": {"ä": "ö"}}\n'
DIGEST, OTHER = sha256_digest(TEXT), sha256_digest("other")


def export(path: Path, blobs: dict[str, str]) -> Path:
    """Write an archive as buildx does."""
    with tarfile.open(path, "w:gz") as archive:
        for digest, text in blobs.items():
            entry = tarfile.TarInfo(f"blobs/sha256/{digest.removeprefix('sha256:')}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_blobs_are_read_byte_for_byte(tmp_path: Path) -> None:
    file = export(tmp_path / "records", {OTHER: "other", DIGEST: TEXT})
    assert read_blobs(file, [DIGEST, sha256_digest("missing")]) == {DIGEST: TEXT}


def test_other_bytes_are_left_out(tmp_path: Path) -> None:
    assert read_blobs(export(tmp_path / "records", {DIGEST: "else", OTHER: "other"}), [DIGEST, OTHER]) == {
        OTHER: "other"
    }


def test_a_broken_archive_is_an_error_of_its_own_kind(tmp_path: Path) -> None:
    whole = export(tmp_path / "records", {DIGEST: TEXT}).read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        (tmp_path / "broken").write_bytes(content)
        with pytest.raises(ValueError, match=r"\S"):
            read_blobs(tmp_path / "broken", [DIGEST])
