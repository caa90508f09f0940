"""The `commands` task: print shell commands that log in, and that build and push the planned images.

They are like "View push commands" of the AWS console, but for this image. They are quoted for a POSIX shell and give
the same digest.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_tasks.console import data
from ecr_tasks.errors import BuildError, EcrTasksError
from ecr_tasks.redaction import HIDDEN
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import task
from ecr_tasks.tasks.shell import quoted

if TYPE_CHECKING:
    from ecr_tasks.model.destination import Destination, Identity
    from ecr_tasks.model.ecr_host import EcrHost
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.runner.run import Run
    from ecr_tasks.settings.settings import Settings


@task(iterable=["image"], help={"image": IMAGES})
def commands(run: Run, image: list[str] | None = None) -> None:
    """Print shell commands: log in, build, push by hand.

    They give the same digest, and are quoted for a POSIX shell.
    """
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.runner.job import start_job

    job = start_job(run, promises=True, choice=image or ())
    plan = job.plan
    # Lines that can't run are no help: neither without what a build needs, nor where the store can't hold the result.
    Plan(
        (), tuple(item for item in plan.conflicts if item in job.obstacles or isinstance(item.error, BuildError))
    ).check()
    host = run.registry.token().host
    sources = run.logins.places(build for item in plan.images for build in item.image.definition.with_links())
    hosts, errors = _hosts(run, plan)
    lines = shell_commands(plan, run.settings, host, run.registry.region(), hosts, sources)
    data("\n".join(lines))
    for destination, error in errors.items():  # the commands for the others are printed
        raise type(error)(f"There are no commands for {destination}: {error.cause}", error.remedy)


def _hosts(run: Run, plan: Plan) -> tuple[dict[Destination, str], dict[Destination, EcrTasksError]]:
    """Return each destination's host: its repository's host, or a token's host if the repository doesn't exist yet.

    A token's host is that of the caller's own account; for another account, the account number in it is replaced.
    Also return the errors of destinations whose credentials can't be had.
    """
    hosts: dict[Destination, str] = {}
    errors: dict[Destination, EcrTasksError] = {}
    for copy in (copy for item in plan.images for copy in item.copies):
        destination, repository = copy.destination, copy.view.repository if copy.view else None
        if repository is not None:
            hosts[destination] = repository.host
        elif destination not in hosts and destination not in errors:
            try:
                own = run.target(destination).token().host
            except EcrTasksError as error:
                if destination.identity.is_own:
                    raise
                errors[destination] = error
                continue
            hosts[destination] = own if destination.is_public else re.sub(r"^\d{12}(?=\.)", destination.account, own)
    return hosts, errors


def shell_commands(
    plan: Plan,
    settings: Settings,
    host: str,
    region: str,
    destinations: Mapping[Destination, str] = MappingProxyType({}),
    sources: Mapping[str, EcrHost] = MappingProxyType({}),
) -> list[str]:
    """Return the commands, one per item; ``host`` is the registry's, ``destinations`` has each destination's host.

    ``sources`` has the hosts of ECR that the builds read from or write to.
    """
    from ecr_tasks.tasks.build_commands import build_and_push, required_variables

    lines = [quoted(["cd", str(settings.project)]), *required_variables(plan, settings)]
    service = "ecr" if settings.public_alias is None else "ecr-public"
    names = dict.fromkeys(_missing_repositories(plan))
    lines += [_create(settings, region, _api_name(settings, name), service) for name in names]
    lines.append(_login(settings, host, region, service))
    for source, place in sources.items():
        if source != host:
            lines.append(_login(settings, source, place.region, "ecr-public" if place.is_public else "ecr"))
    for item in plan.images:
        lines += build_and_push(item, host, settings)
    for destination, destination_host in destinations.items():
        lines += _destination(plan, settings, host, destination, destination_host)
    if any(item.image.referrers for item in plan.images):
        lines.append(": 'ECR_ATTEST=referrers is what inv push does; by hand, inv attest FILE attaches a document.'")
    lines = [_with_keys(line, settings) for line in lines]
    if any(HIDDEN in line for line in lines):
        lines.insert(0, f": 'Write the secrets of the settings in place of each {HIDDEN}.'")
    return lines


def _destination(plan: Plan, settings: Settings, host: str, destination: Destination, to_host: str) -> list[str]:
    """Return the commands that log in to a destination and copy the missing tags to it; ``to_host`` is its host."""
    service = "ecr-public" if destination.is_public else "ecr"
    identity = destination.identity
    lines = [_login(settings, to_host, destination.region, service, identity)]
    for item in plan.images:
        for copy in item.copies:
            repository = copy.view.repository if copy.view else None
            new_name = f"{destination.alias}/{copy.repository}" if destination.is_public else copy.repository
            name = repository.name if repository else new_name
            pending = [tag.tag.name for tag in copy.tags if not tag.stays and tag.state != "present"]
            if copy.destination != destination or not pending:
                continue
            if repository is None:
                lines.insert(0, _create(settings, destination.region, copy.repository, service, identity))
            words = ["docker", "buildx", "imagetools", "create", "--prefer-index=false"]
            words += [word for tag in pending for word in ("--tag", f"{to_host}/{name}:{tag}")]
            lines.append(quoted([*words, f"{host}/{item.image.repository}:{item.image.tags[0].name}"]))
    return lines if len(lines) > 1 else []


def _api_name(settings: Settings, repository: str) -> str:
    """Return the name of a repository in its API, which has no public registry's alias."""
    return repository if settings.public_alias is None else repository.partition("/")[2]


def _missing_repositories(plan: Plan) -> Iterator[str]:
    for item in plan.images:
        if item.view is not None and item.view.repository is None:
            yield item.image.repository


def _create(
    settings: Settings, region: str, name: str, service: str = "ecr", identity: Identity | None = None
) -> str:
    options = [*_aws(settings, region, service, *_profile(settings, identity)), "--repository-name", name]
    return _as_role(settings, region, identity, quoted(["aws", service, "create-repository", *options]))


def _login(settings: Settings, host: str, region: str, service: str = "ecr", identity: Identity | None = None) -> str:
    from ecr_tasks.plan.other_client import tls_options

    options = _aws(settings, region, service, *_profile(settings, identity))
    token = quoted(["aws", service, "get-login-password", *options])
    client = settings.client
    words = [client, "login", *tls_options(host, client), "--username", "AWS", "--password-stdin", host]
    login = f"{token} | {quoted(words)}"
    return _as_role(settings, region, identity, login)


def _profile(settings: Settings, identity: Identity | None) -> list[str]:
    """Return the profile of a command, if it has one: a role's keys are in the environment."""
    if identity is not None and identity.role_arn:
        return []
    profile = (identity.profile if identity else None) or _text(settings, "AWS_PROFILE")
    return [profile] if profile else []


def _aws(settings: Settings, region: str, service: str, profile: str = "") -> list[str]:
    options: dict[str, str | None] = {"--region": region, "--profile": profile}
    options["--endpoint-url"] = _text(settings, f"AWS_ENDPOINT_URL_{service.replace('-', '_').upper()}")
    return [word for flag, value in options.items() if value for word in (flag, value)]


def _as_role(settings: Settings, region: str, identity: Identity | None, line: str) -> str:
    """Return a command that is run with the keys of a role; printf is the shell's own, so that no other sees them."""
    if identity is None or identity.role_arn is None:
        return line
    profile = identity.profile or _text(settings, "AWS_PROFILE") or ""
    external_id = ["--external-id", identity.external_id] if identity.external_id else []
    words = ["aws", "sts", "assume-role", *_aws(settings, region, "sts", profile)]
    words += ["--role-arn", identity.role_arn, "--role-session-name", "ecr-tasks", *external_id, "--output", "text"]
    words += ["--query", "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]"]
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    keys = f"printf '{' '.join(f'{name}=%s' for name in names)}' $({_with_keys(quoted(words), settings)})"
    return f"(export $({keys}); {line})"


def _with_keys(line: str, settings: Settings) -> str:
    """Return an ``aws`` command with the local ECR's keys before it, which are no secret; never with other keys."""
    if not line.startswith("aws ") or settings.origin("AWS_ACCESS_KEY_ID").kind != "override":
        return line
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return " ".join([*(f"{name}={shlex.quote(_text(settings, name) or '')}" for name in names), line])


def _text(settings: Settings, name: str) -> str | None:
    value = settings.values.get(name)
    return value.text if value else None
