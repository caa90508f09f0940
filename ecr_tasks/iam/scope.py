"""What a project's tasks work on in AWS: its repositories, their copies, and what its builds read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.ecr_host import PUBLIC_HOSTS, host_of, parse_ecr_host

PartitionOf = Callable[[str], str]
"""Returns the partition of a region, such as ``aws-cn``."""


@dataclass(frozen=True, order=True)
class RepositoryAt:
    """A repository with its place; ``region`` is empty for one of ECR Public, which ARNs name without a region."""

    partition: str
    account: str
    region: str
    name: str

    @property
    def is_public(self) -> bool:
        """Whether it is a repository of ECR Public."""
        return not self.region

    @property
    def place(self) -> tuple[str, str, str]:
        """The registry: partition, region and account."""
        return self.partition, self.region, self.account

    @property
    def arn(self) -> str:
        """The ARN (Service Authorization Reference, Amazon ECR and Amazon ECR Public, resource types)."""
        service = "ecr-public" if self.is_public else "ecr"
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:repository/{self.name}"


@dataclass(frozen=True)
class Scope:
    """The repositories of a project's tasks.

    ``own`` are those of the settings' registry, ``copies`` those of the destinations, ``others`` those of the
    destinations that somebody else copies to, and ``roles`` the ones (ARNs) that are assumed for it. ``reads`` are
    repositories that builds take images from, ``caches`` those that they read and write as their cache, beside the
    own ones. ``reads_public`` is whether builds read from ECR Public.
    """

    own: tuple[RepositoryAt, ...]
    copies: tuple[RepositoryAt, ...] = ()
    reads: tuple[RepositoryAt, ...] = ()
    caches: tuple[RepositoryAt, ...] = ()
    reads_public: bool = False
    others: tuple[RepositoryAt, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether the tasks work on something, and all of it is in ECR Public."""
        return _are_public((*self.own, *self.copies, *self.others, *self.reads, *self.caches))

    @property
    def owns_public(self) -> bool:
        """Whether the settings' registry is one of ECR Public."""
        return _are_public(self.own)

    def only_at(self, account: str, region: str) -> Scope:
        """Return the scope of who reads the images in one registry, the own one or a destination's."""
        every = (*self.own, *self.copies, *self.others)
        places = (place for place in every if (place.account, place.region) == (account, region))
        return Scope(tuple(places))


def scope_of(
    repositories: Sequence[str],
    account: str,
    region: str,
    partition_of: PartitionOf,
    *,
    destinations: Iterable[Destination] = (),
    reads: Iterable[str] = (),
    caches: Iterable[str] = (),
    public_alias: str | None = None,
) -> Scope:
    """Return the scope of a project; ``reads`` and ``caches`` are references of images, in any registry.

    ``public_alias`` is that of ECR Public's registry which has the repositories and begins their names.

    A repository that is written anyway is not also listed as read.
    """
    own = [RepositoryAt(partition_of(region), account, region, name) for name in repositories]
    if public_alias is not None:
        own = [RepositoryAt("aws", account, "", name.removeprefix(f"{public_alias}/")) for name in repositories]
    destinations = [*destinations]
    copies = _copies([item for item in destinations if item.identity.is_own], repositories, account, partition_of)
    elsewhere = [item for item in destinations if not item.identity.is_own]
    cached = [place for reference in caches if (place := _in_ecr(reference, partition_of))]
    reads = [*reads]
    read = [place for reference in reads if (place := _in_ecr(reference, partition_of))]
    return Scope(
        _unique(own),
        _unique(place for place in copies if place not in own),
        _unique(place for place in read if place not in (*own, *copies, *cached)),
        _unique(place for place in cached if place not in (*own, *copies)),
        any(host_of(reference) in PUBLIC_HOSTS for reference in reads),
        _unique(_copies(elsewhere, repositories, account, partition_of)),
        tuple(
            dict.fromkeys(
                item.identity.role_arn for item in elsewhere if item.identity.role_arn and not item.identity.profile
            )
        ),
    )


def scope_of_identity(
    repositories: Sequence[str], destinations: Iterable[Destination], account: str, partition_of: PartitionOf
) -> Scope:
    """Return the scope of the identity that all of these destinations have.

    ``account`` is its own, to which a public registry belongs.
    """
    return Scope((), _unique(_copies(destinations, repositories, account, partition_of)))


def _copies(
    destinations: Iterable[Destination], repositories: Sequence[str], account: str, partition_of: PartitionOf
) -> list[RepositoryAt]:
    return [
        _copy(destination, destination.name_of(name), account, partition_of)
        for destination in destinations
        for name in repositories
    ]


def _copy(destination: Destination, name: str, account: str, partition_of: PartitionOf) -> RepositoryAt:
    if destination.is_public:  # its account is that of the credentials
        return RepositoryAt("aws", account, "", name)
    return RepositoryAt(partition_of(destination.region), destination.account, destination.region, name)


def _in_ecr(reference: str, partition_of: PartitionOf) -> RepositoryAt | None:
    """Return the private repository of a reference; None for one elsewhere."""
    host = parse_ecr_host(host_of(reference) or "")
    if host is None or host.account is None:
        return None
    name = reference.partition("/")[2].partition("@")[0].partition(":")[0]
    return RepositoryAt(partition_of(host.region), host.account, host.region, name)


def _are_public(places: Sequence[RepositoryAt]) -> bool:
    return bool(places) and all(place.is_public for place in places)


def _unique(places: Iterable[RepositoryAt]) -> tuple[RepositoryAt, ...]:
    return tuple(dict.fromkeys(places))
