"""Find what was published: in the receipt of this commit's push, or in ECR."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_tasks.console import say
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import RegistryError, SettingsError
from ecr_tasks.execute.prove_unchanged import same_commits
from ecr_tasks.files import read_text, reading_problem
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.ecr_host import parse_ecr_host
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.publication import Publication, PublishedImage, publication_of
from ecr_tasks.model.receipt import Receipt
from ecr_tasks.model.reference import ImageName, parse_image_name
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.conflicts import check_published
from ecr_tasks.plan.destinations import as_in_settings
from ecr_tasks.plan.image_choice import Members, chosen_names, no_groups
from ecr_tasks.plan.republish import published_name
from ecr_tasks.runner import receipt_file
from ecr_tasks.runner.images import chosen_repositories, members_of, planned_images, planned_repositories, unchanged

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


@dataclass(frozen=True)
class CommitImage:
    """The image of this commit in one repository, as far as ECR has it: the tag that names it, and the image."""

    repository: str
    tag: str
    image: StoredImage | None


def commit_images(run: Run, choice: Sequence[str] = ()) -> dict[str, CommitImage]:
    """Return this commit's images in ECR by name: those of a choice (default: all).

    Raises Refused when a tag of theirs has another commit's image.
    """
    planned = planned_images(run, choice=choice)
    views = run.registry.describe({image.repository: image.tag_names for image in planned})
    difference = unchanged(run).difference
    images = {}
    for image in planned:
        view = views[image.repository]
        same_as = same_commits(image, view, run.source, difference)
        check_published(replace(image, same_as=same_as), view, run.source)
        tag = published_name(image, view, run.source)
        images[image.name] = CommitImage(image.repository, tag, view.tags.get(tag))
    return images


def published_by_push(receipt: Receipt, choice: Sequence[str] = (), members: Members = no_groups) -> Publication:
    """Return what a push of this command line published, of these images or of all.

    Raises SettingsError for an unknown name.
    """
    publication = publication_of(receipt.as_json())
    chosen = chosen_names(tuple(dict.fromkeys(image.name for image in publication.images)), choice, members)
    return replace(publication, images=tuple(image for image in publication.images if image.name in chosen))


def published_before(run: Run, choice: Sequence[str]) -> tuple[Publication, Mapping[str, str]]:
    """Return what earlier runs published of these images for this commit, as their receipts tell.

    Also return, for every image that no receipt can be used for, why. Raises SettingsError for an unknown name.
    """
    source = run.source
    images: list[PublishedImage] = []
    missing: dict[str, str] = {}
    dirty = False
    for name, repository in planned_repositories(run, choice).items():
        path = receipt_file.own_folder(run.project, repository) / receipt_file.NAME
        try:
            publication = publication_of(parse_json(read_text(path)))
        except FileNotFoundError:
            missing[name] = "there is no receipt of a push"
            continue
        except (OSError, ValueError) as error:
            missing[name] = f"its receipt can't be read ({reading_problem(error)})"
            continue
        own = [image for image in publication.images if image.name == name]
        if not own:
            missing[name] = "its last run published nothing"
        elif publication.revision != source.revision:
            missing[name] = (
                f"its receipt is of {_commit(publication.revision)}, and this is {_commit(source.revision)}"
            )
        elif not _is_here(own[0].registry, run):
            missing[name] = f"its receipt is of another registry, {own[0].registry}"
        else:
            images += own
            dirty = dirty or publication.dirty
    return Publication(source.revision, dirty, source.branch, source.tag, tuple(images)), missing


def published_in_ecr(run: Run, name: ImageName | None, choice: Sequence[str]) -> tuple[PublishedImage, ...]:
    """Return images as ECR has them, by DescribeImages: those that ``name`` says, else this commit's.

    Raises RegistryError for a missing one, SettingsError for an unknown image.
    """
    if name is not None:
        repositories = chosen_repositories(run, name, choice)
        references = {key: (repository, name.reference) for key, repository in repositories.items()}
    else:
        known = commit_images(run, choice)
        absent = [f"{item.repository} has no {item.tag}" for item in known.values() if item.image is None]
        if absent:
            raise RegistryError(
                f"This commit isn't published: {', '.join(absent)}.", "Publish it first: `inv build push`."
            )
        references = {key: (item.repository, item.tag) for key, item in known.items()}
    views = run.registry.describe({repository: () for repository, _ in references.values()})
    published = []
    for key, (repository_name, reference) in references.items():
        repository = views[repository_name].repository
        detail = run.registry.detail(repository, reference) if repository is not None else None
        if repository is None or detail is None:
            from ecr_tasks.plan.promotion import missing_image

            raise missing_image(reference, repository_name)
        if name is not None:
            from ecr_tasks.plan.promotion import check_host

            check_host(name, repository)
        if detail.status != "ACTIVE":
            raise RegistryError(
                f"{reference} in {repository_name} is {detail.status.lower()}: nobody can pull it.",
                "Restore it in ECR, or choose another image.",
            )
        published.append(
            PublishedImage(
                key,
                repository.host,
                repository.name,
                detail.digest,
                detail.own_tags,
                media_type=detail.media_type,
                is_only=key == repository.name,
            )
        )
    return tuple(published)


def published_to_deploy(
    run: Run, receipt: Receipt | None, source: str | None, choice: Sequence[str]
) -> tuple[PublishedImage, ...]:
    """Return the images to deploy: those that ``source`` says, else what was pushed of this commit.

    ``receipt`` is that of a push on the same command line. Says what is used where it is not that.
    """
    if source is not None:
        return published_in_ecr(run, parse_image_name(source), choice)
    if receipt is not None:
        for image in receipt.images:
            if image.part is not None and not image.published:
                others = join_words(image.part.missing)
                say(f"{image.name}: left to the runner that publishes it; {others} is missing yet")
        return published_by_push(receipt, choice, members_of(run)).images
    publication, missing = published_before(run, choice)
    images = publication.images
    if missing:
        for name, reason in missing.items():
            say(f"{name}: {reason}; asking ECR for this commit's image")
        images = (*images, *published_in_ecr(run, None, [*missing]))
    else:
        say_what_is_used(publication, bool(run.source.changes))
    return images


def in_registry(run: Run, images: Sequence[PublishedImage], registry: str | None) -> tuple[PublishedImage, ...]:
    """Return each image in one registry: in its own without ``registry``, which is a host or a destination.

    Raises RegistryError where that registry lacks one, and SettingsError when it is no registry.
    """
    first = {image.name: image for image in reversed(images)}
    own = [first[name] for name in dict.fromkeys(image.name for image in images)]
    if registry is None:
        return tuple(own)
    return tuple(_at(run, image, images, registry) for image in own)


def _at(run: Run, own: PublishedImage, images: Sequence[PublishedImage], registry: str) -> PublishedImage:
    """Return one image in another registry: from the receipt if it tells, else as that registry has it."""
    copies = [image for image in images if image.name == own.name]
    host = next((image for image in copies if image.registry == registry), None)
    if host is not None:
        return host
    from ecr_tasks.settings.errors import Malformed
    from ecr_tasks.settings.parse.destinations import destination

    try:
        place = destination(registry)
    except Malformed as error:
        hosts = ", ".join(dict.fromkeys(image.registry for image in copies))
        raise SettingsError(
            f"{registry[:200]!r} is no registry that the image is in ({hosts}).",
            "Say ACCOUNT/REGION, as ECR_DESTINATIONS has it, or one of these hosts.",
        ) from error
    for image in copies:
        there = parse_ecr_host(image.registry)
        if there is not None and (there.account or "", there.region) == (place.account, place.region):
            return image
    place = as_in_settings(place, run.settings)
    name = place.repository or _repository_at(run, place) or place.name_of(own.repository)
    target = run.target(place)
    repository = target.describe({name: ()})[name].repository
    if repository is None or own.digest not in target.existing_digests(repository, [own.digest]):
        from ecr_tasks.plan.promotion import missing_image

        raise missing_image(own.digest, f"{name} in the {place.registry}")
    tags = target.tag_digests(repository, own.tags)
    there_too = tuple(tag for tag in own.tags if tags.get(tag) == own.digest)
    return replace(own, registry=repository.host, repository=repository.name, tags=there_too)


def _repository_at(run: Run, place: Destination) -> str | None:
    """Return the repository that ECR_DESTINATIONS names at a place."""
    named = (item.repository for item in run.settings.destinations if item.place == place.place)
    return next(named, None)


def _is_here(host: str, run: Run) -> bool:
    """Return whether a host is surely that of the settings' registry; where it can't be known without AWS, False.

    Only with an endpoint of its own, as the local ECR has, can a registry be on a host that is none of ECR's. The
    local ECR's first registry is where its endpoint is, and another local ECR's is not; where its public one is, it
    says itself.
    """
    settings = run.settings
    place = parse_ecr_host(host)
    if place is None:
        service = "ECR" if settings.public_alias is None else "ECR_PUBLIC"
        environ = settings.sdk_environ(os.environ)
        endpoint = environ.get(f"AWS_ENDPOINT_URL_{service}") or environ.get("AWS_ENDPOINT_URL") or ""
        if endpoint and settings.public_alias is not None:
            from ecr_tasks.clients.ecr.ecr_public import PublicRegistry

            return isinstance(run.registry, PublicRegistry) and run.registry.host() == host
        return urlsplit(endpoint).netloc == host
    if place.is_public or settings.public_alias is not None:
        return place.is_public and settings.public_alias is not None
    return settings.account_id in (None, place.account) and settings.region in (None, place.region)


def _commit(revision: str | None) -> str:
    return f"commit {revision[:12]}" if revision else "no commit"


def say_what_is_used(publication: Publication, changes: bool) -> None:
    """Say where uncommitted changes make the images other than somebody may think."""
    if publication.dirty:
        say("These images were built with uncommitted changes.")
    elif changes:
        say("These are the commit's images, without the uncommitted changes here.")
