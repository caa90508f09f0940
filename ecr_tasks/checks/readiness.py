"""All checks whether a push would work, in the order in which a person would mend what they find."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from ecr_tasks.checks.aws_identity import (
    AWS,
    check_caller,
    check_clock,
    check_credentials,
    check_identities,
    check_region,
)
from ecr_tasks.checks.build_definition import BUILD, IN_STORE, PROJECT, SECRETS, check_base_images, check_dockerfiles
from ecr_tasks.checks.disk_space import DISK, check_folders, check_left_names
from ecr_tasks.checks.docker_logins import check_logins
from ecr_tasks.checks.engine_and_builder import (
    Feature,
    check_builder,
    check_buildx,
    check_engine,
    check_other_client,
)
from ecr_tasks.checks.local_registry import check_local_registry
from ecr_tasks.checks.permissions import PERMISSIONS, check_permissions
from ecr_tasks.checks.python_packages import PYTHON, check_python
from ecr_tasks.checks.repository_settings import REPOSITORY, check_repositories, check_scanning, check_templates
from ecr_tasks.errors import AwsError, EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.account import Caller, CreationTemplate, Credentials, IdentityFacts, Permission, Region
from ecr_tasks.model.ecr_host import DOCKER_HUB as HUB
from ecr_tasks.model.ecr_host import host_of, parse_ecr_host
from ecr_tasks.model.finding import Finding, Section
from ecr_tasks.model.image import Image
from ecr_tasks.model.machine import BuilderFacts, EngineFacts, Folder, LeftNames, LoginFacts, PythonFacts
from ecr_tasks.model.scan import Scanning
from ecr_tasks.plan.plan import Plan
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.project_files import TasksFile

T = TypeVar("T")

_UNPLANNED = "what is to be done isn't known (see Project)"
_NOT_IN = "AWS does not let us in (see AWS)"

DOCKER_HUB = "https://index.docker.io/v1/"
"""The name under which docker's configuration has Docker Hub's login."""


@dataclass(frozen=True)
class Facts:
    """Everything that the checks are about; an error stands for what could not be asked.

    ``plan`` is that of a push; its images have no view where the registry was not read. ``files`` are the findings
    about the files that the builds read (:func:`build_definition.check_images`), ``bases`` where each base image was
    found, ``dockerfiles`` why the builder can't build one, ``creation`` why a missing repository can't be created.
    ``local_registry`` is a local ECR that is chosen or runs, and ``unreached`` why the engine doesn't reach it.
    ``can_ask`` tells whether a push could ask for an MFA code. ``identities`` are those of destinations.
    ``now`` is when all this was asked for. ``other_client`` is the version of a program in docker's place, of whose
    engine and builder nothing is asked then.
    """

    now: datetime
    python: PythonFacts | EcrTasksError
    settings: Settings | EcrTasksError
    engine: EngineFacts | EcrTasksError
    buildx: str | EcrTasksError
    builder: BuilderFacts | EcrTasksError
    folders: Sequence[Folder] | EcrTasksError
    left: LeftNames | EcrTasksError
    logins: LoginFacts | EcrTasksError
    credentials: Credentials | EcrTasksError
    clock: float | EcrTasksError
    caller: Caller | EcrTasksError
    region: Region | EcrTasksError
    plan: Plan | EcrTasksError
    registry: EcrTasksError | None
    templates: Sequence[CreationTemplate] | EcrTasksError
    scanning: Scanning | EcrTasksError
    permissions: Sequence[Permission] | EcrTasksError
    files: Sequence[Finding] | EcrTasksError
    bases: Mapping[str, str | EcrTasksError] | EcrTasksError
    dockerfiles: EcrTasksError | None = None
    creation: EcrTasksError | None = None
    local_registry: str = ""
    unreached: str | EcrTasksError = ""
    can_ask: bool = False
    tasks: TasksFile | EcrTasksError | None = None
    identities: Sequence[IdentityFacts] = ()
    other_client: str | EcrTasksError | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """The planned images."""
        return () if isinstance(self.plan, EcrTasksError) else tuple(item.image for item in self.plan.images)

    @property
    def is_local(self) -> bool:
        """Whether the settings choose a local ECR."""
        return isinstance(self.region, Region) and self.region.is_local


def findings(facts: Facts) -> Iterator[Finding]:
    """Yield what the checks find, section by section."""
    yield from _asked(PYTHON, "Python", facts.python, check_python)
    yield from _project(facts)
    yield from _docker(facts)
    yield from _asked(DISK, "room", facts.folders, check_folders)
    yield from _asked(DISK, "left names", facts.left, check_left_names)
    yield from _aws(facts)
    own = () if isinstance(facts.settings, EcrTasksError) else facts.settings.registry_logins
    yield from check_logins(facts.logins, _foreign_hosts(facts.bases, own), facts.now)
    yield from _repository(facts)
    yield from _permissions(facts)
    yield from _files(facts)
    if facts.local_registry and not (facts.is_local and isinstance(facts.caller, EcrTasksError)):
        yield from check_local_registry(facts.local_registry, facts.unreached, chosen=facts.is_local)


def _asked(
    section: Section, name: str, fact: T | EcrTasksError, check: Callable[[T], Iterator[Finding]]
) -> Iterator[Finding]:
    """Yield a check's findings, or that its fact could not be asked."""
    if isinstance(fact, EcrTasksError):
        yield section.unknown(name, fact.cause, fact.remedy)
    else:
        yield from check(fact)


def _project(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.tasks, EcrTasksError):
        yield PROJECT.unknown("tasks.py", facts.tasks.cause, facts.tasks.remedy)
    elif facts.tasks is not None and facts.tasks.mistake:
        text = f"can't be loaded: {facts.tasks.mistake}."
        yield PROJECT.warning(
            facts.tasks.name, text, "Correct it there, else only `ecr-tasks` runs here, without it."
        )
    if isinstance(facts.settings, EcrTasksError):
        yield PROJECT.error("settings", facts.settings)
        return
    for text in facts.settings.warnings:
        yield PROJECT.warning("settings", text, "Correct it there; `inv settings` shows what is read.")
    if isinstance(facts.plan, EcrTasksError):
        yield PROJECT.error("images", facts.plan)
        return
    for image in facts.images:
        tags = ", ".join(tag.name for tag in image.tags)
        yield PROJECT.fine(image.name, f"the repository {image.repository} gets {tags}")


def _docker(facts: Facts) -> Iterator[Finding]:
    settings = None if isinstance(facts.settings, EcrTasksError) else facts.settings
    copies = bool(settings and settings.destinations)
    entitled = any(image.definition.entitlements for image in facts.images)
    features = (
        Feature("0.13.0", "build as ecr-tasks does", wanted=True),
        Feature("0.15.0", "copy images (ECR_DESTINATIONS, promote --to)", copies),
        Feature("0.17.0", "give builds privileges (ECR_ALLOW)", entitled),
    )
    if facts.other_client is not None:
        client = settings.client if settings else ""
        builder = settings.builder if settings else None
        yield from check_other_client(client, facts.other_client, facts.images, copies=copies, builder=builder)
        return
    yield from check_engine(facts.engine)
    yield from check_buildx(facts.buildx, features)
    if not isinstance(facts.engine, EcrTasksError) and not isinstance(facts.buildx, EcrTasksError):
        yield from check_builder(facts.builder, facts.images, local_registry=facts.is_local)


def _aws(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.settings, EcrTasksError):
        yield AWS.unknown("account", _UNPLANNED)
        return
    yield from check_region(facts.region, _endpoint_setting(facts.settings))
    yield from check_clock(facts.clock)
    yield from check_credentials(facts.credentials, facts.now, can_ask=facts.can_ask)
    if not isinstance(facts.credentials, EcrTasksError):
        planned = () if isinstance(facts.plan, EcrTasksError) else facts.plan.images
        is_reached = any(item.view and item.view.repository for item in planned)
        yield from check_caller(facts.caller, facts.settings.account_id, is_reached=is_reached)
    yield from check_identities(facts.identities)


def _repository(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.settings, EcrTasksError) or isinstance(facts.plan, EcrTasksError):
        yield REPOSITORY.unknown("repositories", _UNPLANNED)
        return
    if isinstance(facts.caller, EcrTasksError):
        yield REPOSITORY.unknown("repositories", _NOT_IN)
        return
    repositories = list(dict.fromkeys(image.repository for image in facts.images))
    if isinstance(facts.registry, AwsError) and facts.settings.account_id not in (None, facts.caller.account):
        yield REPOSITORY.unknown("repositories", f"account {facts.settings.account_id} does not let us in (see AWS)")
    elif facts.registry is not None:
        yield REPOSITORY.error(", ".join(repositories), facts.registry)
    templates = () if isinstance(facts.templates, EcrTasksError) else facts.templates
    yield from check_repositories(facts.plan.images, facts.plan.conflicts, templates)
    if facts.creation is not None:
        yield REPOSITORY.error("its creation", facts.creation)
    if facts.settings.public_alias is not None:
        yield REPOSITORY.fine("ECR Public", "has no templates, locks no tags and scans no images")
        return
    yield from check_templates(facts.templates, repositories)
    yield from check_scanning(facts.scanning, repositories, gated=facts.settings.scan_fail_on is not None)


def _permissions(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.settings, EcrTasksError) or isinstance(facts.plan, EcrTasksError):
        yield PERMISSIONS.unknown("actions", _UNPLANNED)
    elif isinstance(facts.caller, EcrTasksError):
        yield PERMISSIONS.unknown("actions", _NOT_IN)
    else:
        yield from check_permissions(facts.permissions)
    for item in facts.identities:
        if not isinstance(item.caller, EcrTasksError):
            yield from check_permissions(item.permissions, item.identity)


def _files(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.settings, EcrTasksError) or isinstance(facts.plan, EcrTasksError):
        yield SECRETS.unknown("files and values", _UNPLANNED)
        yield BUILD.unknown("files", _UNPLANNED)
        return
    if isinstance(facts.files, EcrTasksError):
        yield SECRETS.unknown("files and values", facts.files.cause)
        yield BUILD.unknown("files", facts.files.cause)
    else:
        yield from (item for item in facts.files if item.section == SECRETS.name)
        yield from (item for item in facts.files if item.section != SECRETS.name)
    if facts.other_client is None:  # buildx alone is asked for these
        yield from check_dockerfiles(facts.dockerfiles, facts.bases)
        yield from check_base_images(facts.bases)


def _endpoint_setting(settings: Settings) -> str:
    """Return the variable that sets ECR's endpoint; empty where none does."""
    names = {
        "AWS_ENDPOINT_URL_ECR": settings.aws_endpoint_url_ecr,
        "AWS_ENDPOINT_URL": settings.aws_endpoint_url,
    }
    if settings.public_alias is not None:
        del names["AWS_ENDPOINT_URL_ECR"]
        names = {"AWS_ENDPOINT_URL_ECR_PUBLIC": settings.aws_endpoint_url_ecr_public, **names}
    return next((name for name, value in names.items() if value), "")


def _foreign_hosts(
    bases: Mapping[str, str | EcrTasksError] | EcrTasksError, logins: Collection[str] = ()
) -> list[str]:
    """Return the registries that are not ECR's and that builds ask for images, as docker's configuration names them.

    An image in the engine's store is asked of none; ``logins`` are registries for which the settings have one.
    """
    found = {} if isinstance(bases, EcrTasksError) else bases
    hosts = {host_of(reference) or HUB for reference, place in found.items() if place != IN_STORE}
    names = {HUB: DOCKER_HUB}
    return sorted(names.get(host, host) for host in hosts if parse_ecr_host(host) is None and host not in logins)
