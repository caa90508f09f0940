"""Open the page of a repository: in the AWS console, or of the local ECR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecr_tasks.errors import RegistryError
from ecr_tasks.tasks.web_page import show_page

if TYPE_CHECKING:
    from ecr_tasks.model.registry import Repository
    from ecr_tasks.runner.run import Run


def open_repositories(run: Run, names: Sequence[str], *, settings: bool = False) -> None:
    """Open the page of each repository's images, or of its ``settings``, or print its address without a browser.

    Raises RegistryError for a repository that does not exist, and for a registry without such pages.
    """
    from ecr_tasks.model.refusals import missing_repository

    addresses = []
    for name, view in run.registry.describe(dict.fromkeys(names, ())).items():
        if view.repository is None:
            raise missing_repository(name, remedy="`inv repo.ensure` creates it.")
        addresses.append(_address(run, view.repository, settings=settings))
    for address in addresses:
        show_page(run, address)


def _address(run: Run, repository: Repository, *, settings: bool) -> str:
    from ecr_tasks.clients.ecr.partition import partition_of
    from ecr_tasks.local_ecr import process
    from ecr_tasks.local_ecr.constants import PUBLIC_REGION
    from ecr_tasks.model.aws_console import public_repository_page, repository_page
    from ecr_tasks.model.ecr_host import parse_ecr_host

    region = run.registry.region()
    is_public = run.settings.public_alias is not None
    api_name = repository.name.partition("/")[2] if is_public else repository.name
    if parse_ecr_host(repository.host) is not None:
        if is_public:
            return public_repository_page(repository.account, api_name, settings=settings)
        page = repository_page(partition_of(region), region, repository.account, repository.name, settings=settings)
        if page is not None:
            return page
        raise RegistryError(f"The console's address in {region} is not public.", "Open it as your network has it.")
    endpoint = run.registry.endpoint().rstrip("/")
    if process.status(endpoint) is not None:
        return f"{endpoint}/#/{repository.account}/{PUBLIC_REGION if is_public else region}/{api_name}"
    raise RegistryError(
        f"The registry at {endpoint} is neither ECR nor the local ECR, so it has no page.", "Leave --open out."
    )
