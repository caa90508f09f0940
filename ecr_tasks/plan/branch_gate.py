"""The branch gate: an image must be built from a commit on a branch."""

from __future__ import annotations

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import DIRTY
from ecr_tasks.plan.gates import Failed, Passed
from ecr_tasks.source.git.branches import Membership


def judge_branch(repository: Repository, image: StoredImage, branch: str, has: Membership | None) -> Passed | Failed:
    """Decide whether the image was built from a commit on the branch; ``has`` is git's result."""
    name, revision = f"{repository.name}@{image.digest}", image.revision
    if revision is None:
        return Failed(
            f"{name} does not say which commit it was built from (org.opencontainers.image.revision).",
            "Build it with `inv build push`, which writes that annotation, or promote it without --from-branch.",
        )
    commit = revision[:64]
    if (image.version or "").endswith(DIRTY):
        return Failed(
            f"{name} was built from {commit} with uncommitted changes, which are on no branch.",
            "Commit them and build it anew.",
        )
    if has == "yes":
        return Passed(f"commit {commit[:12]} is on {branch}", {"revision": commit})
    if has == "no":
        return Failed(
            f"{name} was built from {commit}, and that commit is not on {branch}.",
            "Merge it and promote what is built of the branch; if it was merged just now, `git fetch` first.",
        )
    if has == "shallow":
        return Failed(
            f"{name} was built from {commit}, and whether that commit is on {branch} can't be told: "
            "this clone is shallow.",
            "Fetch the whole history: `git fetch --unshallow`, in CI a depth of 0 (fetch-depth: 0, GIT_DEPTH: 0).",
        )
    return Failed(
        f"{name} was built from {commit!r}, which is no commit that this clone knows.",
        "Run `git fetch`, or run this in a clone of the repository that it was built from.",
    )
