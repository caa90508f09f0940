"""The `commands` task: print shell commands that log in, and that build and push the planned images.

They are like "View push commands" of the AWS console, but for this image. They are quoted for a POSIX shell and give
the same digest.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_tasks.console import data
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE, is_remote, referenced_variables

if TYPE_CHECKING:
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.model.ecr_host import EcrHost
    from ecr_tasks.plan.plan import Plan, PlannedImage
    from ecr_tasks.settings.settings import Settings

_FLAGS = {
    "network": "--network",
    "shm-size": "--shm-size",
    "ulimits": "--ulimit",
    "extra-hosts": "--add-host",
    "no-cache": "--no-cache",
    "pull": "--pull",
    "no-cache-filter": "--no-cache-filter",
    "entitlements": "--allow",
}
"""The other keys of a bake target that `buildx build` has flags for."""


@task()
def commands(run: Run) -> None:
    """Print the shell commands that do the same by hand: log in, build, push."""
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.runner.publish_steps import start_job

    job = start_job(run, promises=True)
    plan = job.plan
    Plan((), job.obstacles).check()
    host = run.registry.token().host
    sources = run.logins.places(build for item in plan.images for build in item.image.definition.with_links())
    lines = shell_commands(plan, run.settings, host, run.registry.region(), _hosts(run, plan), sources)
    data("\n".join(lines))


def _hosts(run: Run, plan: Plan) -> dict[Destination, str]:
    """Return each destination's host: its repository's host, or a token's host if the repository doesn't exist yet.

    A token's host is that of the caller's own account; for another account, the account number in it is replaced.
    """
    hosts: dict[Destination, str] = {}
    for copy in (copy for item in plan.images for copy in item.copies):
        destination, repository = copy.destination, copy.view.repository if copy.view else None
        if repository is not None:
            hosts[destination] = repository.host
        elif destination not in hosts:
            own = run.target(destination).token().host
            hosts[destination] = own if destination.is_public else re.sub(r"^\d{12}(?=\.)", destination.account, own)
    return hosts


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
    lines = [shlex.join(["cd", str(settings.project)]), *_required_variables(plan, settings)]
    lines += [_create(settings, region, name) for name in dict.fromkeys(_missing_repositories(plan))]
    lines.append(_login(settings, host, region))
    for source, place in sources.items():
        if source != host:
            lines.append(_login(settings, source, place.region, "ecr-public" if place.is_public else "ecr"))
    for item in plan.images:
        lines += _build_and_push(item, host, settings)
    for destination, destination_host in destinations.items():
        lines += _destination(plan, settings, host, destination, destination_host)
    return [_with_keys(line, settings) for line in lines]


def _destination(plan: Plan, settings: Settings, host: str, destination: Destination, to_host: str) -> list[str]:
    """Return the commands that log in to a destination and copy the missing tags to it; ``to_host`` is its host."""
    service = "ecr-public" if destination.is_public else "ecr"
    lines = [_login(settings, to_host, destination.region, service)]
    for item in plan.images:
        for copy in item.copies:
            repository = copy.view.repository if copy.view else None
            new_name = f"{destination.alias}/{copy.repository}" if destination.is_public else copy.repository
            name = repository.name if repository else new_name
            pending = [tag.tag.name for tag in copy.tags if not tag.stays and tag.state != "present"]
            if copy.destination != destination or not pending:
                continue
            if repository is None:
                lines.insert(0, _create(settings, destination.region, copy.repository, service))
            words = ["docker", "buildx", "imagetools", "create", "--prefer-index=false"]
            words += [word for tag in pending for word in ("--tag", f"{to_host}/{name}:{tag}")]
            lines.append(shlex.join([*words, f"{host}/{item.image.repository}:{item.image.tags[0].name}"]))
    return lines if len(lines) > 1 else []


def _missing_repositories(plan: Plan) -> Iterator[str]:
    for item in plan.images:
        if item.view is not None and item.view.repository is None:
            yield item.image.repository


def _create(settings: Settings, region: str, name: str, service: str = "ecr") -> str:
    options = [*_aws(settings, region, service), "--repository-name", name]
    return shlex.join(["aws", service, "create-repository", *options])


def _login(settings: Settings, host: str, region: str, service: str = "ecr") -> str:
    token = shlex.join(["aws", service, "get-login-password", *_aws(settings, region, service)])
    return f"{token} | {shlex.join(['docker', 'login', '--username', 'AWS', '--password-stdin', host])}"


def _aws(settings: Settings, region: str, service: str) -> list[str]:
    options = {"--region": region, "--profile": _text(settings, "AWS_PROFILE")}
    options["--endpoint-url"] = _text(settings, f"AWS_ENDPOINT_URL_{service.replace('-', '_').upper()}")
    return [word for flag, value in options.items() if value for word in (flag, value)]


def _with_keys(line: str, settings: Settings) -> str:
    """Return an ``aws`` command with the local ECR's keys before it, which are no secret; never with other keys."""
    if not line.startswith("aws ") or settings.origin("AWS_ACCESS_KEY_ID").kind != "override":
        return line
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return " ".join([*(f"{name}={shlex.quote(_text(settings, name) or '')}" for name in names), line])


def _text(settings: Settings, name: str) -> str | None:
    value = settings.values.get(name)
    return value.text if value else None


def _build_and_push(item: PlannedImage, host: str, settings: Settings) -> list[str]:
    from ecr_tasks.clients.docker.bake import output

    references = tuple(f"{host}/{item.image.repository}:{tag.tag.name}" for tag in item.tags if not tag.stays)
    definition, pushes = item.image.definition, item.keep == "builder"
    build_input = BuildInput(item.image.name, definition, references, item.keep, push=pushes)
    builder = ["--builder", settings.builder] if settings.builder else []
    if _needs_bake(definition):
        command = _bake(build_input, builder, settings.project)
    else:
        tags = [word for reference in references for word in ("--tag", reference)]
        words = [*_options(definition), *tags, "--output", output(build_input), definition.context]
        command = shlex.join(["docker", "buildx", "build", *builder, *words])
    pushed = [] if pushes else [shlex.join(["docker", "push", reference]) for reference in references]
    return [command, *pushed]


def _needs_bake(definition: BuildDefinition) -> bool:
    """Return whether `buildx build` can't express a definition: a linked target, an inline Dockerfile."""
    return bool(definition.linked) or any(key not in _FLAGS for key in definition.extra)


def _bake(build_input: BuildInput, builder: Sequence[str], project: Path) -> str:
    """Return a `buildx bake` command with its definition as a here document, which the shell doesn't expand."""
    from ecr_tasks.clients.docker.bake import bake_document, serialize

    allow = [word for name in build_input.definition.entitlements for word in ("--allow", name)]
    command = shlex.join(["docker", "buildx", "bake", *builder, *allow, "--file", "-"])
    # bake asks about every path outside the working directory (docs.docker.com/build/bake/reference, entitlements).
    reaches_out = any(
        not is_remote(item.context) and not Path(item.context).is_relative_to(project)
        for item in build_input.definition.with_links()
    )
    prefix = "BUILDX_BAKE_ENTITLEMENTS_FS=0 " if reaches_out else ""
    return f"{prefix}{command} <<'END'\n{serialize(bake_document([build_input]))}\nEND"


def _required_variables(plan: Plan, settings: Settings) -> list[str]:
    """Return a line for each variable of a dotenv file that a secret is read from: the shell must have it."""
    definitions = [item for planned in plan.images for item in planned.image.definition.with_links()]
    names = referenced_variables((), [secret for item in definitions for secret in item.secrets])
    missing = sorted(names & settings.missing_variables(os.environ).keys())
    return [f': "${{{name}:?export it first: a build secret is read from it}}"' for name in missing]


def _options(definition: BuildDefinition) -> list[str]:
    options = {
        "--file": _dockerfile(definition),
        "--target": [definition.target] if definition.target else [],
        "--platform": [",".join(definition.platforms)] if definition.platforms else [],
        "--build-arg": _pairs(definition.args),
        "--build-context": _pairs(definition.contexts),
        "--secret": definition.secrets,
        "--ssh": definition.ssh,
        "--label": _pairs(definition.labels),
        "--annotation": definition.annotation_entries(),
        "--attest": definition.attest,
        "--cache-from": definition.cache_from,
        "--cache-to": definition.cache_to,
    }
    words = [word for flag, values in options.items() for value in values for word in (flag, value)]
    for key, value in definition.extra.items():
        flag = _FLAGS[key]
        if isinstance(value, bool):
            words += [flag] if value else []
            continue
        values = _pairs(value) if isinstance(value, dict) else value if isinstance(value, list) else [value]
        words += [word for entry in values for word in (flag, str(entry))]
    return words


def _dockerfile(definition: BuildDefinition) -> list[str]:
    """Return the Dockerfile for `buildx build`, which counts its path from the working directory, not the context."""
    name = definition.dockerfile
    if name is None or name == DEFAULT_DOCKERFILE:
        return []
    return [name if is_remote(definition.context) or is_remote(name) else str(Path(definition.context, name))]


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]
