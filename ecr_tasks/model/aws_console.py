"""The addresses of the AWS console's pages."""

from __future__ import annotations

from ecr_tasks.model.destination import PUBLIC_REGION

_DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}
"""The console's domain by partition, below which each region has a host (AWS Management Console, getting started
guide; AWS European Sovereign Cloud, endpoints). Those of the ISO partitions are not public."""


def repository_page(partition: str, region: str, account: str, name: str, *, settings: bool = False) -> str | None:
    """Return the address of a private repository's images, or of its settings; None where no console is known."""
    domain = _DOMAINS.get(partition)
    page = "/_/details" if settings else ""
    if domain is None:
        return None
    return f"https://{region}.{domain}/ecr/repositories/private/{account}/{name}{page}?region={region}"


def public_repository_page(account: str, name: str, *, settings: bool = False) -> str:
    """Return the address of a public repository's images, or of its settings; ``name`` is without the alias."""
    region, page = PUBLIC_REGION, "/_/details" if settings else ""
    return f"https://{region}.{_DOMAINS['aws']}/ecr/repositories/public/{account}/{name}{page}?region={region}"
