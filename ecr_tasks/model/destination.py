"""TODO."""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC_HOST = "public.ecr.aws"
"""Where ECR Public's images are pulled from (Amazon ECR Public user guide, Public registries)."""


PUBLIC_REGION = "us-east-1"
"""The region of ECR Public's API and tokens (ECR Public user guide, Registry authentication)."""


@dataclass(frozen=True)
class Destination:
    """A registry and, if it is another one than here, the repository there.

    ``alias`` is there for ECR Public alone, which has no account and knows one region.
    """

    account: str
    region: str
    repository: str | None = None
    alias: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether this is ECR Public."""
        return self.alias is not None

    @property
    def registry(self) -> str:
        """The registry in words."""
        if self.is_public:
            return f"public registry {PUBLIC_HOST}/{self.alias}"
        return f"registry of {self.account} in {self.region}"

    def __str__(self) -> str:
        where = f"{PUBLIC_HOST}/{self.alias}" if self.is_public else f"{self.account}/{self.region}"
        return f"{where}/{self.repository}" if self.repository else where
