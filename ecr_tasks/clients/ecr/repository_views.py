"""What exists of repositories and their tags, in calls of which none counts as a pull."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TypeVar

from ecr_tasks.clients.ecr.parse import registry_host
from ecr_tasks.clients.ecr.reader import Reader
from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.image import revision_names
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository, RepositoryView

T = TypeVar("T")

PARALLEL = 48
"""How many repositories are looked at at once, each by a call for a tag: two hundred wait for five answers."""


class RepositoryViews:
    """Looks up repositories and images by tag or digest.

    ``host`` asks ECR for the registry's host, where nothing else tells it.
    """

    def __init__(self, reader: Reader, host: Callable[[], str]) -> None:
        self._reader, self._host = reader, host

    def describe(
        self, repositories: Mapping[str, Sequence[str]], moving: Mapping[str, Collection[str]] | None = None
    ) -> Mapping[str, RepositoryView]:
        """Return repositories and those of the tags that exist, several repositories at a time.

        None of the calls counts as a pull: DescribeRepositories, and a DescribeImages for each tag and for the first
        one's next revision, all of them at the same time. With ``moving``, those of each repository's tags that move,
        only the first tag is looked at first; where every tag is there on its image, nothing is left to do, and no
        other call is made: the repository lacks its mutability then. Raises AwsError when the credentials belong to
        another account than the settings name.
        """
        self._reader.client()  # which threads must not create
        names, retrier = [*repositories], self._reader.aws.retrier
        if moving is not None:
            views = map_parallel(
                lambda name: self._describe_briefly(name, repositories[name], moving[name]), names, PARALLEL, retrier
            )
            return dict(zip(names, views, strict=True))

        def look(name: str) -> dict[str, StoredImage] | EcrTasksError:
            return _result_or_error(partial(self._look_at_all, name, repositories[name], at_once=len(names) == 1))

        described = begin(lambda: self._repositories(names))
        looks = map_parallel(look, names, PARALLEL, retrier)
        found = described()
        return {
            name: self._view(name, tags, found[name], images)
            for (name, tags), images in zip(repositories.items(), looks, strict=True)
        }

    def _view(
        self,
        name: str,
        tags: Sequence[str],
        repository: Repository | EcrTasksError | None,
        images: Mapping[str, StoredImage] | EcrTasksError,
    ) -> RepositoryView:
        """Return the view of a repository; that of a missing one says nothing of images. Raises the errors.

        Where all tags are on one image, nothing is left to do that needs more of the repository than its address.
        """
        if isinstance(repository, EcrTasksError):
            is_complete = not isinstance(images, EcrTasksError) and _is_complete(tags, images)
            known = self._address(name) if is_complete else None
            if known is None:
                raise repository
            repository = known
        if repository is None:
            return RepositoryView(None)
        if isinstance(images, EcrTasksError):
            raise images
        return RepositoryView(repository, images)

    def _repositories(self, names: Sequence[str]) -> dict[str, Repository | EcrTasksError | None]:
        """Return each repository, None for a missing one, or the error."""

        def describe(name: str) -> Repository | EcrTasksError | None:
            return _result_or_error(lambda: self._reader.describe(name))

        known = self._reader.describe_all(names) if len(names) > 1 else {}
        others = [name for name in names if name not in known]
        found = dict(zip(others, map_parallel(describe, others, PARALLEL, self._reader.aws.retrier), strict=True))
        return {name: known.get(name) or found.get(name) for name in names}

    def created_on_push(self, name: str) -> RepositoryView:
        """Return the repository that ECR creates by a creation template when it is pushed to, or a view without one.

        Its templates are the credentials' own registry's alone; where they may not be read, it is reported.
        """
        from ecr_tasks.clients.ecr.creation_templates import read_templates
        from ecr_tasks.plan.repository.creation_template import template_on_push

        try:
            own = self._reader.caller_account()
            if self._reader.named_account not in (None, own):
                return RepositoryView(None)
            template = template_on_push(name, read_templates(self._reader.client()))
        except EcrTasksError as error:
            unknown = f"whether a creation template would create {name} is not known"
            self._reader.aws.report_once(f"{unknown}: {error.cause}")
            return RepositoryView(None)
        if template is None:
            return RepositoryView(None)
        self._reader.account = own
        self._reader.awaited.add(name)
        address = self._address(name) or Repository(name, own, f"{self._host()}/{name}")
        repository = replace(address, mutability=template.mutability, exclusions=template.exclusions)
        return RepositoryView(repository, template=template.prefix)

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Return those images by tag or digest that exist, which does not count as a pull.

        The view's repository has a name, an account and a URI, not its mutability; it is None when there are no
        images.
        """
        self._reader.client()
        images = self._reader.look(name, references)
        return RepositoryView(self._address(name) or self._reader.describe(name) if images else None, images)

    def _look_at_all(self, name: str, tags: Sequence[str], *, at_once: bool) -> dict[str, StoredImage]:
        """Return the images of those of the tags that exist.

        The first revision of the first tag is looked for ``at_once``, or else only where the first tag is there: of
        many images most calls would be for nothing.
        """
        found: dict[str, StoredImage] = {}
        if tags:
            revisions = _revisions(tags)
            self._look(name, [tag for tag in tags if tag not in revisions[1 if at_once else 0 :]], found)
            self._look_at_revisions(name, revisions if at_once else [tags[0], *revisions], found)
        return {tag: found[tag] for tag in tags if tag in found}

    def _look_at_revisions(
        self, name: str, revisions: Sequence[str], found: dict[str, StoredImage], moving: Collection[str] = ()
    ) -> None:
        for before, tag in pairwise(revisions):  # each revision is published after the one before
            if before in found and not _is_current(before, found, moving):
                self._look(name, [tag], found)

    def _describe_briefly(self, name: str, tags: Sequence[str], moving: Collection[str]) -> RepositoryView:
        """Return the view of a repository in which the last run here published the image with all its tags.

        A moving tag goes to each revision that is published: the image that one is on has none after it.
        """
        found: dict[str, StoredImage] = {}
        if not tags:
            return RepositoryView(self._reader.describe(name))
        revisions = _revisions(tags)
        try:
            self._look(name, [*tags[:1], *(() if moving else revisions[:1])], found)
            self._look_at_revisions(name, revisions, found, moving)
        except RegistryError:  # the repository may be missing
            if self._reader.describe(name) is not None:
                raise
            return RepositoryView(None)
        if _is_complete(tags, found):
            repository = self._address(name) or self._reader.describe(name)
        else:
            described = begin(lambda: self._reader.describe(name))
            others = [tag for tag in tags[1:] if tag not in revisions[1 if tags[0] in found else 0 :]]
            self._look(name, others, found)
            self._look_at_revisions(name, revisions, found, moving)
            repository = described()
        if repository is None:
            return RepositoryView(None)
        return RepositoryView(repository, {tag: found[tag] for tag in tags if tag in found})

    def _look(self, name: str, tags: Sequence[str], found: dict[str, StoredImage]) -> None:
        """Add the images of those of the tags that exist, under each tag that they have."""
        for tag, image in self._reader.look(name, [tag for tag in tags if tag not in found]).items():
            found.update(dict.fromkeys((tag, *image.tags), image))

    def _address(self, name: str) -> Repository | None:
        """Return a repository without its mutability, after a look at an image of it; None if only ECR knows it."""
        account = self._reader.account
        if account is None:
            return None
        host = self._reader.local_host or registry_host(str(self._reader.client().meta.endpoint_url), account)
        return Repository(name, account, f"{host}/{name}") if host else None


def _is_complete(tags: Sequence[str], found: Mapping[str, StoredImage]) -> bool:
    """Return whether all of an image's tags are on one image: that of its last revision."""
    revisions = _revisions(tags)
    published = [tag for tag in (*tags[:1], *revisions) if tag in found][-1:]
    others = [tag for tag in tags[1:] if tag not in revisions]
    digests = {found[tag].digest if tag in found else None for tag in [*published, *others]}
    return len(digests) == 1 and None not in digests


def _is_current(tag: str, found: Mapping[str, StoredImage], moving: Collection[str]) -> bool:
    """Return whether a tag that was found is on the image of one of the moving tags."""
    return any(found[other].digest == found[tag].digest for other in moving if other in found)


def _revisions(tags: Sequence[str]) -> list[str]:
    """Return those of an image's tags that are revisions of its first one, in their order."""
    others = {*tags[1:]}
    return [tag for first in tags[:1] for tag in revision_names(first) if tag in others]


def _result_or_error(call: Callable[[], T]) -> T | EcrTasksError:
    try:
        return call()
    except EcrTasksError as error:
        return error
