"""Copy a published image and its referrers into another repository, region or account, then set its tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.errors import RegistryError
from ecr_tasks.execute.copy import Place, check_present, copy_manifests
from ecr_tasks.execute.promote import IsFixed, Record, look_again, no_record, planned_promotion, promote
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import OWN, Destination, Identity
from ecr_tasks.model.inventory import referrer_tag
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry, Target
from ecr_tasks.model.reference import ImageName
from ecr_tasks.model.refusals import missing_repository
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.plan.promotion import Promotion, check_movable, find_image

_SUFFIXES = ("", ".sig", ".att", ".sbom")
"""The tag suffixes of artifacts that only their tag links to an image: the referrers tag schema's list, cosign's."""

PARALLEL = 8
"""Of how many manifests the referrers are asked for at once."""

_CREATE_HINT = (
    "Create it there, or set ECR_CREATE_REPOSITORY=true to let promote do it; these credentials must see it."
)


@dataclass(frozen=True)
class CopyPromotion:
    """A planned copy of an image with its referrers, and the tags that it gets in the target repository.

    ``tagged`` are the artifacts that only their tag links to the image, by the tags that have to be set.
    ``missing`` are the digests that the target repository lacks, in the order in which they can be copied. With
    ``creates`` there is no target repository yet, and the promotion's has the destination's words instead of a URI.
    """

    source: Repository
    promotion: Promotion
    tagged: Mapping[str, StoredImage]
    missing: tuple[str, ...]
    creates: bool = False
    identity: Identity = OWN


def look_up_copy(
    registry: Registry,
    repository: str,
    name: ImageName,
    target: Target,
    target_repository: str,
    tags: Sequence[str],
    is_fixed: IsFixed,
    *,
    destination: Destination,
    create: bool = False,
) -> CopyPromotion:
    """Read both registries and return the planned copy. Raises RegistryError or Refused before anything is copied.

    A target repository that is missing is planned with ``create``, and else an error.

    It includes manifests whose subject is the image or one of its platforms, and the artifacts of cosign's tags.
    """
    tags_there = begin(lambda: target.find(target_repository, tags).tags)  # both registries at the same time
    describe = begin(lambda: target.describe({target_repository: ()})[target_repository].repository)
    source, image = find_image(registry.find(repository, [name.reference]), repository, name)
    image = registry.read(source, image)  # its children are copied, too
    described = describe()
    is_empty = described is None  # also where ECR itself creates it, at the push
    if described is None and not create:
        described = target.created_on_push(target_repository).repository
    creates = described is None
    if described is None:
        if not create:
            raise missing_repository(target_repository, f"the {destination.registry}", remedy=_CREATE_HINT)
        address = str(replace(destination, repository=target_repository))
        described = Repository(target_repository, destination.account, address)
    subjects = [image.digest, *(digest for _, digest in image.children)]

    def there(references: Sequence[str]) -> Mapping[str, StoredImage]:
        return {} if is_empty or not references else target.find(target_repository, references).tags

    image_there, tagged_here = (
        begin(partial(there, [image.digest])),
        begin(partial(_tagged, registry, source, subjects)),
    )
    referrers = _referrers(registry, source, subjects)
    tagged = {**tagged_here(), **_tagged(registry, source, [item.digest for item in referrers])}
    others = [item.digest for item in (*referrers, *tagged.values())]
    digests = list(dict.fromkeys([image.digest, *others]))
    existing = {**image_there(), **there(digests[1:]), **there([*tagged]), **({} if is_empty else tags_there())}
    promotion = planned_promotion(target, described, image, tags, existing, is_fixed)
    check_movable(promotion, described, existing)
    return CopyPromotion(
        source,
        promotion,
        {tag: item for tag, item in tagged.items() if tag not in existing or existing[tag].digest != item.digest},
        tuple(digest for digest in digests if digest not in existing),
        creates,
        destination.identity,
    )


def promote_to(
    copy: CopyPromotion,
    docker: Docker,
    registry: Registry,
    target: Target,
    create: Callable[[str], RepositoryView],
    record: Record = no_record,
) -> Promotion:
    """Copy what the target lacks, verify the digests, then set the tags; a second run completes a failed one.

    A repository that the plan found missing is created by ``create`` first, from its name.
    Returns the promotion with the digests that the tags had after the copy. Raises Refused for a fixed tag that
    another image got meanwhile.
    """
    if copy.creates:
        repository = create(copy.promotion.repository.name).repository
        if repository is None:
            raise RegistryError(f"{copy.promotion.repository.uri} was deleted as it was created.", "Run it again.")
        copy = replace(copy, promotion=replace(copy.promotion, repository=repository))
    image, place = copy.promotion.image, Place(target, copy.promotion.repository, identity=copy.identity)
    present = _nothing
    if copy.missing:
        manifests = {digest: image.manifests if digest == image.digest else 1 for digest in copy.missing}
        if image.digest in copy.missing:  # else an artifact of it was there before, perhaps
            begin(partial(target.artifacts.prepare, place.repository))
        for error in copy_manifests(manifests, copy.source, registry, {"": place}, docker).values():
            raise error
        present = begin(partial(check_present, copy.missing, place))
    promotion = look_again(target, copy.promotion, copy.promotion.pending)
    present()
    for tag, item in copy.tagged.items():
        target.set_tag(place.repository, registry.read(copy.source, item), tag)
    promote(target, promotion, record)
    return promotion


def _nothing() -> None:
    """Do nothing: what was there is not looked for again."""


def _referrers(registry: Registry, repository: Repository, subjects: Sequence[str]) -> list[StoredImage]:
    """Return the manifests that refer to these digests, directly or through another referrer."""
    found, seen, level = list[StoredImage](), set(subjects), [*subjects]
    while level:
        answers = map_parallel(partial(registry.referrers, repository), level, PARALLEL, None)
        level = list(dict.fromkeys(digest for answer in answers for digest in answer if digest not in seen))
        seen.update(level)
        images = registry.images(repository, level) if level else {}
        found += [images[digest] for digest in level if digest in images]
    return found


def _tagged(registry: Registry, repository: Repository, digests: Sequence[str]) -> dict[str, StoredImage]:
    """Return by tag the artifacts that only their tag links to these digests, such as cosign's signatures."""
    names = [referrer_tag(digest, suffix) for digest in digests for suffix in _SUFFIXES]
    return dict(registry.tagged(repository, names)) if names else {}
