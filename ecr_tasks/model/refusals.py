"""The errors that more than one room raises: a missing repository, a tag that may not move, no ssh agent."""

from __future__ import annotations

from typing import Literal

from ecr_tasks.errors import Refused, RegistryError

ENSURE = "Create it with `inv repo.ensure`."

NO_SSH_AGENT = (
    "The build is to use the ssh agent, and there is none: SSH_AUTH_SOCK is not set.",
    "Start one with the key in it (`eval $(ssh-agent)`, `ssh-add`), or name the key's file: ECR_SSH=default=PATH.",
)
"""The cause and the remedy, whether it shows before a build or docker says it."""

Lock = Literal["fixed tag", "fixed name", "immutable"]

_REASONS: dict[Lock, str] = {
    "fixed tag": "a fixed tag never moves",
    "fixed name": "a tag of this name never moves",
    "immutable": "the repository makes this tag immutable",
}


def missing_repository(name: str, registry: str = "this registry", *, remedy: str = ENSURE) -> RegistryError:
    """Return the error for a repository that does not exist; ``registry`` names it in words."""
    return RegistryError(f"The repository {name} does not exist in {registry}.", remedy)


def locked_tag(
    tag: str, place: str, digest: str | None, ours: str, lock: Lock, *, revision: str | None = None, remedy: str
) -> Refused:
    """Return the error for a tag that points at another image and may not move.

    ``place`` is a phrase such as "in team/app" or "there". ``digest`` and ``revision`` are those of the image that
    has the tag. ``ours`` is a clause about the image that should get it, such as "this commit is sha256:…".
    """
    origin = f", built from {revision}" if revision else ""
    return Refused(f"The tag {tag} {place} is {digest}{origin}, and {ours}; {_REASONS[lock]}.", remedy)
