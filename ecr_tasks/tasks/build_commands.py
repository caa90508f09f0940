"""The shell commands that build and push one image: `buildx build` or `bake`, or those of ECR_CLIENT."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.clients.docker.bake import bake_document, output, serialize
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.plan.other_client import DOCKER, build_words, tls_options
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.redaction import HIDDEN, is_hidden_argument, redact_document
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE, is_remote, is_remote_file, referenced_variables
from ecr_tasks.settings.settings import Settings
from ecr_tasks.tasks.shell import quoted

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


def required_variables(plan: Plan, settings: Settings) -> list[str]:
    """Return a line for each variable that the shell must have: one that a secret is read from, in a dotenv file, or
    a build argument whose value may be secret.
    """
    definitions = [item for planned in plan.images for item in planned.image.definition.with_links()]
    names = referenced_variables((), [secret for item in definitions for secret in item.secrets])
    known = {*settings.missing_variables(os.environ), *(name for item in definitions for name in item.variables)}
    missing = sorted(names & known)
    arguments = sorted({name for item in definitions for name in item.args if _is_by_reference(item, name)})
    return [
        *(f': "${{{name}:?export it first: a build secret is read from it}}"' for name in missing),
        *(f': "${{{name}:?export it first: it is a build argument}}"' for name in arguments),
    ]


def build_and_push(item: PlannedImage, host: str, settings: Settings) -> list[str]:
    """Return the commands that build one image and push its tags; ``host`` is the registry's."""
    references = tuple(f"{host}/{item.image.repository}:{tag.tag.name}" for tag in item.tags if not tag.stays)
    definition, pushes = item.image.definition, item.keep == "builder"
    build_input = BuildInput(item.image.name, definition, references, item.keep, push=pushes)
    if (client := settings.client) != DOCKER:
        arguments = [_argument(definition, name) for name in definition.args]
        pushes_of = ([client, "push", *tls_options(reference, client), reference] for reference in references)
        return [quoted([client, *build_words(build_input, "", client, arguments)]), *map(quoted, pushes_of)]
    builder = ["--builder", settings.builder] if settings.builder else []
    if _needs_bake(definition):
        command = _bake(build_input, builder, settings.project)
    else:
        tags = [word for reference in references for word in ("--tag", reference)]
        words = [*_options(definition), *tags, "--output", output(build_input), definition.context]
        command = quoted(["docker", "buildx", "build", *builder, *words])
    pushed = [] if pushes else [shlex.join(["docker", "push", reference]) for reference in references]
    return [command, *pushed]


def _is_by_reference(definition: BuildDefinition, name: str) -> bool:
    """Return whether the commands have a build argument without its value, which the shell's variable gives."""
    return name.isidentifier() and is_hidden_argument(name, definition.args[name])


def _argument(definition: BuildDefinition, name: str) -> str:
    """Return a build argument as `--build-arg` takes it; a name alone takes its value from the environment."""
    if _is_by_reference(definition, name):
        return name
    value = definition.args[name]
    return f"{name}={HIDDEN if is_hidden_argument(name, value) else value}"


def _needs_bake(definition: BuildDefinition) -> bool:
    """Return whether `buildx build` can't express a definition: a linked target, an inline Dockerfile."""
    return bool(definition.linked) or any(key not in _FLAGS for key in definition.extra)


def _bake(build_input: BuildInput, builder: Sequence[str], project: Path) -> str:
    """Return a `buildx bake` command with its definition as a here document, which the shell doesn't expand."""
    document, overrides = bake_document([build_input]), []
    for target, options in document["target"].items():
        arguments = options.get("args", {})
        for name in [name for name, value in arguments.items() if is_hidden_argument(name, value)]:
            arguments[name] = HIDDEN
            if name.isidentifier():  # bake takes the value from the environment
                overrides += ["--set", f"{target}.args.{name}"]
                del arguments[name]
    allow = [word for name in build_input.definition.entitlements for word in ("--allow", name)]
    command = shlex.join(["docker", "buildx", "bake", *builder, *allow, *overrides, "--file", "-"])
    # bake asks about every path outside the working directory (docs.docker.com/build/bake/reference, entitlements).
    reaches_out = any(
        not is_remote(item.context) and not Path(item.context).is_relative_to(project)
        for item in build_input.definition.with_links()
    )
    prefix = "BUILDX_BAKE_ENTITLEMENTS_FS=0 " if reaches_out else ""
    text = serialize(redact_document(document)).replace("##", "\\u0023#")
    return f"{prefix}{command} <<'END'\n{text}\nEND"


def _options(definition: BuildDefinition) -> list[str]:
    options = {
        "--file": _dockerfile(definition),
        "--target": [definition.target] if definition.target else [],
        "--platform": [",".join(definition.platforms)] if definition.platforms else [],
        "--build-arg": [_argument(definition, name) for name in definition.args],
        "--build-context": _pairs(definition.all_contexts),
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
    return [name if is_remote(definition.context) or is_remote_file(name) else str(Path(definition.context, name))]


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]
