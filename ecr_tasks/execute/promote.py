"""Give a published image more tags (PutImage); refuse before the first one is set."""

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
    """Find the image and its tags in one API call; a second call only when one of several tags would move.

    The second call reads whether ECR locks the tag. It is needed when several tags are set, in this repository or
    (``alone`` is False) in others; a single locked tag is refused by PutImage itself. Raises RegistryError when the
    repository or the image is missing, and Refused when a fixed or locked tag points at another image.
    """
    view = registry.find(repository, list(dict.fromkeys([name.reference, *tags])))
    found_in, image = find_image(view, repository, name)
    promotion = Promotion(found_in, image, {tag: view.tags[tag].digest if tag in view.tags else None for tag in tags})
    moves = any(promotion.state(tag) == "moves" for tag in tags)
    needs_lock = moves and not (alone and len(promotion.pending) == 1)
    described = registry.describe({repository: ()})[repository].repository if needs_lock else None
    check_movable(promotion, described, view.tags)
    return promotion


def promote(registry: Target, promotion: Promotion) -> None:
    """Set the pending tags. Raises Refused with both digests for a locked tag; errors name the tags already set."""
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
