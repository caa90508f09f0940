"""The check of the folders that a push writes into, and of what killed runs have left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecr_tasks.errors import ExitCode
from ecr_tasks.model.finding import Finding, RemoveLeftNames, Section
from ecr_tasks.model.machine import Folder, LeftNames
from ecr_tasks.model.wording import human_size, name_some

DISK = Section("Disk", ExitCode.BUILD)

FULL = 100 * 10**6
"""Bytes below which no image fits any more."""

LOW = 2 * 10**9
"""Bytes below which a build may fill the disk: an image with its layers and the cache takes some hundred megabytes to
gigabytes."""

_FEW_FILES = 1000

_REMEDIES = {
    "docker's disk": (
        "Make room: `docker system df` shows what takes it; `docker builder prune` and `docker image prune` free "
        "what no image and container uses.",
        "Give the engine a folder that it may write to (data-root in daemon.json).",
    ),
    "temporary files": (
        "Make room there, or set TMPDIR to a folder on another disk.",
        "Set TMPDIR to a folder that this user may write to.",
    ),
    "": (
        "Make room there.",
        "Make room, or let this user write there: a run leaves its receipt in .ecr-tasks.",
    ),
}
"""What helps in a folder, by its purpose, against too little room, and where it can't be written to."""


def check_folders(folders: Sequence[Folder]) -> Iterator[Finding]:
    """Yield what is to say of each folder: whether it can be written to, and the room in it."""
    for folder in folders:
        name = folder.purpose
        room = f"{folder.path} has {human_size(folder.free_bytes)} left"
        make_room, give_access = _REMEDIES.get(name, _REMEDIES[""])
        if folder.trouble and folder.instead:
            yield DISK.warning(
                name,
                f"{folder.path} can't be written to ({folder.trouble}): some programs take {folder.instead} instead.",
                "Set TMPDIR to a folder that this user may write to, or unset it.",
            )
        elif folder.trouble:
            yield DISK.wrong(name, f"{folder.path} can't be written to: {folder.trouble}.", give_access)
        elif folder.free_bytes < FULL:
            yield DISK.wrong(name, f"{room}: no image fits.", make_room)
        elif folder.free_files is not None and folder.free_files < _FEW_FILES:
            yield DISK.wrong(name, f"{folder.path} takes only {folder.free_files} more files (inodes).", make_room)
        elif folder.free_bytes < LOW:
            yield DISK.warning(name, f"{room}, which a build may fill.", make_room)
        else:
            yield DISK.fine(name, room)


def check_left_names(left: LeftNames) -> Iterator[Finding]:
    """Yield what killed runs have left, if anything."""
    if not left.folders and not left.names:
        return
    names = f" with the local image names {name_some(left.names)}" if left.names else ""
    runs = f"{left.folders} killed run{'s' if left.folders != 1 else ''}"
    yield DISK.warning(
        "left names",
        f"{runs} left {'their folders' if left.folders != 1 else 'its folder'}{names}.",
        "The next run removes them; `inv doctor --fix` does so now.",
        RemoveLeftNames(),
    )
