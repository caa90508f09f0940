"""Files that somebody else names: reading or writing one never waits for the other end of a pipe, and says why not.

The named file may be a FIFO, where an open waits until somebody opens the other end, or a device or a socket. Every
module that reads a file which a user, a repository or a CI names reads it here.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


MAX_BYTES = 32 * 1024 * 1024
"""The size of the largest file that is read whole. GitHub's event file, the largest of those, has at most 25 MB."""


def read_bytes(path: Path | str, limit: int = MAX_BYTES) -> bytes:
    """Return the content of a file. Raises OSError like :func:`open_file`, and for more than ``limit`` bytes."""
    with os.fdopen(open_file(path), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit >> 10:,} KiB", str(path))
    return content


def read_text(path: Path | str, encoding: str = "utf-8", errors: str = "strict", limit: int = MAX_BYTES) -> str:
    """Return the text of a file, with ``\\n`` for each line break. Raises OSError and UnicodeError."""
    return io.TextIOWrapper(io.BytesIO(read_bytes(path, limit)), encoding, errors).read()


def exists(path: Path | str) -> bool:
    """Return whether there is something under this path; False also for a text that is no path."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # a name that is too long, a folder that is closed; a NUL
        return False


def is_file(path: Path | str) -> bool:
    """Return whether there is a file that can be looked at; False also for a text that is no path."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path | str) -> bool:
    """Return whether there is a folder that can be looked at; False also for a text that is no path."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def resolved(path: Path | str) -> Path:
    """Return the absolute path without links, as far as it exists; Path.resolve raises RuntimeError for a loop."""
    return Path(os.path.realpath(path))


_MOST_LINKS = 40
"""How many links Linux follows on the way to a file (path_resolution(7)); a loop has more."""


def links_on(path: Path | str) -> Iterator[Path]:
    """Yield the links that are followed on the way to a path, each under the path that it has itself."""
    place = Path.cwd() / path
    here, pending, left = Path(place.anchor), [*reversed(place.parts[1:])], _MOST_LINKS
    while pending:
        name = pending.pop()
        if name == os.pardir:
            here = here.parent
            continue
        try:
            target = (here / name).readlink()
        except (OSError, ValueError):  # no link
            here /= name
            continue
        yield here / name
        left -= 1
        if not left:
            return
        if target.is_absolute():
            here, target = Path(target.anchor), target.relative_to(target.anchor)
        pending += reversed(target.parts)


def append_bytes(path: Path | str, content: bytes) -> None:
    """Append to a file, which is created if it is missing; others can't write to it, whatever the umask.

    Raises OSError like :func:`open_file`.
    """
    with os.fdopen(open_file(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as file:
        file.write(content)


def append_lines(path: Path | str, lines: Sequence[str]) -> None:
    """Append lines to a file, which is created if it is missing; a last line without a break gets one before.

    Raises OSError like :func:`open_file`.
    """
    content = read_bytes(path) if exists(path) else b""
    separator = b"" if not content or content.endswith(b"\n") else b"\n"
    append_bytes(path, separator + "".join(f"{line}\n" for line in lines).encode())


def open_file(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and return its descriptor, without waiting.

    Raises OSError whose ``strerror`` completes "the file can't be read: …", also for a folder, a pipe, a socket and a
    device. The null device is allowed: it stands for an empty file, and for output that nobody wants.
    """
    try:
        _refuse_irregular(Path(path).stat(), path)  # to open a device can have effects
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    except ValueError:  # a NUL, or half a character
        raise OSError(errno.EINVAL, "it is no path of a file") from None
    descriptor = os.open(path, flags | _NO_WAIT, 0o644)
    try:
        _refuse_irregular(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def unreadable_reason(path: Path | str) -> str | None:
    """Return why a file can't be read, as the end of the sentence "it can't be read: …", or None if it can."""
    try:
        os.close(open_file(path))
    except OSError as error:
        return error.strerror or str(error)
    return None


def reading_problem(error: OSError | ValueError) -> str:
    """Return why a file could not be read, as the end of the sentence "it can't be read: …"."""
    if isinstance(error, UnicodeError):
        return "it is no UTF-8 text"
    return getattr(error, "strerror", None) or str(error)


def write_remedy(error: OSError) -> str:
    """Return what to do about a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Make room there."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Give write access to the project's folder."
    if error.errno == errno.ENOENT:
        return "Make its folder first."
    return "Remove or rename what is in its place."


def _refuse_irregular(status: os.stat_result, path: Path | str) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFREG or (kind == stat.S_IFCHR and status.st_rdev == Path(os.devnull).stat().st_rdev):
        return
    number = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
    raise OSError(number, f"it is {_KINDS.get(kind, 'something else')} and not a file", str(path))
