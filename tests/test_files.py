"""Nothing that somebody puts in a file's place makes a run wait, and each is named."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.files import append_bytes, is_file, links_on, open_file, read_bytes, read_text, unreadable_reason


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


IRREGULAR: dict[str, Callable[[Path], None]] = {
    "a named pipe": _pipe,
    "a socket": _socket,
    "a device": _terminal,
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.parametrize("use", [read_bytes, read_text, lambda path: append_bytes(path, b"x")])
def test_what_is_no_file_is_named_at_once(kind: str, use: Callable[[Path], object], tmp_path: Path) -> None:
    IRREGULAR[kind](path := tmp_path / "x")
    with pytest.raises(OSError, match=f"it is {kind} and not a file"):
        _within_seconds(lambda: use(path))
    assert unreadable_reason(path) == f"it is {kind} and not a file"


def test_a_pipe_with_a_reader_and_a_writer_is_no_file_either(tmp_path: Path) -> None:
    os.mkfifo(path := tmp_path / "x")
    other_end = os.open(path, os.O_RDWR)
    with pytest.raises(OSError, match="a named pipe"):
        append_bytes(path, b"x")
    with pytest.raises(OSError, match="a named pipe"):
        read_bytes(path)
    os.close(other_end)


def test_files_are_read_and_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "x"
    append_bytes(path, b"\xef\xbb\xbfa\r\n")
    append_bytes(path, b"\xff")
    assert read_bytes(path) == b"\xef\xbb\xbfa\r\n\xff"
    assert read_text(path, "utf-8-sig", "replace") == "a\n\N{REPLACEMENT CHARACTER}"
    assert unreadable_reason(path) is None


def test_the_null_device_is_an_empty_file(tmp_path: Path) -> None:
    append_bytes(os.devnull, b"x")
    assert read_bytes(os.devnull) == b""


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    assert unreadable_reason(tmp_path / "x") == "No such file or directory"
    assert unreadable_reason("a\0b") == "it is no path of a file"
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "x")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (path := tmp_path / "x").write_bytes(b"x" * (1 << 20))
    assert len(read_bytes(path, 1 << 20)) == 1 << 20
    path.write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(OSError, match="it has more than 1,024 KiB"):
        read_bytes(path, 1 << 20)


@pytest.mark.parametrize("name", ["a\0b", "half\ud800", "x" * 10_000, "x/y"])
def test_what_is_no_path_is_no_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"no path of a file|too long|No such file"):
        read_bytes(tmp_path / name)
    assert not is_file(tmp_path / name)


def _within_seconds(action: Callable[[], object]) -> None:
    """Run an action in a thread, so that one that waits for ever fails the test instead of stopping it."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it waits for the other end"
    for error in errors:
        raise error


def test_others_cannot_write_to_a_file_that_is_made(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        append_bytes(tmp_path / "bash_env", b"export A=1\n")
    finally:
        os.umask(before)
    assert (tmp_path / "bash_env").stat().st_mode & 0o777 == 0o644


def test_every_link_on_the_way_is_named_in_its_own_folder(tmp_path: Path) -> None:
    place = tmp_path.resolve()
    (place / "real/inner").mkdir(parents=True)
    (place / "relative").symlink_to("real")
    (place / "absolute").symlink_to(place / "relative/inner")
    (place / "real/inner/up").symlink_to("../../absolute/../file")
    assert [*links_on(place / "real/inner/none")] == []
    assert [*links_on(place / "relative/none/x")] == [place / "relative"]
    assert [*links_on(place / "absolute/up")] == [
        *(place / "absolute", place / "relative", place / "real/inner/up", place / "absolute", place / "relative")
    ]
    (place / "loop").symlink_to("loop")
    assert {*links_on(place / "loop/x")} == {place / "loop"}
