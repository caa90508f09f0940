"""A promotion: a published image, the tags to set on it, and the check that none of them is fixed or locked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import StoredImage, short_digest
from ecr_tasks.model.reference import ImageName
from ecr_tasks.model.refusals import locked_tag
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.plan.tag_states import TagState


@dataclass(frozen=True)
class Promotion:
    """An image and the tags to set on it, each with the digest that it points at now (None for a new tag).

    ``fixed`` are those of the tags that never move.
    """

    repository: Repository
    image: StoredImage
    tags: Mapping[str, str | None]
    fixed: Collection[str] = ()

    @property
    def reference(self) -> str:
        """``host/repository@sha256:…``"""
        return f"{self.repository.uri}@{self.image.digest}"

    def state(self, tag: str) -> TagState:
        """Return the state of a tag: new, moves (from another image) or present."""
        states: dict[str | None, TagState] = {None: "new", self.image.digest: "present"}
        return states.get(self.tags[tag], "moves")

    @property
    def pending(self) -> tuple[str, ...]:
        """The tags that have to be set, first the new ones, then those that move."""
        return tuple(tag for state in ("new", "moves") for tag in self.tags if self.state(tag) == state)


def find_image(view: RepositoryView, repository: str, name: ImageName) -> tuple[Repository, StoredImage]:
    """Return the image of that name and its repository.

    Raises RegistryError when it is missing or in another registry.
    """
    image = view.tags.get(name.reference)
    if view.repository is None or image is None:
        raise missing_image(name.reference, repository)
    check_host(name, view.repository)
    return view.repository, image


def check_host(name: ImageName, repository: Repository) -> None:
    """Raise RegistryError when the image is said to be in another registry than the repository."""
    if name.host not in (None, repository.host):
        raise RegistryError(
            f"The image is said to be in {name.host}, and these settings' registry is {repository.host}.",
            "Choose the account and region that hold it (`inv env NAME …`).",
        )


def missing_image(reference: str, repository: str) -> RegistryError:
    """Return the error for a tag or digest that a repository does not have."""
    return RegistryError(
        f"There is no {reference} in the repository {repository}.",
        "Check the tag or digest and the repository (`inv images` lists what is there), or push it first.",
    )


def check_movable(promotion: Promotion, repository: Repository | None, tags: Mapping[str, StoredImage]) -> None:
    """Raise Refused for the first tag that must not move.

    ``repository`` has the mutability; None when it is not known. ``tags`` are the images by tag.
    """
    for tag in promotion.pending:
        fixed = tag in promotion.fixed
        if promotion.state(tag) == "moves" and (fixed or (repository and repository.locks(tag))):
            raise locked_promotion(promotion, tag, tags.get(tag), fixed=fixed)


def of_other_commits(images: Mapping[str, StoredImage]) -> tuple[str, list[str]] | None:
    """Return the beginning of the commit that most of the images are of, and the names of those that aren't.

    None where one commit has them all. An image whose tags name no commit is left out of account: the commit that it
    was built from is not all that it may be of.
    """
    commits = {name: dict.fromkeys(commit[:7] for commit in image.tagged_commits) for name, image in images.items()}
    numbers = Counter(commit for some in commits.values() for commit in some)
    for commit, _ in numbers.most_common(1):
        others = [name for name, some in commits.items() if some and commit not in some]
        return (commit, others) if others else None
    return None


def check_expected(promotion: Promotion, digest: str | None) -> None:
    """Raise Refused for the first tag that is not on this digest any more."""
    for tag, current in promotion.tags.items():
        if current != digest:
            raise Refused(
                f"{promotion.repository.name}:{tag} was {short_digest(digest)} a moment ago, and is "
                f"{short_digest(current)} now: somebody else moved it.",
                f"Look again (`inv history {tag}`), and decide anew.",
            )


def locked_promotion(promotion: Promotion, tag: str, current: StoredImage | None, *, fixed: bool) -> Refused:
    """Return the error for a tag that may not be moved to the promoted image."""
    return locked_tag(
        tag,
        f"in {promotion.repository.uri}",
        promotion.tags[tag],
        f"the image to promote is {promotion.image.digest}",
        "fixed name" if fixed else "immutable",
        revision=current.revision if current else None,
        remedy="Give the image another tag, or delete this one in ECR if it is wrong; what ECR_TAGS calls fixed, "
        "kind=moving calls moving."
        if fixed
        else f"Make {tag} movable (a mutability exclusion filter that matches it), or take another tag.",
    )
