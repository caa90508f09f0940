"""Decide whether a run belongs to a proposed change: to commits that are in no branch yet.

This comes before the question what started the run. A person, an API, a schedule or a promotion can start a pull
request's run, and then its branch, which may be called ``main`` in a fork, was still not pushed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ecr_tasks.ci.context import ChangeKind, CiContext
from ecr_tasks.ci.environ import Fact
from ecr_tasks.frozen import dataclass

UNNUMBERED = "true"
"""The value of ECR_PULL_REQUEST for a change without a number."""

NONE = ("", "false", "0", "no", "off", "null", "none", "undefined")
"""What systems and scripts write, in lower case, where there is no change."""

_NUMBER = "([1-9][0-9]*)"
_REF = rf"refs/(?:pulls?|pull-requests|pullreq|merge-requests|merge)/{_NUMBER}(?:/.*)?"
"""``refs/pull/5/merge`` of GitHub, Gitea and Azure, and the same of Bitbucket, Gitness, GitLab and Launchpad."""

_GERRIT_REF = rf"refs/changes/[0-9]{{2}}/{_NUMBER}/[0-9]+"

_NAME = (
    rf"(?:(?:pulls?|pull-requests|pullreq|pr|merge-requests|mr|origin-pull)/{_NUMBER}"
    rf"(?:/(?:head|merge|from|to|train))?|changes/[0-9]{{2}}/{_NUMBER}/[0-9]+)"
)
"""Such a ref without ``refs/``, and what a clone makes of it: ``pull/5/head``, ``pr/5``."""

_QUEUE = r"gh-readonly-queue/|mergify/merge-queue/|trunk-merge/|gtmq_"
"""The branches of the merge queues of GitHub, Mergify, Trunk and Graphite."""


@dataclass(frozen=True)
class Change:
    """The change that a run belongs to. ``origin`` is the variable that says so; without ``number`` it has none."""

    kind: ChangeKind
    origin: str
    number: Fact | None = None


def find_change(
    *,
    numbers: Iterable[Fact | None] = (),
    refs: Iterable[Fact | None] = (),
    names: Iterable[Fact | None] = (),
    signs: Iterable[Fact | None] = (),
    queue: Fact | None = None,
) -> Change | None:
    """Return the change that any of these facts tells of; None if none does.

    ``numbers`` are values that should be the change's number. ``refs`` may be full refs. ``names`` are what systems
    without full refs give in place of a branch. ``signs`` are facts that only a change's run has, whatever their
    value, and ``queue`` is one that only an entry of a merge queue has.
    """
    listed = [fact for fact in numbers if fact and fact.value.lower() not in NONE]
    from_refs = [change for fact in refs if fact and (change := change_of_ref(fact))]
    from_names = [Change("pull_request", fact.origin, number) for fact in names if fact and (number := _named(fact))]
    number = next((number for fact in listed if (number := fact.map(positive_number))), None)
    number = number or next((change.number for change in (*from_refs, *from_names) if change.number), None)
    queues = [change.origin for change in from_refs if change.kind == "merge_queue"]
    if queue or queues:
        return Change("merge_queue", queue.origin if queue else queues[0], number)
    evidence = number or next((fact for fact in (*listed, *signs) if fact and fact.value.lower() not in NONE), None)
    if evidence:
        return Change("pull_request", evidence.origin, number)
    return next(iter(from_refs), None)


def change_of_ref(ref: Fact) -> Change | None:
    """Return the change that a full ref is of; None for a branch, a tag, and a text that is no full ref."""
    text = ref.value
    if match := re.fullmatch(_REF, text) or re.fullmatch(_GERRIT_REF, text):
        kind: ChangeKind = "merge_queue" if text.endswith("/train") else "pull_request"
        return Change(kind, ref.origin, Fact(match[1], ref.origin))
    if text.startswith("refs/heads/"):
        return change_of_branch(Fact(text.removeprefix("refs/heads/"), ref.origin))
    return Change("ref", ref.origin) if re.match(r"refs/(?!tags/|remotes/|heads/)", text) else None


def change_of_branch(branch: Fact) -> Change | None:
    """Return the change that a branch of this name is of: a merge queue makes branches for its entries."""
    return Change("merge_queue", branch.origin) if re.match(_QUEUE, branch.value) else None


def with_pull_request(ci: CiContext, value: str | None, origin: str) -> CiContext:
    """Return the run as one for a proposed change; ``value`` is ECR_PULL_REQUEST's: a number, or UNNUMBERED.

    This makes a run safer and never less safe: no value takes a run from its change, or a queue's entry from its
    queue.
    """
    if value is None:
        return ci
    said: dict[str, Any] = {} if value == UNNUMBERED or ci.change == "merge_queue" else {"pull_request": value}
    if ci.change is None or said:
        said["change"] = ci.change if ci.change == "merge_queue" else "pull_request"
    if ci.event in (None, "push", "tag") and ci.change != "merge_queue":
        said["event"] = "pull_request"
    if ci.change is None:
        # An open pull request from the branch, and the branch itself, are not the change that is built.
        unknown = ("branch", "tag", *(() if "pull_request" in said else ("pull_request",)))
        ci = replace(
            ci,
            **dict.fromkeys(unknown),
            origins={name: variable for name, variable in ci.origins.items() if name not in unknown},
        )
    return replace(ci, **said, origins={**ci.origins, **dict.fromkeys(said, origin)})


def positive_number(text: str) -> str | None:
    """Return the text if it is a number from 1; None for ``false``, ``0`` and anything else."""
    return text if re.fullmatch(_NUMBER, text) else None


def _named(fact: Fact) -> Fact | None:
    match = re.fullmatch(_NAME, fact.value)
    return Fact(match[1] or match[2], fact.origin) if match else None
