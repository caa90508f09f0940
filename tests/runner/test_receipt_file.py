"""Tests of runner/receipt_file: writing the receipt, and reading the last build from it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import BuildError
from ecr_tasks.model.attestation import MadeDocument
from ecr_tasks.model.receipt import Built, ImageReceipt, Published, Receipt, Source
from ecr_tasks.runner import receipt_file
from ecr_tasks.source.source_state import SourceState
from tests.support.build import HOST, REVISION_A, SHA_TAG, digest, dirty, manifest, source

IMAGE = manifest("app")
BUILT = Built("team/app", digest("key"), IMAGE.digest, IMAGE.digest, ("linux/amd64",), "store", 1.5)
CLASSIC = Built("team/app", None, None, digest("config"), (), "store", 1.5)
KEPT = replace(BUILT, image_id=None, keep="builder", manifests={"linux/amd64": IMAGE.digest}, builder="beside")
TOLD = replace(BUILT, provenance=(MadeDocument("https://slsa.dev/provenance/v1", {"a": [1]}, "linux/amd64"),))
PUBLISHED = Published("team/app", HOST, "team/app", IMAGE.digest, (SHA_TAG, "main"), "pushed", IMAGE, "push")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "local", "key", "digest", "platforms", "images", "x"]), inner)
    ),
)


NAMES = {"team/app": "team/app"}
"""An image's repository by the image's name."""


def files_in(project: Path) -> set[str]:
    """Return the paths of all files in the project's output folder."""
    folder = project / ".ecr-tasks"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def entry(built: Built | None, published: tuple[Published, ...] = (), **more: Any) -> ImageReceipt:
    """Return the entry of an image."""
    return ImageReceipt("", "team/app", (SHA_TAG,), "as asked", built=built, published=published, **more)


def receipt_of(state: SourceState, **entries: ImageReceipt) -> Receipt:
    """Return a receipt with these entries, by the name of the image."""
    source_facts = Source(state.revision, state.dirty, state.branch, state.tag, state.pull_request, state.ci)
    return Receipt(source_facts, tuple(replace(item, name=name) for name, item in entries.items()))


def write_and_read(project: Path, **entries: ImageReceipt) -> dict[str, Any]:
    """Write a receipt and return its JSON document."""
    path = receipt_file.write(project, receipt_of(source(tag="v1.2.3"), **entries))
    assert path == project / ".ecr-tasks" / "receipt.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_the_document_has_every_field(tmp_path: Path) -> None:
    document = write_and_read(tmp_path, **{"team/app": entry(BUILT, (PUBLISHED,), size=32100, seconds=2.25)})
    assert document["schema"] == 1
    (image,) = document["images"]
    assert {key: image[key] for key in ("name", "digest", "platforms", "size", "seconds")} == {
        "name": "team/app",
        "digest": IMAGE.digest,
        "platforms": ["linux/amd64"],
        "size": 32100,
        "seconds": 2.25,
    }
    assert image["source"] == {
        "revision": REVISION_A,
        "dirty": False,
        "branch": "main",
        "tag": "v1.2.3",
        "pull_request": None,
        "ci": None,
    }
    assert image["published"] == [
        {
            "registry": HOST,
            "repository": "team/app",
            "tags": [SHA_TAG, "main"],
            "reference": f"{HOST}/team/app@{IMAGE.digest}",
            "media_type": IMAGE.media_type,
            "state": "pushed",
            "by": "push",
            "stays": {},
            "attached": [],
            "signing": None,
        }
    ]
    assert image["failed"] == []


def test_an_image_that_is_built_and_not_published_is_in_the_receipt(tmp_path: Path) -> None:
    (image,) = write_and_read(tmp_path, app=entry(BUILT))["images"]
    assert image["published"] == []
    assert image["digest"] == IMAGE.digest
    (image,) = write_and_read(tmp_path, app=entry(CLASSIC))["images"]
    assert image["digest"] is None


def test_an_image_that_is_published_and_not_built_is_in_the_receipt(tmp_path: Path) -> None:
    (image,) = write_and_read(tmp_path, app=entry(None, (PUBLISHED,)))["images"]
    assert image["digest"] == IMAGE.digest
    assert len(image["published"]) == 1


@pytest.mark.parametrize("built", [BUILT, CLASSIC, KEPT, TOLD])
def test_the_last_build_is_read_from_the_receipt(tmp_path: Path, built: Built) -> None:
    receipt_file.write(tmp_path, receipt_of(source(), **{"team/app": entry(built)}))
    last = receipt_file.last_built(tmp_path, NAMES)["team/app"]
    assert (last.key, last.digest, last.image_id) == (built.key, built.digest, built.image_id)
    assert (last.name, last.platforms, last.keep) == (built.name, built.platforms, built.keep)
    assert (last.manifests, last.builder, last.provenance) == (built.manifests, built.builder, built.provenance)


def test_a_receipt_replaces_the_older_one(tmp_path: Path) -> None:
    receipt_file.write(tmp_path, receipt_of(source(), old=entry(BUILT)))
    receipt_file.write(tmp_path, receipt_of(dirty(), **{"team/app": entry(CLASSIC)}))
    assert receipt_file.last_built(tmp_path, {"old": "team/app"}) == {}
    assert list(receipt_file.last_built(tmp_path, NAMES)) == ["team/app"]
    assert files_in(tmp_path) == {".gitignore", "receipt.json", "repositories/team/app/receipt.json"}


def test_a_repositorys_own_receipt_stays_when_another_one_is_published(tmp_path: Path) -> None:
    receipt_file.write(tmp_path, receipt_of(source(), **{"team/app": entry(BUILT)}))
    other = replace(entry(CLASSIC), repository="team/app/worker")
    receipt_file.write(tmp_path, receipt_of(source(), other=other))
    last = receipt_file.last_built(tmp_path, {"team/app": "team/app", "other": "team/app/worker", "third": "third"})
    assert {name: built.key for name, built in last.items()} == {"team/app": BUILT.key, "other": CLASSIC.key}
    assert receipt_file.own_repositories(tmp_path) == ["team/app", "team/app/worker"]


def test_only_the_build_of_a_receipt_is_kept(tmp_path: Path) -> None:
    receipt_file.write(tmp_path, receipt_of(source(), **{"team/app": entry(BUILT, (PUBLISHED,), size=1)}))
    own = receipt_file.own_folder(tmp_path, "team/app") / "receipt.json"
    receipt_file.keep_build_only(own, tmp_path)
    (image,) = json.loads(own.read_text(encoding="utf-8"))["images"]
    assert (image["digest"], image["published"]) == (None, [])
    assert receipt_file.last_built(tmp_path, NAMES)["team/app"].key == BUILT.key
    receipt_file.write(tmp_path, receipt_of(source(), **{"team/app": entry(None, (PUBLISHED,))}))
    receipt_file.keep_build_only(own, tmp_path)
    receipt_file.keep_build_only(own, tmp_path)
    assert not own.exists()


def test_git_ignores_the_folder_without_a_line_in_the_projects_gitignore(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    receipt_file.write(tmp_path, receipt_of(source(), app=entry(BUILT)))
    result = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"], cwd=tmp_path, capture_output=True, check=True
    )
    assert result.stdout == b""


def test_an_existing_gitignore_in_the_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".ecr-tasks").mkdir()
    (tmp_path / ".ecr-tasks" / ".gitignore").write_text("mine\n", encoding="utf-8")
    receipt_file.write(tmp_path, receipt_of(source(), app=entry(BUILT)))
    assert (tmp_path / ".ecr-tasks" / ".gitignore").read_text(encoding="utf-8") == "mine\n"


def test_every_user_may_read_the_receipt(tmp_path: Path) -> None:
    path = receipt_file.write(tmp_path, receipt_of(source(), app=entry(BUILT)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_failed_write_keeps_the_last_receipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = receipt_file.write(tmp_path, receipt_of(source(), app=entry(BUILT)))
    before = path.read_bytes()

    def raise_no_space(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", raise_no_space)
    with pytest.raises(BuildError) as error:
        receipt_file.write(tmp_path, receipt_of(source(), other=entry(BUILT)))
    assert "No space left on device" in error.value.cause
    assert path.read_bytes() == before
    assert files_in(tmp_path) == {".gitignore", "receipt.json", "repositories/team/app/receipt.json"}


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".ecr-tasks").write_text("a file", encoding="utf-8")
    with pytest.raises(BuildError, match="receipt"):
        receipt_file.write(tmp_path, receipt_of(source(), app=entry(BUILT)))


def test_without_a_receipt_nothing_is_built(tmp_path: Path) -> None:
    assert receipt_file.last_built(tmp_path, NAMES) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\udcff",
        "[" * 100_000,
        "[]",
        "null",
        '{"schema": 99, "images": []}',
        '{"schema": 1}',
        '{"schema": 1, "images": null}',
        '{"schema": 1, "images": ["app", null, {"name": "app", "local": "here"}]}',
        '{"schema": 1, "images": [{"name": ["app"], "local": {"platforms": []}}]}',
    ],
)
def test_an_invalid_receipt_is_ignored(tmp_path: Path, text: str) -> None:
    path = receipt_file.own_folder(tmp_path, "team/app") / "receipt.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert receipt_file.last_built(tmp_path, NAMES) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": 5},
        {"platforms": "linux/amd64"},
        {"platforms": [1]},
        {"manifests": ["x"]},
        {"keep": "x"},
        {"more": 1},
    ],
)
def test_a_build_that_no_run_has_written_is_ignored(tmp_path: Path, wrong: dict[str, Any]) -> None:
    write_and_read(tmp_path, **{"team/app": entry(BUILT)})
    path = receipt_file.own_folder(tmp_path, "team/app") / "receipt.json"
    document = json.loads(path.read_bytes())
    assert receipt_file.last_built(tmp_path, NAMES)
    document["images"][0]["local"] |= wrong
    path.write_text(json.dumps(document), encoding="utf-8")
    assert receipt_file.last_built(tmp_path, NAMES) == {}


@given(JSON)
def test_incomplete_entries_are_ignored(tmp_path_factory: pytest.TempPathFactory, images: Any) -> None:
    project = tmp_path_factory.mktemp("project")
    path = receipt_file.own_folder(project, "team/app") / "receipt.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema": 1, "images": images}), encoding="utf-8")
    assert receipt_file.last_built(project, NAMES) == {}
