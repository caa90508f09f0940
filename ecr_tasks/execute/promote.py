"""Give a published image more tags by PutImage, or refuse before the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError, Refused
from ecr_tasks.model.reference import ImageName
from ecr_tasks.plan.promotion import Promotion, check_movable, find_image, locked_promotion

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Registry, Target


def look_up_promotion(
    registry: Registry, repository: str, name: ImageName, tags: Sequence[str], *, alone: bool = True
) -> Promotion:
    """Find the image and look at the tags, in one call; a second one only where one of several tags would move.

    Whether ECR locks the tag that would move is asked before several are set, here or (not ``alone``) in other
    repositories; for a single tag PutImage itself tells. Raises RegistryError for what is missing, Refused for a
    fixed or locked tag that points at another image.
    """
    view = registry.find(repository, list(dict.fromkeys([name.reference, *tags])))
    found_in, image = find_image(view, repository, name)
    promotion = Promotion(found_in, image, {tag: view.tags[tag].digest if tag in view.tags else None for tag in tags})
    moves = any(promotion.state(tag) == "moves" for tag in tags)
    ask = moves and not (alone and len(promotion.pending) == 1)
    described = registry.describe({repository: ()})[repository].repository if ask else None
    check_movable(promotion, described, view.tags)
    return promotion


def promote(registry: Target, promotion: Promotion) -> None:
    """Set the pending tags. Raises Refused with both digests; the error names the tags that were set before."""
    names: list[str] = []
    for tag in promotion.pending:
        try:
            registry.set_tag(promotion.repository, promotion.image, tag)
        except EcrTasksError as error:
            shown = error
            if isinstance(error, Refused) and promotion.tags[tag] is not None:
                shown = locked_promotion(promotion, tag, None, fixed=False)
            before = f"{', '.join(names)} set, but: " if names else ""
            raise type(shown)(before + shown.cause, shown.remedy) from error
        names.append(tag)
