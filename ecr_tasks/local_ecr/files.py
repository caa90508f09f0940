"""The data folder's small files: only the owner can read them, and none is ever incomplete."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from .errors import LocalEcrError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def make_private(folder: Path) -> None:
    """Create the data folder for this user alone, or check that nobody else owns it or can write there.

    Raises OSError, and LocalEcrError for another user's folder, who could lead our writes elsewhere by links.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(folder)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o022:
        folder.chmod(mode & ~0o022)


def check_owner(folder: Path) -> None:
    """Raise LocalEcrError for another user's folder, who could lead us to another server, and OSError."""
    if folder.stat().st_uid != os.geteuid():
        raise LocalEcrError(
            f"The local ECR's folder {folder} belongs to another user.",
            "Name a folder of your own in XDG_DATA_HOME, or change the owner.",
        )


def remove(path: Path) -> None:
    """Remove a file, or a folder with everything in it, if it exists. Raises OSError."""
    import shutil  # slow to load, and rarely needed

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def open_private(path: Path, flags: int) -> int:
    """Return the descriptor of a file for this user alone, created if it is missing; never through a link."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def open_lock(path: Path) -> int:
    """Return the descriptor of a file to be locked, created if it is missing and never through a link.

    It can be locked on a read-only file system, too; only there it is not opened to be written, which NFS wants.
    """
    try:
        return open_private(path, os.O_RDWR)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        return open_private(path, os.O_RDONLY)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content in one step; a reader sees the old content or the new. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with os.fdopen(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
