"""What exists of repositories and their tags, in calls of which none counts as a pull."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from ecr_tasks.clients.ecr.parse import registry_host
from ecr_tasks.clients.ecr.reader import PARALLEL, Reader
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.image import REVISIONS, revision_name
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository, RepositoryView


class RepositoryViews:
    """Looks up repositories and images by tag or digest.

    ``host`` asks ECR for the registry's host, where nothing else tells it.
    """

    def __init__(self, reader: Reader, host: Callable[[], str]) -> None:
        self._reader, self._host = reader, host

    def describe(
        self, repositories: Mapping[str, Sequence[str]], *, brief: bool = False
    ) -> Mapping[str, RepositoryView]:
        """Return repositories and those of the tags that exist, several repositories at a time.

        None of the calls counts as a pull: DescribeRepositories, and a DescribeImages for the first tag, for its next
        revision, and for each tag that is not on these images. With ``brief``, DescribeRepositories is left out where
        every tag is there on one image, so that nothing is left to do: the repository lacks its mutability then.
        Raises AwsError when the credentials belong to another account than the settings name.
        """
        self._reader.client()  # which threads must not create
        views = map_parallel(
            lambda name: self._describe(name, repositories[name], brief=brief),
            [*repositories],
            PARALLEL,
            self._reader.aws.retrier,
        )
        return dict(zip(repositories, views, strict=True))

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

    def _describe(self, name: str, tags: Sequence[str], *, brief: bool) -> RepositoryView:
        found: dict[str, StoredImage] = {}
        repository = None
        if (not brief or not tags) and (repository := self._reader.describe(name)) is None:
            return RepositoryView(None)
        if not tags:
            return RepositoryView(repository)
        revisions = [tag for tag in (revision_name(tags[0], number) for number in REVISIONS) if tag in tags[1:]]
        others = [tag for tag in tags[1:] if tag not in revisions]
        try:
            self._look(name, [*tags[:1], *revisions[:1]], found)
            for before, tag in pairwise(revisions):  # each revision is published after the one before
                if before in found:
                    self._look(name, [tag], found)
        except RegistryError:  # the repository may be missing
            if repository is not None or (repository := self._reader.describe(name)) is not None:
                raise
            return RepositoryView(None)
        if repository is None:
            published = [tag for tag in (tags[0], *revisions) if tag in found][-1:]
            repository = self._known(name, [*published, *others], found) or self._reader.describe(name)
            if repository is None:
                return RepositoryView(None)
        self._look(name, others, found)
        return RepositoryView(repository, {tag: found[tag] for tag in tags if tag in found})

    def _look(self, name: str, tags: Sequence[str], found: dict[str, StoredImage]) -> None:
        """Add the images of those of the tags that exist, under each tag that they have."""
        for tag, image in self._reader.look(name, [tag for tag in tags if tag not in found]).items():
            found.update(dict.fromkeys((tag, *image.tags), image))

    def _known(self, name: str, tags: Sequence[str], found: Mapping[str, StoredImage]) -> Repository | None:
        """Return a repository without its mutability if these tags are on one image and its address is known."""
        digests = {found[tag].digest if tag in found else None for tag in tags}
        return self._address(name) if len(digests) == 1 and None not in digests else None

    def _address(self, name: str) -> Repository | None:
        """Return a repository without its mutability, after a look at an image of it; None if only ECR knows it."""
        account = self._reader.account
        if account is None:
            return None
        host = registry_host(str(self._reader.client().meta.endpoint_url), account, own=self._reader.region is None)
        return Repository(name, account, f"{host}/{name}") if host else None
