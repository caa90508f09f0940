"""Give a published image more tags (PutImage); refuse before the first one is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import Question
from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.model.reference import ImageName
from ecr_tasks.plan.promotion import Promotion, check_movable, find_image, locked_promotion

if TYPE_CHECKING:
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.model.ports import Registry, Target
    from ecr_tasks.model.registry import Repository

LOOK_SECONDS = 3.0
"""How long the registry may take to say whether a tag was set after all."""

IsFixed = Callable[[str, Callable[[], "StoredImage | None"]], bool]
"""Returns whether a tag never moves; its second argument reads the image that has it, None for a new tag."""


Record = Callable[[Promotion, Sequence[str]], None]
"""Records that the promoted image, whose manifest was read, got these tags."""


def no_record(promotion: Promotion, tags: Sequence[str]) -> None:
    """Record nothing."""


def look_up_promotion(
    registry: Registry,
    repository: str,
    name: ImageName,
    tags: Sequence[str],
    is_fixed: IsFixed,
    *,
    alone: bool = True,
) -> Promotion:
    """Look at the image and the tags, which is no pull; another call only when one of several tags would move.

    That call reads whether ECR locks the tag. It is needed when several tags are set, in this repository or
    (``alone`` is False) in others; a single locked tag is refused by PutImage itself. Raises RegistryError when the
    repository or the image is missing, and Refused when a fixed or locked tag points at another image.
    """
    view = registry.find(repository, list(dict.fromkeys([name.reference, *tags])))
    found_in, image = find_image(view, repository, name)
    promotion = planned_promotion(registry, found_in, image, tags, view.tags, is_fixed)
    moves = any(promotion.state(tag) == "moves" for tag in tags)
    needs_lock = moves and not (alone and len(promotion.pending) == 1)
    described = registry.describe({repository: ()})[repository].repository if needs_lock else None
    check_movable(promotion, described, view.tags)
    return promotion


def planned_promotion(
    registry: Target,
    repository: Repository,
    image: StoredImage,
    tags: Sequence[str],
    existing: Mapping[str, StoredImage],
    is_fixed: IsFixed,
) -> Promotion:
    """Return the promotion of an image to these tags; ``existing`` are the images by tag."""
    digests = {tag: existing[tag].digest if tag in existing else None for tag in tags}
    promotion = Promotion(repository, image, digests)
    fixed = [
        tag for tag in promotion.pending if is_fixed(tag, partial(_read, registry, repository, existing.get(tag)))
    ]
    return replace(promotion, fixed=fixed)


def _read(registry: Target, repository: Repository, image: StoredImage | None) -> StoredImage | None:
    return registry.read(repository, image) if image is not None else None


def look_again(registry: Target, promotion: Promotion, tags: Sequence[str]) -> Promotion:
    """Return the promotion with the digests that these tags have by now.

    Raises Refused for a fixed tag that another image has by now: the repository need not lock it.
    """
    digests = registry.tag_digests(promotion.repository, tags)
    promotion = replace(promotion, tags={**promotion.tags, **{tag: digests.get(tag) for tag in tags}})
    check_movable(promotion, None, {})
    return promotion


def promote(registry: Target, promotion: Promotion, record: Record = no_record) -> None:
    """Set the pending tags. Raises Refused with both digests for a locked tag; errors name the tags already set.

    Only the image itself is read. The fixed tags are looked at again right before, each one also before each further
    attempt. ``record`` is called with what was set in the end, also before an error or an interruption: then a tag
    whose answer is missing is looked at.
    """
    names: list[str] = []
    if promotion.pending:
        promotion = replace(promotion, image=registry.read(promotion.repository, promotion.image))
    promotion = look_again(registry, promotion, [tag for tag in promotion.pending if tag in promotion.fixed])
    for tag in promotion.pending:
        again = partial(look_again, registry, promotion, [tag] if tag in promotion.fixed else [])
        try:
            registry.set_tag(promotion.repository, promotion.image, tag, again)
        except EcrTasksError as error:
            shown = error
            if isinstance(error, Refused) and promotion.tags[tag] is not None:
                shown = locked_promotion(promotion, tag, None, fixed=False)
            names += [tag] if not isinstance(error, Refused) and _was_set(registry, promotion, tag) else []
            before = f"{', '.join(names)} set, but: " if names else ""
            record(promotion, names)
            raise type(shown)(before + shown.cause, shown.remedy) from error
        names.append(tag)
    record(promotion, names)


def _was_set(registry: Target, promotion: Promotion, tag: str) -> bool:
    """Return whether a tag is on the promoted image, although setting it failed; False without an answer to that."""
    unknown = RegistryError("It isn't known.", "Look again.")
    look = Question(
        lambda: registry.tag_digests(promotion.repository, [tag]),
        LOOK_SECONDS,
        late=lambda: unknown,
        unexpected=lambda _: unknown,
    )
    return not isinstance(look.answer, EcrTasksError) and look.answer.get(tag) == promotion.image.digest
