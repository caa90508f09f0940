"""The formats by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.handoff import cdk, compose, ecs, env, json_document, kubernetes, lambda_function, terraform
from ecr_tasks.handoff.handoff import Extras, Format

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "env": Format(env.write, "KEY=value lines for shells, dotenv files and systemd"),
        "json": Format(json_document.write, "one document with every part of each image's name"),
        "compose": Format(compose.write, "an override file with the services' images", "the compose file"),
        "kubernetes": Format(kubernetes.write, "a kustomize component with the images"),
        "ecs": Format(ecs.write, "a task definition for register-task-definition", "the task definition"),
        "lambda": Format(lambda_function.write, "the input of update-function-code", takes_function=True),
        "terraform": Format(terraform.write, "variables for a tfvars.json file"),
        "cdk": Format(cdk.write, "context for cdk.context.json", "the context"),
    }
)


def format_of(name: str, extras: Extras) -> Format:
    """Return the format of that name. Raises SettingsError for an unknown one and for extras that it doesn't take."""
    if name not in FORMATS:
        alike = nearest(name.lower(), [*FORMATS], 0.6)
        raise SettingsError(
            f"There is no format {name[:80]!r}.",
            f"{f'Did you mean {alike}? ' if alike else ''}The formats are {', '.join(FORMATS)}.",
        )
    form = FORMATS[name]
    if extras.text is not None and not form.file:
        files = ", ".join(key for key, item in FORMATS.items() if item.file)
        raise SettingsError(f"The format {name} takes no file.", f"Leave --from out; these take one: {files}.")
    if extras.function is not None and not form.takes_function:
        raise SettingsError(f"The format {name} is for no function.", "Leave --function out; lambda takes it.")
    return form
