"""Reads the state of one repository with a few git processes, as a SourceState."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from ecr_tasks.ci.web_url import web_url
from ecr_tasks.errors import SettingsError
from ecr_tasks.files import is_folder
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines, text
from ecr_tasks.source.git.fingerprint import fingerprint
from ecr_tasks.source.git.rewritten import rewritten
from ecr_tasks.source.git.status import STATUS, parse, status, without_tool_folder
from ecr_tasks.source.git.unchecked import INDEX, is_checked_out, unchecked
from ecr_tasks.source.semver import sort_releases
from ecr_tasks.source.source_state import SourceState

_ROOT = ("rev-parse", "--is-shallow-repository", "--show-toplevel")
_TAGS = ("show-ref", "--tags", "--dereference")
_REMOTES = ("remote", "--verbose")

SHOWN = 10
"""The highest number of changed paths in a SourceState."""

NO_REPOSITORY = SourceState()
"""The state of a folder that is in no repository."""


def git_state(project: Path, *, environ: Mapping[str, str]) -> SourceState:
    """Read the state of the folder ``project`` from git alone. Nothing is written.

    ``environ`` is the process environment; git doesn't get the credentials in it, or variables that lead to another
    repository. Raises SettingsError when there is a repository but git is not installed or can't read it.
    """
    try:
        return _read(Git.find(project, environ))
    except NoRepositoryError:
        return NO_REPOSITORY


def has_ref(project: Path, ref: str, *, environ: Mapping[str, str]) -> bool:
    """Return whether the clone that the folder ``project`` is in has a ref of this full name."""
    try:
        return Git.find(project, environ).test("show-ref", "--verify", "--quiet", "--", ref)
    except NoRepositoryError:
        return False


def is_tracked(root: Path | None, path: Path, *, environ: Mapping[str, str]) -> bool:
    """Return whether the file ``path`` is in git's index, and so will be in clones.

    ``root`` is the SourceState's; None (no repository) gives False. Git is started in the file's own folder, so that
    for a file in a submodule the submodule's index is read.
    """
    if root is None or not path.parent.is_dir():
        return False
    try:
        git = Git.find(path.parent, environ)
        return bool(git.run("--literal-pathspecs", "ls-files", "-z", "--", path.name))
    except NoRepositoryError:
        return False


def ignored_names(folder: Path, names: Sequence[str], *, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return those of a folder's files that git would not add: ignored ones that it doesn't track."""
    records = "".join(f"{name}\0" for name in names).encode()
    try:
        git = Git.find(folder, environ)
        found = git.run("check-ignore", "--stdin", "-z", exit_codes=(0, 1, 128), stdin=records)
    except NoRepositoryError:
        return ()
    return tuple(name for name in names if name in os.fsdecode(found).split("\0"))


def ignored_in(submodule: Path, *, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the paths that git ignores in a submodule and in those within it, as in a SourceState, relative to it.

    Nothing where it is not checked out. Raises SettingsError in the same cases as ``git_state``.
    """
    if is_checked_out(submodule):
        git = Git.find(submodule, environ)
        state, index = git.run_all(STATUS, INDEX)
        yield from map(os.fsdecode, parse(state).gitignored)
        for inner in filter(None, map(os.fsdecode, unchecked(git, submodule, index).submodules)):
            yield from (f"{inner}/{path}" for path in ignored_in(submodule / inner, environ=environ))


def _read(git: Git) -> SourceState:
    found, state, all_tags, all_remotes = git.run_all(_ROOT, STATUS, _TAGS, _REMOTES, may_find_none=(_TAGS,))
    root, shallow = _root(git, found)
    head = parse(state)
    remotes = _remotes(all_remotes)
    remote = _main_remote(remotes)
    default_branch = ("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
    commits = [("cat-file", "commit", head.revision)] if head.revision else []
    index, default, *found_commits = Git(git.program, root, git.environ).run_all(
        INDEX, default_branch, *commits, may_find_none=(default_branch,)
    )
    entries = unchecked(git, root, index)
    converted = rewritten(git, root, index, head.changes)
    if hidden := without_tool_folder((*entries.changed, *converted)):
        head = replace(head, changes=tuple(dict.fromkeys((*head.changes, *hidden))))
    tags = _tags(all_tags)
    here = sorted(name for name, revision in tags.items() if revision == head.revision)
    releases_here = sort_releases(here)
    commit_time, parents = _commit(found_commits[0]) if found_commits else (None, ())
    return SourceState(
        root=root,
        revision=head.revision,
        branch=head.branch,
        tag=next(iter((*reversed(releases_here), *here)), None),
        tags=tuple(here),
        release_tags=sort_releases(tags),
        repository_tags=tuple(sorted(tags)),
        dirty=bool(head.changes),
        changed=tuple(text(path) for path in head.changes[:SHOWN]),
        changes=tuple(os.fsdecode(path) for path in head.changes),
        rewritten=tuple(map(os.fsdecode, converted)),
        absent=tuple(map(os.fsdecode, entries.absent)),
        gitignored=tuple(map(os.fsdecode, head.gitignored)),
        # A damaged index has one without a name.
        submodules=tuple(filter(None, map(os.fsdecode, entries.submodules))),
        commit_time=commit_time,
        remote_url=web_url(remotes.get(remote, "")),
        remotes=tuple(remotes),
        default_branch=_default_branch(default, remote),
        shallow=shallow,
        fingerprint=fingerprint(root, head, lambda folder: _nested_fingerprint(git, root, folder)),
        parents=parents,
    )


def _root(git: Git, output: bytes) -> tuple[Path, bool]:
    """Return the top of the work tree, and whether the clone is shallow.

    The path is the last output, because a folder's name may contain a line break. Raises SettingsError where git
    names no folder, as another program under its name may do.
    """
    shallow, _, output = output.partition(b"\n")
    root = Path(os.fsdecode(output.removesuffix(b"\n")))
    if not root.is_absolute() or not is_folder(root):
        raise SettingsError(
            f"git doesn't say where the repository of {git.folder} is: its answer can't be read.",
            f"See that {git.program} is git itself: `git --version`.",
        )
    return root, shallow == b"true"


def _tags(output: bytes) -> dict[str, str]:
    """Return every tag with its commit; annotated tags, also of other tags, are followed to the commit."""
    prefix, peeled = "refs/tags/", "^{}"
    tags: dict[str, str] = {}
    for line in lines(output):
        revision, _, name = text(line).partition(" ")
        # An annotated tag has a second line with its commit, which replaces the first one.
        tags[name.removeprefix(prefix).removesuffix(peeled)] = revision
    return tags


def _commit(content: bytes) -> tuple[datetime | None, tuple[str, ...]]:
    """Return a commit's time and parents.

    They are read from the commit object, because log.showSignature changes the output of ``git log``, and because
    ``git log`` shows no parents at the end of a shallow clone.
    """
    header, _, _ = content.partition(b"\n\n")
    parents = re.findall(rb"^parent ([0-9a-f]+)$", header, re.MULTILINE)
    # The time is the last number before the time zone, whatever the name contains; without it, git also prints 1970.
    seconds = re.search(rb"^committer .*?([0-9]{1,11}) [+-][0-9]+$", header, re.MULTILINE)
    time = datetime.fromtimestamp(int(seconds[1]) if seconds else 0, tz=timezone.utc)
    return time, tuple(text(parent) for parent in parents)


def _remotes(output: bytes) -> Mapping[str, str]:
    """Return the URL of each remote, after git's own rewriting (url.*.insteadOf)."""
    remote_line = re.compile(r"(.+?)\t(.+) \(fetch\)(?: \[.*\])?")
    matches = [remote_line.fullmatch(text(line)) for line in lines(output)]
    return {match[1]: match[2] for match in matches if match}


def _main_remote(remotes: Mapping[str, str]) -> str:
    """Return the only remote's name, else ``origin``."""
    return next(iter(remotes)) if len(remotes) == 1 else "origin"


def _default_branch(output: bytes, remote: str) -> str | None:
    prefix, name = f"refs/remotes/{remote}/", text(output).removesuffix("\n")
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _nested_fingerprint(git: Git, outer: Path, folder: Path) -> str | None:
    """Return the fingerprint of a submodule or an embedded repository; None if it is not checked out."""
    if folder == outer:  # a damaged index has an entry without a name
        return None
    inner = Git(git.program, folder, git.environ)
    try:
        root, _ = _root(inner, inner.run(*_ROOT))
        if root != folder:  # in an empty folder git finds the outer repository
            return None
        return fingerprint(root, status(inner), lambda below: _nested_fingerprint(inner, root, below))
    except NoRepositoryError:
        return None
