"""The `ec2.user-data` task: print the user data with which an EC2 host runs a published image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.console import given_data, say
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.ec2.user_data import Service
    from ecr_tasks.model.publication import PublishedImage
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run


@chained_task(
    lambda result: None,
    publishes=False,
    name="user-data",
    may_be_positional="source",
    iterable=["image", "port", "env"],
    help={
        "source": "a tag, which the host follows, or a sha256: digest; --source may be left out (default: this "
        "commit's image, by digest)",
        "image": IMAGES,
        "registry": "ACCOUNT/REGION or host of the destination that the host pulls from (default: the main registry)",
        "name": "the container's name (default: the image's)",
        "port": "a port to publish, HOST:CONTAINER, such as 80:8000; once for each",
        "env": "NAME=VALUE for the container; once for each. Everybody on the host can read it: no secrets",
        "env-file": "a file with such lines",
        "every": "how often a tag is looked up, such as 5min, 1h (default: 5min)",
    },
)
def user_data(
    run: Run,
    earlier: EarlierResults,
    source: str | None = None,
    image: list[str] | None = None,
    registry: str | None = None,
    name: str | None = None,
    port: list[str] | None = None,
    env: list[str] | None = None,
    env_file: str | None = None,
    every: str = "5min",
) -> None:
    """Print user data for an EC2 host that runs the image.

    It is a script for cloud-init on Amazon Linux 2023, Debian and Ubuntu.
    """
    from ecr_tasks.ec2.user_data import cloud_config
    from ecr_tasks.model.reference import parse_image_name
    from ecr_tasks.runner.publication import in_registry, published_to_deploy

    if not re.fullmatch(r"[1-9][0-9]{0,4}(?:s|sec|min|h|d)", every):
        raise SettingsError(f"{every[:40]!r} is no time.", "Write such as --every 5min, 1h or 1d.")
    variables = _variables(run.project, env or [], env_file)
    images = in_registry(run, published_to_deploy(run, earlier.receipt, source, image or []), registry)
    if len(images) > 1 and (name or port or variables):
        raise SettingsError(
            f"{len(images)} images would get the same name, ports or variables.",
            f"Say which one has them with --image: {', '.join(item.name for item in images)}.",
        )
    reference = parse_image_name(source).reference if source is not None else "sha256:"
    tag = None if reference.startswith("sha256:") else reference
    services = [_service(run, item, name, tag, port or [], variables) for item in images]
    text = cloud_config(services, every)
    given_data(text)
    _explain(services, len(text.encode()), registry)


def _service(
    run: Run,
    image: PublishedImage,
    name: str | None,
    tag: str | None,
    ports: Sequence[str],
    variables: dict[str, str],
) -> Service:
    from ecr_tasks.ec2.user_data import Service
    from ecr_tasks.model.ecr_host import parse_ecr_host

    place = parse_ecr_host(image.registry)
    region = place.region if place else run.registry.region()
    return Service(
        name or image.short_name,
        image.reference,
        region,
        run.registry.endpoint(region),
        f"{image.address}:{tag}" if tag else None,
        ports,
        variables,
    )


def _variables(project: Path, texts: Sequence[str], file: str | None) -> dict[str, str]:
    """Return the container's variables. Raises Refused for one that is a secret by its shape."""
    from ecr_tasks.checks.secret_values import secret_of
    from ecr_tasks.files import read_text, reading_problem
    from ecr_tasks.redaction import is_secret_variable

    lines = list(texts)
    if file is not None:
        try:
            content = read_text(project / file)
        except (OSError, ValueError) as error:
            cause = f"The file {file} can't be read: {reading_problem(error)}."
            raise SettingsError(cause, "Correct --env-file.") from error
        stripped = (line.strip("\r") for line in content.removeprefix("\ufeff").split("\n"))
        lines = [line for line in stripped if line.strip() and not line.lstrip().startswith("#")] + lines
    variables = {}
    for line in lines:
        name, equals, value = line.partition("=")
        name = name.strip()
        if not equals:
            raise SettingsError(
                f"The variable {name[:40]!r} has no value.", "Write NAME=VALUE: the host has no others."
            )
        what = secret_of(name, value)
        if what is not None or is_secret_variable(name, value):
            raise Refused(
                f"{name} is {what or 'a secret by its name or shape'}, and everybody on the host and in its "
                "account's console can read user data.",
                "Keep it in Secrets Manager or Parameter Store, and let the container read it by the host's role.",
            )
        variables[name] = value
    return variables


def _explain(services: Sequence[Service], size: int, registry: str | None) -> None:
    """Say on stderr what the host needs, and what it will do."""
    from ecr_tasks.model.ecr_host import PUBLIC_HOSTS

    if all(service.files["registry"].strip() in PUBLIC_HOSTS for service in services):
        say(f"{size} bytes of user data. The instance needs no rights: everybody may pull from ECR Public.")
    else:
        policy = "inv iam.policy --for pull" + (f" --registry {registry}" if registry else "")
        say(f"{size} bytes of user data. The instance's profile needs what `{policy}` prints.")
    for service in services:
        stays = "stays" if service.tag is None else f"follows {service.tag}"
        say(f"{service.name}: {service.image}; it {stays}.")
    if any(service.env for service in services):
        say("User data is no place for secrets: whoever is on the host, or may describe it, reads the variables.")
