"""Reads the facts of one repository: a handful of git processes, put together into a SourceState."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from ecr_tasks.ci.web_url import web_url
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines, text
from ecr_tasks.source.git.fingerprint import fingerprint
from ecr_tasks.source.git.status import Status, status
from ecr_tasks.source.semver import Version
from ecr_tasks.source.state import SourceState

SHOWN = 10
"""How many changed paths a SourceState names."""

NO_REPOSITORY = SourceState(
    root=None,
    revision=None,
    branch=None,
    tag=None,
    tags=(),
    release_tags=(),
    dirty=False,
    changed=(),
    commit_time=None,
    remote_url=None,
    default_branch=None,
    shallow=False,
    fingerprint=None,
)
"""The state of a folder that git knows nothing of."""


def git_state(project: Path, *, environ: Mapping[str, str]) -> SourceState:
    """What git alone knows of the folder ``project``, asked anew: six processes at most, nothing written.

    ``environ`` is the process environment; of it git gets what finds the right repository and no credentials.
    SettingsError when git is missing where it is needed, or refuses to read the repository.
    """
    try:
        return _read(Git.find(project, environ))
    except NoRepositoryError:
        return NO_REPOSITORY


def is_tracked(root: Path | None, path: Path, *, environ: Mapping[str, str] | None = None) -> bool:
    """Whether git has the file ``path`` in its index, and so in what others will clone.

    ``root`` is the SourceState's: without a repository nothing is tracked. Asked from the file's own folder,
    so that a submodule answers for what is in it. ``environ`` is ``os.environ`` where none is given.
    """
    if root is None or not path.parent.is_dir():
        return False
    try:
        git = Git.find(path.parent, os.environ if environ is None else environ)
        return bool(git.run("--literal-pathspecs", "ls-files", "-z", "--", path.name))
    except NoRepositoryError:
        return False


def _read(git: Git) -> SourceState:
    root, shallow = _root(git)
    found = status(git)
    tags = _tags(git)
    here = sorted(name for name, revision in tags.items() if revision == found.revision)
    commit_time, parents = _commit(git, found)
    return SourceState(
        root=root,
        revision=found.revision,
        branch=found.branch,
        tag=_best(here),
        tags=tuple(here),
        release_tags=_releases(tags),
        dirty=bool(found.changes),
        changed=tuple(text(path) for path in found.changes[:SHOWN]),
        commit_time=commit_time,
        remote_url=_remote_url(git),
        default_branch=_default_branch(git),
        shallow=shallow,
        fingerprint=fingerprint(root, found, lambda folder: _nested_fingerprint(git, folder)),
        parents=parents,
    )


def _root(git: Git) -> tuple[Path, bool]:
    """The path comes last and to its end, because a folder's name may hold a line break."""
    shallow, _, root = git.run("rev-parse", "--is-shallow-repository", "--show-toplevel").partition(b"\n")
    return Path(os.fsdecode(root.removesuffix(b"\n"))), shallow == b"true"


def _tags(git: Git) -> dict[str, str]:
    """Every tag and the commit that it leads to, through any number of annotated tags."""
    prefix, peeled = "refs/tags/", "^{}"
    output = git.run("show-ref", "--tags", "--dereference", exit_codes=(0, 1))  # 1: there are none
    found: dict[str, str] = {}
    for line in lines(output):
        revision, _, name = text(line).partition(" ")
        # An annotated tag has a second line, later than its first, for the commit: that one stays.
        found[name.removeprefix(prefix).removesuffix(peeled)] = revision
    return found


def _best(tags: Sequence[str]) -> str | None:
    releases = _releases(tags)
    return releases[-1] if releases else next(iter(tags), None)


def _releases(tags: Sequence[str] | Mapping[str, str]) -> tuple[str, ...]:
    versions = [(version.precedence, name) for name in tags if (version := Version.parse(name))]
    return tuple(name for _, name in sorted(versions))


def _commit(git: Git, found: Status) -> tuple[datetime | None, tuple[str, ...]]:
    """When it was committed, and its parents: by plumbing, since ``git log`` would listen to log.showSignature.

    The object itself names the parents that a shallow clone pretends not to have.
    """
    if found.revision is None:
        return None, ()
    header, _, _ = git.run("cat-file", "commit", found.revision).partition(b"\n\n")
    parents = re.findall(rb"^parent ([0-9a-f]+)$", header, re.MULTILINE)
    # The last number before the time zone, whatever a name holds; without one git says 1970, too.
    seconds = re.search(rb"^committer .*?([0-9]{1,11}) [+-][0-9]+$", header, re.MULTILINE)
    moment = int(seconds[1]) if seconds else 0
    return datetime.fromtimestamp(moment, tz=timezone.utc), tuple(text(parent) for parent in parents)


def _remote_url(git: Git) -> str | None:
    """Origin's or the only remote's, after git's own rewriting (url.*.insteadOf)."""
    found: dict[str, str] = {}
    for line in lines(git.run("remote", "--verbose")):
        match = re.fullmatch(r"(.+?)\t(.+) \(fetch\)(?: \[.*\])?", text(line))
        if match:
            found[match[1]] = match[2]
    remote = found.get("origin") or (next(iter(found.values())) if len(found) == 1 else None)
    return web_url(remote) if remote else None


def _default_branch(git: Git) -> str | None:
    prefix = "refs/remotes/origin/"
    output = git.run("symbolic-ref", "--quiet", f"{prefix}HEAD", exit_codes=(0, 1))  # 1: not known
    name = text(output).removesuffix("\n")
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _nested_fingerprint(git: Git, folder: Path) -> str | None:
    """A submodule's or an embedded repository's own; None where it is not checked out."""
    inner = Git(git.program, folder, git.environ)
    try:
        root, _ = _root(inner)
        if root != folder:  # an empty folder, where the outer repository answers
            return None
        return fingerprint(root, status(inner), lambda deeper: _nested_fingerprint(inner, deeper))
    except NoRepositoryError:
        return None
