"""Merges what the CI says into what git knows.

Which commit is named. ``revision`` stays the commit that is checked out: labels, fingerprint and the ``sha-``
tag name what is built. For a pull request that is often a merge of its head into the target branch, made by the
CI. ``sha-`` names that merge and not the head, because a fixed tag must mean one content: the same head merged
into a target that has moved on is another image, and so is the head itself, which a push to its branch builds
under its own ``sha-``. (docker/metadata-action does the same: its ``sha`` is GITHUB_SHA.) The head commit, which
people look for, is ``head``.

Who is believed. The CI knows which ref its commit was built for, and git knows which commit is checked out. As
long as the two agree on the commit, the CI names the refs. When the checkout is another commit (the pipeline
checked out something else, or another repository), git names them and ``origins`` says so. A pull request stays
one in any case: taking a change for a push to whatever branch is checked out would move that branch's tags.
"""

from __future__ import annotations

from dataclasses import replace

from ecr_tasks.ci.context import CiContext
from ecr_tasks.source.semver import Version
from ecr_tasks.source.state import SourceState

FULL = (40, 64)
"""The lengths of a commit id in full: SHA-1's and SHA-256's."""


def merge(source: SourceState, ci: CiContext) -> SourceState:
    """The state with what the CI knows of it; the same state where there is no CI. Pure."""
    if ci.provider is None:
        return source
    return _Merge(source, ci).state()


def same_commit(revision: str | None, other: str | None) -> bool:
    """Whether a full commit id is meant by the other, which may be shortened (Bitbucket's has 12 characters)."""
    return bool(revision and other and revision.startswith(other))


def contradiction(source: SourceState, ci: CiContext) -> str | None:
    """How the checkout differs from the commit that the CI speaks of, in words; None when it does not.

    A merge commit of which a pull request's head is a parent is that pull request: most CIs make one.
    """
    told = [commit for commit in (ci.sha, ci.checkout) if commit]
    if source.revision is None or not told or any(same_commit(source.revision, commit) for commit in told):
        return None
    if ci.pull_request and any(same_commit(parent, ci.sha) for parent in source.parents):
        return None
    variable = ci.origins.get("sha") or ci.origins.get("checkout", ci.provider)
    return f"{variable} says {told[0][:12]} and {source.revision[:12]} is checked out"


class _Merge:
    """One merge; each method decides one field and notes where its value came from."""

    def __init__(self, source: SourceState, ci: CiContext) -> None:
        self.source = source
        self.ci = ci
        self.contradiction = contradiction(source, ci)
        told = {"ci": "provider", "event": "event", "pull_request": "pull_request", "base_ref": "base_ref"}
        told |= {"build_number": "build_number", "build_url": "build_url"}
        self.origins = {name: ci.origins[key] for name, key in told.items() if key in ci.origins}

    def state(self) -> SourceState:
        tag_applies = self.tag_applies()
        return replace(
            self.source,
            revision=self.revision(),
            branch=self.branch(tag_applies),
            tag=self.tag(tag_applies),
            tags=self.tags(tag_applies),
            release_tags=self.release_tags(tag_applies),
            remote_url=self.either("remote_url", self.source.remote_url, "repository_url", self.ci.repository_url),
            default_branch=self.either(
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
        """Git's; without a repository (CodePipeline hands out none) the files are those of the CI's commit."""
        if self.source.revision or self.source.root:
            if self.contradiction:
                self.origins["revision"] = f"git HEAD: {self.contradiction}"
            return self.source.revision
        key, commit = ("checkout", self.ci.checkout) if self.ci.checkout else ("sha", self.ci.sha)
        return self.told("revision", key, commit if commit and len(commit) in FULL else None)

    def head(self) -> str | None:
        """Unknown where the CI names one commit and that is a merge: it may be its own (Jenkins')."""
        if not self.ci.pull_request or not self.ci.sha:
            return None
        one = self.ci.checkout is None and same_commit(self.source.revision, self.ci.sha)
        if one and len(self.source.parents) > 1:
            return None
        known = (self.source.revision, *self.source.parents)
        full = next((commit for commit in known if same_commit(commit, self.ci.sha)), self.ci.sha)
        return self.told("head", "sha", full)

    def branch(self, tag_applies: bool) -> str | None:
        """A pull request and a tag have the branch that the CI names or none: HEAD may be on any."""
        git, ci = self.source.branch, self.ci.branch
        if self.ci.pull_request or tag_applies:
            return self.told("branch", "branch", ci)
        if self.contradiction and ci and ci != git:
            self.note("branch", "branch", self.contradiction)
            return git
        if self.ci.sha is None and self.source.revision and git and ci and ci != git:
            # Nothing says that the CI speaks of this commit.
            self.note("branch", "branch", f"it says {ci} and {git} is checked out")
            return git
        return self.told("branch", "branch", ci) or git

    def tag_applies(self) -> bool:
        """Whether the CI runs for a tag, and the tag names the commit that is checked out.

        A tag that git has on another commit was moved since, or the run is an old one's re-run.
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
            return self.told("tag", "tag", self.ci.tag)
        if self.ci.pull_request and self.source.tag:
            # A tag on its head commit makes no release of a pull request.
            self.origins["tag"] = f"none: {self.ci.origins['pull_request']} comes before the tag {self.source.tag}"
            return None
        return self.source.tag

    def tags(self, applies: bool) -> tuple[str, ...]:
        """A shallow clone has none, or not this one."""
        return tuple(sorted({*self.source.tags, self.ci.tag})) if applies and self.ci.tag else self.source.tags

    def release_tags(self, applies: bool) -> tuple[str, ...]:
        if not applies or not self.ci.tag or Version.parse(self.ci.tag) is None:
            return self.source.release_tags
        versions = {name: Version.parse(name) for name in (*self.source.release_tags, self.ci.tag)}
        order = sorted((version.precedence, name) for name, version in versions.items() if version)
        return tuple(name for _, name in order)

    def either(self, name: str, git: str | None, key: str, ci: str | None) -> str | None:
        """The CI's word, unless what is checked out may be another repository."""
        return git if self.contradiction and git else self.told(name, key, ci) or git

    def told(self, name: str, key: str, value: str | None) -> str | None:
        if value and key in self.ci.origins:
            self.origins[name] = self.ci.origins[key]
        return value

    def note(self, name: str, key: str, why: str) -> None:
        self.origins[name] = f"git, not {self.ci.origins.get(key, key)}: {why}"
