"""Merges the facts of a CI system into the source state from git.

``revision`` is always the commit that is checked out, because labels, fingerprint and the ``sha-`` tag must name what
is built. For a pull request this is often a merge of its head into the target branch, made by the CI. ``sha-`` names
that merge and not the ``head``, because a fixed tag must have one content: when the target branch has new commits, a
merge of the same head gives another image. (docker/metadata-action does the same: its ``sha`` is GITHUB_SHA.)

If CI and git agree on the commit, branch and tag are the CI's, because it knows why it runs. If another commit or
repository is checked out, they are git's, and ``origins`` says so. A change's run always counts as one: if it counted
as a push to the branch that is checked out, that branch's tags would move.
"""

from __future__ import annotations

from dataclasses import replace

from ecr_tasks.ci.context import CiContext
from ecr_tasks.source.semver import sort_releases
from ecr_tasks.source.source_state import SourceState

FULL = (40, 64)
"""The lengths of a full commit id: SHA-1 and SHA-256."""

_OF_CI = {
    "ci": "provider",
    **{name: name for name in ("event", "change", "base_ref", "build_number", "build_url")},
}
"""The fields that only the CI knows, each with its name in a CiContext."""


def merge(source: SourceState, ci: CiContext) -> SourceState:
    """Return the state with the CI's facts; without a CI and a change, the same state."""
    if ci.provider is None and ci.change is None:
        return source
    return _Merge(source, ci).state()


def same_commit(revision: str | None, other: str | None) -> bool:
    """Return whether two commit ids are the same; ``other`` may be shortened (Bitbucket's has 12 digits)."""
    return bool(revision and other and revision.startswith(other))


def contradiction(source: SourceState, ci: CiContext) -> str | None:
    """Return a sentence on how the checkout differs from the CI's commit, or None.

    A merge commit that has the change's head as a parent is no difference, because most CIs make such a commit.
    """
    commits = [commit for commit in (ci.sha, ci.checkout) if commit]
    if source.revision is None or not commits or any(same_commit(source.revision, commit) for commit in commits):
        return None
    if ci.change and any(same_commit(parent, ci.sha) for parent in source.parents):
        return None
    variable = ci.origins.get("sha") or ci.origins.get("checkout", ci.provider)
    return f"{variable} says {commits[0][:12]} and {source.revision[:12]} is checked out"


class _Merge:
    """One merge; each method returns the value of one field and adds where it comes from to ``origins``."""

    def __init__(self, source: SourceState, ci: CiContext) -> None:
        self.source, self.ci = source, ci
        self.contradiction = contradiction(source, ci)
        self.origins = {name: ci.origins[key] for name, key in _OF_CI.items() if key in ci.origins}

    def state(self) -> SourceState:
        source, ci, tag = self.source, self.ci, self.applicable_tag()
        return replace(
            source,
            revision=self.revision(),
            branch=self.branch(tag),
            tag=self.tag(tag),
            tags=tuple(sorted({*source.tags, tag})) if tag else source.tags,  # a shallow clone may lack the tag
            release_tags=sort_releases({*source.release_tags, tag}) if tag else source.release_tags,
            repository_tags=tuple(sorted({*source.repository_tags, tag})) if tag else source.repository_tags,
            remote_url=self.prefer_ci("remote_url", source.remote_url, "repository_url"),
            default_branch=self.prefer_ci("default_branch", source.default_branch, "default_branch"),
            head=self.head(),
            pull_request=self.from_ci("pull_request", "pull_request", ci.pull_request if ci.change else None),
            origins=self.origins,
            **{name: getattr(ci, key) for name, key in _OF_CI.items()},
        )

    def revision(self) -> str | None:
        """Return git's revision; without a repository (as in CodePipeline), the CI's commit."""
        if self.source.revision or self.source.root:
            if self.contradiction:
                self.origins["revision"] = f"git HEAD: {self.contradiction}"
            return self.source.revision
        key, commit = ("checkout", self.ci.checkout) if self.ci.checkout else ("sha", self.ci.sha)
        return self.from_ci("revision", key, commit if commit and len(commit) in FULL else None)

    def head(self) -> str | None:
        """Return the change's head; None if the CI names only a merge commit, as Jenkins may do."""
        if self.ci.change != "pull_request" or not self.ci.sha:
            return None
        is_checkout = self.ci.checkout is None and same_commit(self.source.revision, self.ci.sha)
        if is_checkout and len(self.source.parents) > 1:
            return None
        commits = (self.source.revision, *self.source.parents)
        full = next((commit for commit in commits if same_commit(commit, self.ci.sha)), self.ci.sha)
        return self.from_ci("head", "sha", full)

    def branch(self, applicable_tag: str | None) -> str | None:
        """Return the CI's branch, else git's; only the CI's for a change or tag: HEAD may be on any branch."""
        git, ci, reason = self.source.branch, self.ci.branch, self.contradiction
        if self.ci.change or applicable_tag:
            return self.from_ci("branch", "branch", ci)
        if self.ci.sha is None and self.source.revision and git:
            # The CI names no commit, so its branch may be that of another commit.
            reason = reason or f"it says {ci} and {git} is checked out"
        if reason and ci and ci != git:
            self.note("branch", reason)
            return git
        return self.from_ci("branch", "branch", ci) or git

    def applicable_tag(self) -> str | None:
        """Return the tag that the CI runs for; None if the commit that is checked out doesn't have it.

        If git has the tag on another commit, it was moved since, or this run repeats an old one.
        """
        tag = self.ci.tag
        if not tag or self.ci.change:
            return None
        others = {*self.source.release_tags, *self.source.repository_tags}
        moved = f"git has {tag} on another commit" if tag in others else None
        reason = self.contradiction or moved
        if reason and tag not in self.source.tags:
            self.note("tag", reason)
            return None
        return tag

    def tag(self, applicable: str | None) -> str | None:
        if applicable is None and self.ci.change and self.source.tag:
            # A change is no release, even if its head commit has a tag.
            self.origins["tag"] = f"none: {self.ci.origins['change']} comes before the tag {self.source.tag}"
            return None
        return self.from_ci("tag", "tag", applicable) or self.source.tag

    def prefer_ci(self, name: str, git: str | None, key: str) -> str | None:
        """Return the CI's value, else git's; git's comes first if another repository may be checked out."""
        return git if self.contradiction and git else self.from_ci(name, key, getattr(self.ci, key)) or git

    def from_ci(self, name: str, key: str, value: str | None) -> str | None:
        if value and key in self.ci.origins:
            self.origins[name] = self.ci.origins[key]
        return value

    def note(self, name: str, why: str) -> None:
        self.origins[name] = f"git, not {self.ci.origins.get(name, name)}: {why}"
