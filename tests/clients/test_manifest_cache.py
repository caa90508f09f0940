"""The cache of manifests: by digest, private, bounded, and never anything but what its digest says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecr_tasks.clients import manifest_cache
from ecr_tasks.clients.manifest_cache import ManifestCache, manifest_folder
from ecr_tasks.model.digest import sha256_digest

TEXT = '{"schemaVersion": 2, "annotations": {"ä": "ö"}}\n'
DIGEST = sha256_digest(TEXT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "ecr-tasks" / "manifests"


def test_a_manifest_is_kept_byte_for_byte_for_this_user_alone(folder: Path) -> None:
    cache = ManifestCache(folder)
    assert cache.get(DIGEST) is None
    cache.put(TEXT)
    cache.put(TEXT)
    assert ManifestCache(folder).get(DIGEST) == TEXT
    (file,) = folder.iterdir()
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("poison", [b"{}", b"", b"\xff\xfe", TEXT.encode()[:-1]])
def test_what_somebody_else_wrote_is_not_taken_for_it(folder: Path, poison: bytes) -> None:
    cache = ManifestCache(folder)
    cache.put(TEXT)
    (file,) = folder.iterdir()
    file.write_bytes(poison)
    assert cache.get(DIGEST) is None
    cache.put(TEXT)
    assert cache.get(DIGEST) == TEXT


def test_a_link_or_a_pipe_in_its_place_is_neither_followed_nor_waited_for(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    other = tmp_path / "other"
    other.write_text("mine", encoding="utf-8")
    name = DIGEST.removeprefix("sha256:")
    (folder / name).symlink_to(other)
    assert ManifestCache(folder).get(DIGEST) is None
    assert other.read_text(encoding="utf-8") == "mine"
    os.mkfifo(folder / name)
    assert ManifestCache(folder).get(DIGEST) is None


def test_the_oldest_are_dropped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_cache, "MAX_FILES", 3)
    cache = ManifestCache(folder)
    texts = [f"text {number}" for number in range(5)]
    for age, text in enumerate(texts[:3]):
        cache.put(text)
        os.utime(folder / sha256_digest(text).removeprefix("sha256:"), (1000 + age, 1000 + age))
    assert cache.get(sha256_digest(texts[0])) == texts[0]  # used last
    cache.put(texts[3])
    assert [text for text in texts if cache.get(sha256_digest(text))] == [texts[0], texts[2], texts[3]]
    monkeypatch.setattr(manifest_cache, "MAX_BYTES", 10)
    cache.put(texts[4])
    assert [text for text in texts if cache.get(sha256_digest(text))] == [texts[4]]


def test_a_place_that_can_not_be_used_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for cache in (ManifestCache(None), ManifestCache(tmp_path / "file" / "manifests")):
        cache.put(TEXT)
        assert cache.get(DIGEST) is None
    assert ManifestCache(tmp_path).get("sha256:../../etc/passwd") is None


def test_its_place_is_among_the_users_caches(tmp_path: Path) -> None:
    assert manifest_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "ecr-tasks" / "manifests"
    assert manifest_folder({}) is None


def test_many_manifests_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing of a thousand images would else go through the whole folder a thousand times."""
    counts: list[Path] = []
    listed: list[int] = []

    def listdir(folder: int) -> list[str]:
        listed.append(folder)
        return []

    monkeypatch.setattr(ManifestCache, "_drop_oldest", staticmethod(counts.append))
    monkeypatch.setattr(os, "listdir", listdir)
    ManifestCache(tmp_path / "m").put(*(f"{{{number}}}" for number in range(50)))
    monkeypatch.undo()
    assert (len(list((tmp_path / "m").iterdir())), counts, listed) == (50, [tmp_path / "m"], [])
