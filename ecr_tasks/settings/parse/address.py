"""Take a repository's address apart, as consoles, Terraform, CDK and `push` print it: URI, URL or ARN."""

from __future__ import annotations

import re

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import PUBLIC_HOST
from ecr_tasks.model.ecr_host import AWS_DOMAIN, PUBLIC_HOSTS, REGISTRY_LABELS
from ecr_tasks.settings.errors import Malformed

_SCHEME = r"(?i)(https?|docker|oci)://"
# A private registry's host; another domain than AWS's, or a port, is an emulator's.
_ECR_HOST = REGISTRY_LABELS + r"[a-z0-9.-]+(:\d+)?"
_LOOPBACK = r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?"
_ARN = r"arn:aws[a-z-]*:ecr:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):repository/(?P<name>.+)"
_PUBLIC_ARN = r"arn:aws[a-z-]*:ecr-public::(?P<account>\d{12}):repository/(?P<name>.+)"
# Registries that are not ECR, whose addresses could be names of ECR repositories by their letters.
_OTHER_REGISTRY = (
    r"(index\.|registry-1\.)?docker\.io|ghcr\.io|quay\.io|cgr\.dev|nvcr\.io|mcr\.microsoft\.com|registry\.[a-z0-9-]+\.[a-z]+"
    r"|([a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+\.(azurecr\.io|pkg\.dev|jfrog\.io|ocir\.io)"
)
# Hosts of AWS: what begins with one of them and is no registry's address was meant to be one.
_AWS_HOST = rf"([a-z0-9._-]*\.)?{AWS_DOMAIN}|[a-z0-9._-]*\.dkr[.-]ecr(-fips)?\.(?s:.*)"
_GALLERY = "gallery.ecr.aws"
"""The host of ECR Public's web pages, whose paths are those of its registry."""

_DIGEST = r"@[a-z0-9+._-]+:[0-9a-f]+$"


@dataclass(frozen=True)
class Address:
    """A repository's address. ``name`` is empty when it is a registry's; ``alias`` is that of a public registry.

    ``account`` and ``region`` are empty where the address doesn't have them: a registry on this machine, ECR Public.
    """

    host: str
    name: str
    account: str = ""
    region: str = ""
    alias: str = ""

    @property
    def is_local(self) -> bool:
        """Whether this is a registry on this machine, as the local ECR."""
        return re.fullmatch(_LOOPBACK, self.host) is not None

    @property
    def endpoint_variant(self) -> str:
        """The variable that chooses this kind of ECR's endpoints; empty for the usual kind."""
        if "-fips." in self.host:
            return "AWS_USE_FIPS_ENDPOINT"
        return "AWS_USE_DUALSTACK_ENDPOINT" if ".dkr-ecr" in self.host else ""


def parse_address(text: str) -> Address | None:
    """Return the parts of an address in ECR; None for a text that begins with no registry's host.

    Raises Malformed for an image's address (with a tag or digest), an ARN of something else, and another registry.
    """
    text = text.strip()
    if text.startswith("arn:"):
        return _from_arn(text)
    bare = re.sub(_SCHEME, "", text, count=1)
    host, _, rest = bare.partition("/")
    host = host.lower()
    if not {".", ":"} & set(host) and host != "localhost":
        return None
    if host.removesuffix(":443") in (_GALLERY, *PUBLIC_HOSTS):
        host = PUBLIC_HOST
    match = re.fullmatch(_ECR_HOST, host)
    if match is None and host != PUBLIC_HOST and not re.fullmatch(_LOOPBACK, host):
        if rest and re.fullmatch(_OTHER_REGISTRY, host):
            raise Malformed(
                f"is in another registry, {host}, and images go to Amazon ECR: write for example {_name(rest)}"
            )
        if re.fullmatch(_AWS_HOST, host):
            raise Malformed(f"has the host {host}, and a registry's is ACCOUNT.dkr.ecr.REGION.amazonaws.com")
        return None
    name = _name(rest)
    if name != rest.rstrip("/"):
        raise Malformed(_without_reference(host, rest, name))
    if host == PUBLIC_HOST:
        alias, _, name = name.partition("/")
        return Address(host, name, alias=alias)
    return Address(host, name, match["account"], match["region"]) if match else Address(host, name)


def _from_arn(text: str) -> Address:
    match = re.fullmatch(_ARN, text)
    if match:
        return Address("", match["name"], match["account"], match["region"])
    if public := re.fullmatch(_PUBLIC_ARN, text):
        example = f"{PUBLIC_HOST}/ALIAS/{public['name']}"
        raise Malformed(
            f"is the ARN of a repository in ECR Public, which hasn't the registry's alias: write {example}"
        )
    raise Malformed("is an ARN, but not that of an ECR repository (arn:aws:ecr:REGION:ACCOUNT:repository/NAME)")


def _name(rest: str) -> str:
    """Return what stands after the host without tag, digest and a slash at its end."""
    return re.sub(r":[^/:]*$", "", re.sub(_DIGEST, "", rest)).rstrip("/")


def _without_reference(host: str, rest: str, name: str) -> str:
    kind = "a digest" if re.search(_DIGEST, rest) else "a tag (tags come from git: ECR_TAGS)"
    return f"must be a repository's address without {kind}: write {host}/{name}"
