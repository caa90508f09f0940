"""How commits of a clone are related, to tell which of two images is newer, and in which paths two differ."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines, text
from ecr_tasks.source.git.status import SUBMODULE

Relation = Literal["newer", "older", "unrelated", "unknown"]
"""How another commit is related to ours: its descendant, its ancestor, neither, or not known to this clone."""

_COMMIT = r"[0-9a-f]{40}|[0-9a-f]{64}"
_BEGINNING = r"[0-9a-f]{7,64}"


def relations(
    project: Path, revision: str, others: Collection[str], *, environ: Mapping[str, str]
) -> dict[str, Relation]:
    """Return how other commits are related to ``revision`` in the repository of the folder ``project``, by commit.

    Each may be the beginning of an id. It is "unknown" for a commit that the clone doesn't have, and where a shallow
    clone ends before it can tell. Git is started up to three times for all of them. Nothing is fetched, and nothing
    is raised: an image can be published without the answer.
    """
    found: dict[str, Relation] = dict.fromkeys(others, "unknown")
    beginnings = [other for other in others if re.fullmatch(_BEGINNING, other)]
    if not beginnings or not re.fullmatch(_COMMIT, revision):
        return found
    with suppress(EcrTasksError, NoRepositoryError):
        git = _without_fetching(project, environ)
        if len(beginnings) == 1 and re.fullmatch(_COMMIT, beginnings[0]):
            # Of two commits of which one descends from the other, that other one is the only merge base. git ends
            # with 1 where there is none, and with 128 for a commit that the clone doesn't have.
            base = text(git.run("merge-base", revision, beginnings[0], exit_codes=(0, 1)).strip())
            related: dict[str, Relation] = {beginnings[0]: "older", revision: "newer"}
            return {**found, beginnings[0]: related.get(base) or _of_neither(git)}
        ids = _known(git, beginnings)
        if not ids:
            return found
        # What is reachable from the others and not from ours, the parents first. One that descends from ours has it,
        # or another such commit, as a parent.
        since = "\n".join((f"^{revision}", *ids.values(), ""))
        listed = git.run("rev-list", "--topo-order", "--reverse", "--parents", "--stdin", stdin=since.encode())
        newer, seen = {revision}, {revision}
        for commit, *parents in (text(line).split(" ") for line in lines(listed)):
            seen.add(commit)
            if not newer.isdisjoint(parents):
                newer.add(commit)
        has_others = not newer.issuperset(seen.intersection(ids.values()))
        neither: Relation = _of_neither(git) if has_others else "unrelated"
        for beginning, commit in ids.items():
            found[beginning] = "newer" if commit in newer else neither if commit in seen else "older"
    return found


def _of_neither(git: Git) -> Relation:
    """Return the relation of a commit that is seen to be neither newer nor older; a shallow clone can't tell."""
    return "unknown" if git.run("rev-parse", "--is-shallow-repository").strip() == b"true" else "unrelated"


def _known(git: Git, beginnings: Sequence[str]) -> dict[str, str]:
    """Return the ids of those commits that the clone has, by their beginnings."""
    asked = "".join(f"{beginning}^{{commit}}\n" for beginning in beginnings)
    answers = map(text, lines(git.run("cat-file", "--batch-check", stdin=asked.encode())))
    found = {beginning: answer.split(" ")[0] for beginning, answer in zip(beginnings, answers, strict=True)}
    # Else there is none, or it is a branch or tag of that name.
    return {key: commit for key, commit in found.items() if re.fullmatch(_COMMIT, commit) and commit.startswith(key)}


def changed_paths(project: Path, commit: str, revision: str, *, environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the paths in which two commits differ, from the repository's top; None where the clone lacks one.

    ``commit`` may be the beginning of an id. A submodule with another commit, or that one of them lacks, is one path
    with a slash at its end.
    """
    if not re.fullmatch(_BEGINNING, commit):
        return None
    try:
        git = _without_fetching(project, environ)
        full = text(git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").strip())
        if not full.startswith(commit):  # a branch or tag of that name
            return None
        output = git.run(
            *("diff-tree", "-r", "--raw", "--abbrev=7", "--no-renames", "--ignore-submodules=none", "-z"),
            *(full, revision),
        )
    except (EcrTasksError, NoRepositoryError):
        return None
    # For each path ":100644 160000 1a2b3c4 4c3b2a1 T", then the path (git-diff-tree(1), "Raw output format").
    fields = lines(output, b"\0")
    changed = zip(fields[::2], fields[1::2], strict=True)
    return tuple(
        os.fsdecode(path) + ("/" if SUBMODULE in record[1:14].split(b" ") else "") for record, path in changed
    )


def file_at(project: Path, commit: str, name: str, *, environ: Mapping[str, str]) -> str | None:
    """Return the text of a file in a project's folder as a commit has it; None where it, or the clone, has none."""
    try:
        output = _without_fetching(project, environ).run("show", f"{commit}:./{name}")
        return output.decode()
    except (EcrTasksError, NoRepositoryError, UnicodeError):
        return None


def _without_fetching(project: Path, environ: Mapping[str, str]) -> Git:
    """Return git for a folder; a partial clone would fetch what it lacks (git help git, GIT_NO_LAZY_FETCH)."""
    found = Git.find(project, environ)
    return Git(found.program, found.folder, {**found.environ, "GIT_NO_LAZY_FETCH": "1"})
