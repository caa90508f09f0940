"""Merges the facts of a CI system into the source state from git.

Which commit counts: ``revision`` stays the commit that is checked out, because labels, fingerprint and the ``sha-``
tag name what is built. For a pull request that is often a merge of its head into the target branch, made by the
CI. ``sha-`` names that merge and not the head, because a fixed tag must have one content: the same head merged
into a target that has moved on is another image, and so is the head itself, which a push to its branch builds
under its own ``sha-``. (docker/metadata-action does the same: its ``sha`` is GITHUB_SHA.) The head commit, which
people search for, is ``head``.

Which source wins: the CI knows which ref its commit is built for, and git knows which commit is checked out. As
long as the two agree on the commit, the refs are the CI's. When the checkout is another commit (the pipeline
checked out something else, or another repository), they are git's, and ``origins`` says so. A pull request stays
one in any case: if it were taken for a push to the branch that is checked out, that branch's tags would move.
"""

from __future__ import annotations

from dataclasses import replace

from ecr_tasks.ci.context import CiContext
from ecr_tasks.source.semver import Version
from ecr_tasks.source.state import SourceState

FULL = (40, 64)
"""The lengths of a commit id in full: SHA-1's and SHA-256's."""


def merge(source: SourceState, ci: CiContext) -> SourceState:
    """Return the state with the CI's facts; the same state where there is no CI. Pure."""
    if ci.provider is None:
        return source
    return _Merge(source, ci).state()


def same_commit(revision: str | None, other: str | None) -> bool:
    """Tell whether a full commit id begins with the other, which may be shortened (Bitbucket's has 12 digits)."""
    return bool(revision and other and revision.startswith(other))


def contradiction(source: SourceState, ci: CiContext) -> str | None:
    """Return a sentence on how the checkout differs from the CI's commit; None when it does not.

    A merge commit that has the pull request's head as a parent does not differ: most CIs make one.
    """
    commits = [commit for commit in (ci.sha, ci.checkout) if commit]
    if source.revision is None or not commits or any(same_commit(source.revision, commit) for commit in commits):
        return None
    if ci.pull_request and any(same_commit(parent, ci.sha) for parent in source.parents):
        return None
    variable = ci.origins.get("sha") or ci.origins.get("checkout", ci.provider)
    return f"{variable} says {commits[0][:12]} and {source.revision[:12]} is checked out"


class _Merge:
    """One merge; each method decides one field and notes where its value is from."""

    def __init__(self, source: SourceState, ci: CiContext) -> None:
        self.source = source
        self.ci = ci
        self.contradiction = contradiction(source, ci)
        keys = {"ci": "provider", "event": "event", "pull_request": "pull_request", "base_ref": "base_ref"}
        keys |= {"build_number": "build_number", "build_url": "build_url"}
        self.origins = {name: ci.origins[key] for name, key in keys.items() if key in ci.origins}

    def state(self) -> SourceState:
        tag_applies = self.tag_applies()
        return replace(
            self.source,
            revision=self.revision(),
            branch=self.branch(tag_applies),
            tag=self.tag(tag_applies),
            tags=self.tags(tag_applies),
            release_tags=self.release_tags(tag_applies),
            remote_url=self.prefer_ci("remote_url", self.source.remote_url, "repository_url", self.ci.repository_url),
            default_branch=self.prefer_ci(
                "default_branch", self.source.default_branch, "default_branch", self.ci.default_branch
            ),
            ci=self.ci.provider,
            event=self.ci.event,
            pull_request=self.ci.pull_request,
            base_ref=self.ci.base_ref,
            build_number=self.ci.build_number,
            build_url=self.ci.build_url,
            head=self.head(),
            origins=self.origins,
        )

    def revision(self) -> str | None:
        """Return git's; without a repository (CodePipeline has none) the files are those of the CI's commit."""
        if self.source.revision or self.source.root:
            if self.contradiction:
                self.origins["revision"] = f"git HEAD: {self.contradiction}"
            return self.source.revision
        key, commit = ("checkout", self.ci.checkout) if self.ci.checkout else ("sha", self.ci.sha)
        return self.from_ci("revision", key, commit if commit and len(commit) in FULL else None)

    def head(self) -> str | None:
        """Return the pull request's; None where the CI's only commit is a merge, which may be its own (Jenkins)."""
        if not self.ci.pull_request or not self.ci.sha:
            return None
        is_checkout = self.ci.checkout is None and same_commit(self.source.revision, self.ci.sha)
        if is_checkout and len(self.source.parents) > 1:
            return None
        commits = (self.source.revision, *self.source.parents)
        full = next((commit for commit in commits if same_commit(commit, self.ci.sha)), self.ci.sha)
        return self.from_ci("head", "sha", full)

    def branch(self, tag_applies: bool) -> str | None:
        """Return the CI's or git's; for a pull request or a tag only the CI's, because HEAD may be on any branch."""
        git, ci = self.source.branch, self.ci.branch
        if self.ci.pull_request or tag_applies:
            return self.from_ci("branch", "branch", ci)
        if self.contradiction and ci and ci != git:
            self.note("branch", "branch", self.contradiction)
            return git
        if self.ci.sha is None and self.source.revision and git and ci and ci != git:
            # The CI doesn't say that its branch is this commit's.
            self.note("branch", "branch", f"it says {ci} and {git} is checked out")
            return git
        return self.from_ci("branch", "branch", ci) or git

    def tag_applies(self) -> bool:
        """Tell whether the CI runs for a tag of the commit that is checked out.

        A tag that git has on another commit was moved meanwhile, or the run is a repetition of an old one.
        """
        tag = self.ci.tag
        if not tag or self.ci.pull_request:
            return False
        if tag in self.source.tags:
            return True
        if self.contradiction:
            self.note("tag", "tag", self.contradiction)
            return False
        if tag in self.source.release_tags:
            self.note("tag", "tag", f"git has {tag} on another commit")
            return False
        return True

    def tag(self, applies: bool) -> str | None:
        if applies:
            return self.from_ci("tag", "tag", self.ci.tag)
        if self.ci.pull_request and self.source.tag:
            # A pull request is no release, even with a tag on its head commit.
            self.origins["tag"] = f"none: {self.ci.origins['pull_request']} comes before the tag {self.source.tag}"
            return None
        return self.source.tag

    def tags(self, applies: bool) -> tuple[str, ...]:
        """Return git's with the CI's, which a shallow clone may not have."""
        return tuple(sorted({*self.source.tags, self.ci.tag})) if applies and self.ci.tag else self.source.tags

    def release_tags(self, applies: bool) -> tuple[str, ...]:
        if not applies or not self.ci.tag or Version.parse(self.ci.tag) is None:
            return self.source.release_tags
        versions = {name: Version.parse(name) for name in (*self.source.release_tags, self.ci.tag)}
        order = sorted((version.precedence, name) for name, version in versions.items() if version)
        return tuple(name for _, name in order)

    def prefer_ci(self, name: str, git: str | None, key: str, ci: str | None) -> str | None:
        """Return the CI's value or else git's; git's first where another repository may be checked out."""
        return git if self.contradiction and git else self.from_ci(name, key, ci) or git

    def from_ci(self, name: str, key: str, value: str | None) -> str | None:
        if value and key in self.ci.origins:
            self.origins[name] = self.ci.origins[key]
        return value

    def note(self, name: str, key: str, why: str) -> None:
        self.origins[name] = f"git, not {self.ci.origins.get(key, key)}: {why}"
