"""The receipt file: what pipelines read, and what the next run takes up."""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import BuildError
from ecr_tasks.model.receipt import Built, ImageReceipt, Published, Receipt, Source
from ecr_tasks.runner import receipt_file as receipt
from ecr_tasks.source.state import SourceState
from tests.support.build import HOST, REVISION_A, SHA_TAG, digest, dirty, manifest, source

IMAGE = manifest("app")
BUILT = Built("team/app", digest("key"), IMAGE.digest, IMAGE.digest, ("linux/amd64",), "store", 1.5)
CLASSIC = Built("team/app", None, None, digest("config"), (), "store", 1.5)
DONE = Published("team/app", HOST, "team/app", IMAGE.digest, (SHA_TAG, "main"), "pushed", IMAGE, "push")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "local", "key", "digest", "platforms", "images", "x"]), inner)
    ),
)


def entry(built: Built | None, published: tuple[Published, ...] = (), **more: Any) -> ImageReceipt:
    """An image's entry."""
    return ImageReceipt("", "team/app", (SHA_TAG,), "as asked", built=built, published=published, **more)


def of(state: SourceState, **entries: ImageReceipt) -> Receipt:
    """A receipt of these entries, by the image's name."""
    made_of = Source(state.revision, state.dirty, state.branch, state.tag, state.pull_request, state.ci)
    return Receipt(made_of, tuple(replace(item, name=name) for name, item in entries.items()))


def written(project: Path, **entries: ImageReceipt) -> dict[str, Any]:
    """The document that writing leaves."""
    path = receipt.write(project, of(source(tag="v1.2.3"), **entries))
    assert path == project / ".ecr-tasks" / "receipt.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_document_has_every_field(tmp_path: Path) -> None:
    document = written(tmp_path, **{"team/app": entry(BUILT, (DONE,), size=32100, seconds=2.25)})
    assert document["schema"] == 1
    (found,) = document["images"]
    assert {key: found[key] for key in ("name", "digest", "platforms", "size", "seconds")} == {
        "name": "team/app",
        "digest": IMAGE.digest,
        "platforms": ["linux/amd64"],
        "size": 32100,
        "seconds": 2.25,
    }
    assert found["source"] == {
        "revision": REVISION_A,
        "dirty": False,
        "branch": "main",
        "tag": "v1.2.3",
        "pull_request": None,
        "ci": None,
    }
    assert found["published"] == [
        {
            "registry": HOST,
            "repository": "team/app",
            "tags": [SHA_TAG, "main"],
            "reference": f"{HOST}/team/app@{IMAGE.digest}",
            "state": "pushed",
            "by": "push",
        }
    ]
    assert found["failed"] == []


def test_what_is_built_and_not_published_has_a_receipt_too(tmp_path: Path) -> None:
    (found,) = written(tmp_path, app=entry(BUILT))["images"]
    assert found["published"] == []
    assert found["digest"] == IMAGE.digest
    (found,) = written(tmp_path, app=entry(CLASSIC))["images"]
    assert found["digest"] is None


def test_what_is_published_and_was_not_built_has_a_receipt_too(tmp_path: Path) -> None:
    (found,) = written(tmp_path, app=entry(None, (DONE,)))["images"]
    assert found["digest"] == IMAGE.digest
    assert len(found["published"]) == 1


@pytest.mark.parametrize("built", [BUILT, CLASSIC])
def test_the_next_run_knows_what_was_built(tmp_path: Path, built: Built) -> None:
    receipt.write(tmp_path, of(source(), **{"team/app": entry(built)}))
    found = receipt.last_built(tmp_path)["team/app"]
    assert (found.key, found.digest, found.image_id) == (built.key, built.digest, built.image_id)
    assert (found.name, found.platforms, found.keep) == (built.name, built.platforms, built.keep)


def test_a_newer_receipt_takes_the_place_of_the_older(tmp_path: Path) -> None:
    receipt.write(tmp_path, of(source(), old=entry(BUILT)))
    receipt.write(tmp_path, of(dirty(), **{"team/app": entry(CLASSIC)}))
    assert list(receipt.last_built(tmp_path)) == ["team/app"]
    assert {path.name for path in (tmp_path / ".ecr-tasks").iterdir()} == {".gitignore", "receipt.json"}


def test_git_ignores_the_folder_whatever_the_projects_gitignore_says(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    receipt.write(tmp_path, of(source(), app=entry(BUILT)))
    said = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"], cwd=tmp_path, capture_output=True, check=True
    )
    assert said.stdout == b""


def test_the_users_own_gitignore_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / ".ecr-tasks").mkdir()
    (tmp_path / ".ecr-tasks" / ".gitignore").write_text("mine\n", encoding="utf-8")
    receipt.write(tmp_path, of(source(), app=entry(BUILT)))
    assert (tmp_path / ".ecr-tasks" / ".gitignore").read_text(encoding="utf-8") == "mine\n"


def test_a_cis_archiver_may_read_it(tmp_path: Path) -> None:
    path = receipt.write(tmp_path, of(source(), app=entry(BUILT)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_write_that_fails_leaves_the_last_receipt_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = receipt.write(tmp_path, of(source(), app=entry(BUILT)))
    before = path.read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BuildError) as caught:
        receipt.write(tmp_path, of(source(), other=entry(BUILT)))
    assert "No space left on device" in caught.value.cause
    assert path.read_bytes() == before
    assert {found.name for found in path.parent.iterdir()} == {".gitignore", "receipt.json"}


def test_a_folder_that_cant_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / ".ecr-tasks").write_text("a file", encoding="utf-8")
    with pytest.raises(BuildError, match="receipt"):
        receipt.write(tmp_path, of(source(), app=entry(BUILT)))


def test_no_receipt_is_nothing_built(tmp_path: Path) -> None:
    assert receipt.last_built(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\udcff",
        "[]",
        "null",
        '{"schema": 99, "images": []}',
        '{"schema": 1}',
        '{"schema": 1, "images": null}',
        '{"schema": 1, "images": ["app", null, {"name": "app", "local": "here"}]}',
        '{"schema": 1, "images": [{"name": ["app"], "local": {"platforms": []}}]}',
    ],
)
def test_a_receipt_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".ecr-tasks" / "receipt.json"
    path.parent.mkdir()
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert receipt.last_built(tmp_path) == {}


@given(JSON)
def test_whatever_stands_in_it_only_whole_entries_count(tmp_path_factory: pytest.TempPathFactory, found: Any) -> None:
    project = tmp_path_factory.mktemp("project")
    path = project / ".ecr-tasks" / "receipt.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"schema": 1, "images": found}), encoding="utf-8")
    assert receipt.last_built(project) == {}
