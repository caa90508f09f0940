"""The check that the checkout has everything of the commit that a build context would carry.

Without it, git calls the tree clean, the image lacks files, and a tag that never moves keeps it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ecr_tasks.errors import Refused
from ecr_tasks.files import resolved
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.wording import name_some
from ecr_tasks.source.build_context.dockerignore import existing_dockerfile
from ecr_tasks.source.build_context.walk import ContextFolder, unique_folders
from ecr_tasks.source.git.incomplete import Checkouts, Lack, Missing

_SHOWN = 3
"""The highest number of paths that the message names for one reason; a command for more is for all paths."""

_LFS_SPECIAL = re.compile(r"[,\\*?\[\]{}!#]")
"""The characters that a name can't have in git-lfs' list of patterns; ``?`` stands for each."""

_CAUSES: Mapping[Lack, str] = {
    "submodule": "the submodule {} is not checked out",
    "embedded": "{} is a repository of its own, and .gitmodules has no address of it",
    "sparse": "the sparse checkout leaves out {}",
    "patterns": "the sparse checkout leaves out {}",
    "skipped": "`git update-index` hides that {} is gone",
    "lfs": "Git LFS has not fetched {}",
    "annex": "git-annex has not fetched {}",
    "git-crypt": "git-crypt has not decrypted {}",
    "transcrypt": "transcrypt has not decrypted {}",
    "hidden": "`git update-index` hides the change of {}",
}

_CI_OPTIONS: Mapping[tuple[str | None, Lack], str] = {
    ("github", "submodule"): "`submodules: recursive` of actions/checkout",
    ("github", "lfs"): "`lfs: true` of actions/checkout",
    ("github", "sparse"): "`sparse-checkout` of actions/checkout",
    ("github", "patterns"): "`sparse-checkout` of actions/checkout",
    ("gitlab", "submodule"): "the variable GIT_SUBMODULE_STRATEGY=recursive",
    ("azure", "submodule"): "`submodules: recursive` of the step `checkout: self`",
    ("azure", "lfs"): "`lfs: true` of the step `checkout: self`",
    ("bitbucket", "lfs"): "`clone: lfs: true`",
    ("jenkins", "submodule"): "the checkout's behaviour Advanced sub-modules",
    ("jenkins", "lfs"): "the checkout's behaviour Git LFS pull after checkout",
    ("codebuild", "submodule"): "the source's git submodules option",
    ("travis", "submodule"): "`git: submodules: true`",
}
"""What a CI system calls the option that completes its checkout."""


def check_complete(
    name: str,
    definitions: Iterable[BuildDefinition],
    project: Path,
    checkouts: Checkouts,
    ci: str | None,
    dockerfile: Path | None = None,
) -> None:
    """Raise Refused when the checkout lacks a part of what the contexts of the image ``name`` would carry.

    ``definitions`` are those of the image and of the targets that it links to.
    ``project`` is the folder where commands are typed, ``ci`` the CI system's name.
    ``dockerfile`` is where the settings look for it first; the definitions have another path if it isn't there.
    """
    lacking: dict[Missing, None] = {}
    if dockerfile is not None and not dockerfile.exists():
        lacking.update((item, None) for item in checkouts.missing(dockerfile) if dockerfile.is_relative_to(item.file))
    for folder in unique_folders(definitions, project):
        lacking.update(dict.fromkeys(_carried(folder, checkouts)))
    if not lacking:
        return
    by_lack: dict[Lack, list[Missing]] = {}
    for item in lacking:
        by_lack.setdefault(item.lack, []).append(item)
    causes = "; ".join(_CAUSES[lack].format(_named(items, project)) for lack, items in by_lack.items())
    commands = " and ".join(f"`{command}`" for items in by_lack.values() for command in _commands(items, project))
    options = [_CI_OPTIONS[ci, lack] for lack in by_lack if (ci, lack) in _CI_OPTIONS]
    in_ci = f" (here in CI: {', '.join(options)})" if options else ""
    raise Refused(
        f"The checkout lacks what {name} would carry: {causes}.",
        f"Run {commands}{in_ci}, or exclude it in .dockerignore if the image doesn't need it.",
    )


def _carried(folder: ContextFolder, checkouts: Checkouts) -> Iterator[Missing]:
    """Yield what is missing in a context, or in its Dockerfile or ignore file, and not excluded by .dockerignore."""
    path = resolved(folder.path)
    lacking = checkouts.missing(path)
    outside = folder.dockerfile is not None and not resolved(folder.dockerfile).is_relative_to(path)
    if outside and folder.dockerfile is not None:
        lacking = (*lacking, *checkouts.missing(resolved(folder.dockerfile)))
    if not lacking:
        return
    ignore = folder.ignore()
    read = {resolved(ignore.file)}
    if folder.dockerfile is not None:
        read.add(resolved(existing_dockerfile(folder.dockerfile)))
    for item in lacking:
        if any(part.is_relative_to(item.file) for part in (path, *read)):
            yield item
        elif item.file.is_relative_to(path):
            relative = item.file.relative_to(path).as_posix()
            if not ignore.ignores(relative) or (item.lack == "submodule" and ignore.enters(relative)):
                yield item


def _named(items: Sequence[Missing], project: Path) -> str:
    return name_some([os.path.relpath(item.file, project) for item in items])


def _commands(items: Sequence[Missing], project: Path) -> Iterator[str]:
    """Yield the commands that put right what is missing for one reason, one for each repository."""
    roots: dict[Path, list[str]] = {}
    for item in items:
        roots.setdefault(item.root, []).append(item.path)
    for root, paths in roots.items():
        git = ["git", *(["-C", os.path.relpath(root, project)] if root != project else [])]
        for words in _git_words(items[0].lack, root, paths):
            yield shlex.join([*git, *words])
        if items[0].lack == "transcrypt":
            yield "transcrypt"  # it asks for the cipher and the password


def _git_words(lack: Lack, root: Path, paths: Sequence[str]) -> list[list[str]]:
    """Return git's arguments of each command that puts these paths of a repository right."""
    few = list(paths) if len(paths) <= _SHOWN else []
    if lack == "submodule":
        # --checkout: also those that .gitmodules wants left alone (update = none)
        return [["submodule", "update", "--init", "--recursive", "--checkout", *(["--", *few] if few else [])]]
    if lack == "embedded":
        return [["rm", "--cached", "--", *paths]]
    if lack in ("sparse", "patterns"):
        folders = list(dict.fromkeys(_absent_folder(root, path) for path in paths))
        adds = lack == "sparse" and "." not in folders
        return [["sparse-checkout", "add", *folders] if adds else ["sparse-checkout", "disable"]]
    if lack == "lfs":
        # Without `install`, `pull` leaves the pointers; lfs.fetchexclude counts unless --exclude is given.
        patterns = ",".join(_LFS_SPECIAL.sub("?", path) for path in few) or "*"
        return [["lfs", "install", "--skip-repo"], ["lfs", "pull", f"--include={patterns}", "--exclude="]]
    if lack == "annex":
        return [["annex", "get", *(few or ["."])]]
    if lack == "git-crypt":
        return [["crypt", "unlock"]]
    show = {"skipped": ["--no-skip-worktree"], "hidden": ["--no-assume-unchanged", "--no-skip-worktree"]}
    return [["update-index", flag, "--", *paths] for flag in show.get(lack, ())]


def _absent_folder(root: Path, path: str) -> str:
    """Return the highest folder of an absent file that is absent, too; else its folder."""
    parents = [parent for parent in Path(path).parents if parent != Path()]
    return str(next((parent for parent in reversed(parents) if not (root / parent).exists()), Path(path).parent))
