"""A registry that an image is copied to: another account or region, or ECR Public."""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC_HOST = "public.ecr.aws"
"""The host that ECR Public's images are pulled from (Amazon ECR Public user guide, Public registries)."""

PUBLIC_REGION = "us-east-1"
"""The one region whose API serves ECR Public (Amazon ECR Public user guide, Registry authentication)."""


@dataclass(frozen=True)
class Destination:
    """A registry and the repository in it; None means the repository has the same name as in the source.

    ``alias`` is a public registry's, for which ``account`` is empty; it is None for a private registry.
    """

    account: str
    region: str
    repository: str | None = None
    alias: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether this is a registry of ECR Public."""
        return self.alias is not None

    @property
    def registry(self) -> str:
        """The registry as messages name it."""
        if self.is_public:
            return f"public registry {PUBLIC_HOST}/{self.alias}"
        return f"registry of {self.account} in {self.region}"

    def __str__(self) -> str:
        registry = f"{PUBLIC_HOST}/{self.alias}" if self.is_public else f"{self.account}/{self.region}"
        return f"{registry}/{self.repository}" if self.repository else registry
