"""Gives an image that is there more tags, or refuses before the first: decided from data, done by PutImage."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.reference import Source
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.plan.references import is_fixed

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Registry, Target

TagState = Literal["new", "moves", "present"]


@dataclass(frozen=True)
class Promotion:
    """An image and the tags it is to have, with what each points at now (None: nothing)."""

    repository: Repository
    image: StoredImage
    now: dict[str, str | None]

    @property
    def reference(self) -> str:
        """``host/repository@sha256:…``"""
        return f"{self.repository.uri}@{self.image.digest}"

    def state(self, tag: str) -> TagState:
        """What is to be done for a tag."""
        there = self.now[tag]
        if there is None:
            return "new"
        return "present" if there == self.image.digest else "moves"

    @property
    def due(self) -> tuple[str, ...]:
        """The tags that have to be set, new ones before those that move."""
        new = [tag for tag in self.now if self.state(tag) == "new"]
        return (*new, *(tag for tag in self.now if self.state(tag) == "moves"))


def decide(registry: Registry, name: str, source: Source, tags: Sequence[str], *, alone: bool = True) -> Promotion:
    """Finds the image and looks at the tags, in one call; more only where one of several tags would move.

    Whether ECR locks the tag that would move is asked before several are set, here or (not ``alone``) in other
    repositories; of a single one PutImage itself tells.
    Raises RegistryError for what is not there, Refused for a fixed or locked tag that is another image.
    """
    view = registry.find(name, list(dict.fromkeys([source.reference, *tags])))
    repository, image = found(view, name, source)
    now = {tag: view.tags[tag].digest if tag in view.tags else None for tag in tags}
    made = Promotion(repository, image, now)
    moving = [tag for tag in tags if made.state(tag) == "moves"]
    known = registry.describe({name: ()})[name].repository if moving and not (alone and len(made.due) == 1) else None
    refuse_locked(made, known, view.tags)
    return made


def found(view: RepositoryView, name: str, source: Source) -> tuple[Repository, StoredImage]:
    """The image that somebody named, whole. Raises RegistryError."""
    image = view.tags.get(source.reference)
    if view.repository is None or image is None:
        raise RegistryError(
            f"There is no {source.reference} in the repository {name}.",
            "Check the tag or digest and the repository (`inv images` lists what is there), or push it first.",
        )
    if source.host not in (None, view.repository.host):
        raise RegistryError(
            f"The image is said to be in {source.host}, and these settings' registry is {view.repository.host}.",
            "Choose the account and region that hold it (`inv env NAME promote …`).",
        )
    if hashlib.sha256(image.manifest.encode()).hexdigest() != image.digest.removeprefix("sha256:"):
        raise RegistryError(
            f"What ECR gave as {image.digest} has another digest, so it can't be tagged unchanged.",
            "Run it again; if it stays so, push the image anew.",
        )
    return view.repository, image


def refuse_locked(promotion: Promotion, known: Repository | None, tags: Mapping[str, StoredImage]) -> None:
    """Raises Refused for the first tag that must not move; ``known`` is the repository with its mutability."""
    for tag in promotion.due:
        if promotion.state(tag) == "moves" and (is_fixed(tag) or (known is not None and known.locks(tag))):
            raise _refusal(promotion, tag, tags.get(tag), fixed=is_fixed(tag))


def carry_out(registry: Target, promotion: Promotion) -> None:
    """Sets what is due. Raises Refused with both digests; the error says which tags were set before it."""
    done: list[str] = []
    for tag in promotion.due:
        try:
            registry.set_tag(promotion.repository, promotion.image, tag)
        except EcrTasksError as error:
            shown = error
            if isinstance(error, Refused) and promotion.now[tag] is not None:
                shown = _refusal(promotion, tag, None, fixed=False)
            before = f"{', '.join(done)} set, but: " if done else ""
            raise type(shown)(before + shown.cause, shown.remedy) from error
        done.append(tag)


def _refusal(promotion: Promotion, tag: str, there: StoredImage | None, *, fixed: bool) -> Refused:
    origin = f", built from {there.revision}" if there is not None and there.revision else ""
    why = "a tag of this name never moves" if fixed else "the repository makes this tag immutable"
    cause = (
        f"The tag {tag} in {promotion.repository.uri} is {promotion.now[tag]}{origin}, "
        f"and the image to promote is {promotion.image.digest}; {why}."
    )
    if fixed:
        return Refused(cause, "Give the image another tag, or delete this one in ECR if it is wrong.")
    return Refused(cause, f"Make {tag} movable (a mutability exclusion filter that matches it), or take another tag.")
