"""A registry that an image is copied to: another account or region, or ECR Public."""

from __future__ import annotations

from ecr_tasks.frozen import dataclass

PUBLIC_HOST = "public.ecr.aws"
"""The host that ECR Public's images are pulled from (Amazon ECR Public user guide, Public registries)."""

PUBLIC_REGION = "us-east-1"
"""The one region whose API serves ECR Public (Amazon ECR Public user guide, Registry authentication)."""


@dataclass(frozen=True)
class Identity:
    """Whose credentials a destination gets: those of a profile, or of a role that is assumed with them.

    Without a profile, the role is assumed with the settings' own credentials; with neither, those are used as they
    are. ``external_id`` is what the role's trust policy may ask for, and no secret (IAM user guide, "Access to AWS
    accounts owned by third parties").
    """

    role_arn: str | None = None
    external_id: str | None = None
    profile: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether the settings' own credentials are used as they are."""
        return self.role_arn is None and self.profile is None

    def __str__(self) -> str:
        profile = f"the profile {self.profile}" if self.profile else ""
        if self.role_arn is None:
            return profile or "the settings' own credentials"
        return f"the role {self.role_arn}{f' by {profile}' if profile else ''}"


OWN = Identity()
"""The settings' own credentials."""


@dataclass(frozen=True)
class Destination:
    """A registry and the repository in it; None means the repository has the same name as in the source.

    ``source_alias`` is the alias of the public registry that images come from; it is no part of a repository's name.
    ``alias`` is a public registry's, for which ``account`` is empty; it is None for a private registry. ``identity``
    says with which credentials it is reached; it is no part of the place's text.
    """

    account: str
    region: str
    repository: str | None = None
    alias: str | None = None
    identity: Identity = OWN
    source_alias: str | None = None

    def name_of(self, repository: str) -> str:
        """Return the name that an image of the source's ``repository`` has at this destination."""
        if self.repository is not None:
            return self.repository
        return repository.removeprefix(f"{self.source_alias}/") if self.source_alias else repository

    @property
    def is_public(self) -> bool:
        """Whether this is a registry of ECR Public."""
        return self.alias is not None

    @property
    def place(self) -> tuple[str, str, str | None]:
        """The registry: account, region and alias, whoever asks it."""
        return self.account, self.region, self.alias

    @property
    def registry(self) -> str:
        """The registry as messages name it."""
        if self.is_public:
            return f"public registry {PUBLIC_HOST}/{self.alias}"
        return f"registry of {self.account} in {self.region}"

    def __str__(self) -> str:
        registry = f"{PUBLIC_HOST}/{self.alias}" if self.is_public else f"{self.account}/{self.region}"
        return f"{registry}/{self.repository}" if self.repository else registry
