"""Recognize the hosts of ECR's registries in the references of images."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import PUBLIC_HOST, PUBLIC_REGION

PUBLIC_HOSTS = (PUBLIC_HOST, "ecr-public.aws.com")
"""ECR Public's hosts; the second one is its dual-stack host (Amazon ECR Public user guide, IPv6)."""

DOCKER_HUB = "docker.io"
"""The host of references that name none (distribution/reference, splitDockerDomain)."""

AWS_DOMAIN = (
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.(?:com\.cn|eu))|sc2s\.sgov\.gov|c2s\.ic\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
"""The domains of AWS's partitions, as a pattern: IPv4, dual-stack (AWS General Reference, Amazon ECR endpoints)."""

REGISTRY_LABELS = r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
"""What stands before the domain in a private registry's host, as a pattern (ECR User Guide, "Private registry")."""

_PRIVATE_HOST = REGISTRY_LABELS + AWS_DOMAIN


@dataclass(frozen=True)
class EcrHost:
    """What a host says of its registry: the region whose tokens it takes, and the account; None for ECR Public."""

    region: str
    account: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether it is ECR Public's host."""
        return self.account is None


def parse_ecr_host(host: str) -> EcrHost | None:
    """Return what an ECR host in any of AWS's partitions says; None for every other host."""
    if host in PUBLIC_HOSTS:
        return EcrHost(PUBLIC_REGION)
    match = re.fullmatch(_PRIVATE_HOST, host)
    return EcrHost(match["region"], match["account"]) if match else None


def is_on_this_machine(endpoint: str) -> bool:
    """Return whether an endpoint is on this machine, as the local ECR's is."""
    return urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")


def host_of(reference: str) -> str | None:
    """Return the registry's host (and port) in a reference of an image; None for one on Docker Hub.

    The first part is a host if it has a dot, a colon or a capital letter, or is ``localhost``
    (distribution/reference, splitDockerDomain).
    """
    host, slash, _ = reference.partition("/")
    is_host = {".", ":"} & set(host) or host == "localhost" or host != host.lower()
    return host if slash and is_host else None
