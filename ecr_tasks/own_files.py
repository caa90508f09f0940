"""The files that we write in a project for later steps, which may be sourced there: whole, ours, and through no link.
And the user's folder for caches, in which they are written the same way.

A project's files are from whoever can propose a change to it: a link in the place of a file or a folder must not lead
us to write or remove anything elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


_WRITE_SECONDS = 10
"""How long a file may take to be written."""


def replace_file(path: Path, content: bytes, top: Path, mode: int = 0o644, *, tidy: bool = True) -> None:
    """Write a file below the folder ``top`` in one step, and the folders on the way that are missing.

    What killed runs have left of it is removed, which lists the folder; not with ``tidy=False``, for a folder of many
    files whose old ones go anyway. Others can never write to it, whatever the umask; ``mode`` and the umask decide
    who can read it. Raises OSError, also when a folder on the way is a link.
    """
    with _open_folder(path.parent, top, create=True) as folder:
        if tidy:
            _remove_stale(folder, path.name)
        temporary = f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            with os.fdopen(os.open(temporary, flags, mode, dir_fd=folder), "wb") as file:
                file.write(content)
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise


def _remove_stale(folder: int, name: str) -> None:
    """Remove what killed runs have left of a file; a running one has written it within moments."""
    for entry in os.listdir(folder):
        if re.fullmatch(rf"\.{re.escape(name)}\.[0-9]+-[0-9a-f]{{8}}", entry):
            with suppress(OSError):
                status = os.stat(entry, dir_fd=folder, follow_symlinks=False)
                if time.time() - status.st_mtime > _WRITE_SECONDS:
                    os.unlink(entry, dir_fd=folder)


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the user's folder for caches (XDG base directory specification), created where only it is missing.

    None without one of the user's own: with sudo it may be another user's.
    """
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    bases = (Path(environ.get("XDG_CACHE_HOME", "")), Path(home, ".cache"))
    folder = next((path for path in bases if path.is_absolute()), None)  # the specification ignores a relative one
    with suppress(OSError):
        if folder is not None and folder.parent.is_dir():
            folder.mkdir(0o700, exist_ok=True)
            if is_own(folder.stat()):
                return folder
    return None


def is_own(status: os.stat_result) -> bool:
    """Return whether a file or folder belongs to this user."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def remove_file(path: Path, top: Path) -> None:
    """Remove a file below the folder ``top``, if it is there. Raises OSError like :func:`replace_file`."""
    with suppress(FileNotFoundError), _open_folder(path.parent, top, create=False) as folder:
        os.unlink(path.name, dir_fd=folder)


def ignore_in_git(folder: Path, top: Path) -> None:
    """Write a .gitignore into a folder that hides all of it from git, if there is none. Raises OSError."""
    path = folder / ".gitignore"
    if not os.path.lexists(path):
        replace_file(path, b"*\n", top)


@contextmanager
def _open_folder(path: Path, top: Path, *, create: bool) -> Iterator[int]:
    """Yield a descriptor of a folder below ``top`` that was reached without following a link."""
    names = path.relative_to(top).parts
    descriptor = os.open(top, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for depth, name in enumerate(names, 1):
            try:
                inner = _open_entry(name, descriptor, create=create)
            except OSError as error:
                raise _unless_followed(error, name, descriptor, top.joinpath(*names[:depth])) from None
            os.close(descriptor)
            descriptor = inner
        _keep_others_from_writing(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


def _open_entry(name: str, folder: int, *, create: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _unless_followed(error: OSError, name: str, folder: int, path: Path) -> OSError:
    """Return the error of opening ``path``, an entry of ``folder``; one that tells what is in a folder's place."""
    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
        return error
    is_link = stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    reason = "a link, which is not followed" if is_link else "not a folder"
    return OSError(error.errno, f"{path} is {reason}", str(path))


def _keep_others_from_writing(descriptor: int) -> None:
    """Take the permission to write from others in a folder of ours, which a run without a umask may have given."""
    status = os.fstat(descriptor)
    if status.st_uid == os.geteuid() and status.st_mode & 0o022:
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & ~0o022)
