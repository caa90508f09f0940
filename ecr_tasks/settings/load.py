"""From files, environment and Invoke configuration to :class:`Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecr_tasks.settings import dotenv as files
from ecr_tasks.settings import precedence as layers
from ecr_tasks.settings.errors import Malformed, Problems
from ecr_tasks.settings.origin import DEFAULT, Origin, SettingValue
from ecr_tasks.settings.parse import build_options as buildx
from ecr_tasks.settings.schema import TABLE, spec_of
from ecr_tasks.settings.settings import Settings, is_remote
from ecr_tasks.settings.warnings import warnings


def load(
    project: Path,
    *,
    env_name: str | None = None,
    environ: Mapping[str, str],
    config: Mapping[str, object] | None = None,
    overrides: Mapping[str, str] | None = None,
    overrides_origin: str = "local ECR",
) -> Settings:
    """Read a project's settings from its dotenv files, ``environ``, Invoke's ``ecr.*`` and overrides.

    ``env_name`` chooses ``.env.NAME``. ``overrides`` beat everything; an empty text there takes a value away.
    ``overrides_origin`` says in words who overrides. Raises :class:`SettingsProblems` with everything that is
    wrong. A missing repository or region isn't: `login` needs no repository, and a profile has a region.
    """
    project = project.absolute()
    problems = Problems()
    read: list[files.DotenvFile] = []
    variables: dict[str, str | None] = {}
    for path in files.find(project, env_name, problems):
        file = files.read(path, environ, variables, problems)
        variables.update(file.values)
        read.append(file)

    configured = layers.from_config(config or {}, problems)
    from_files = [layers.from_file(file) for file in read]
    environment = layers.from_environment(environ)
    overriding = layers.from_overrides(overrides or {}, overrides_origin)
    for file in read:
        # An empty or bare unknown name in a file is a misspelling too; in the environment it is not set.
        origins = {
            name: Origin("file", name, file.path, line) for name, line in file.lines.items() if layers.is_ours(name)
        }
        layers.report_unknown(origins, problems)
    layers.report_unknown({name: given.origin for name, given in environment.items()}, problems)
    layers.report_unknown({name: given.origin for name, given in overriding.items()}, problems)

    merged = layers.merge([configured, *from_files, environment, overriding])
    given = {name: value for name, value in merged.items() if value.text}
    parsed = _parse(given, problems)
    values = _values(merged, [*from_files, configured, overriding])
    fields = _fields(project, parsed, given, problems)
    problems.raise_if_any()
    return Settings(
        project=project,
        env_name=env_name,
        **fields,
        sdk_environment=_sdk_environment(given, parsed, environ),
        child_environment=_child_environment(fields, variables, environ),
        values=MappingProxyType(values),
        files=tuple(file.path for file in read),
        warnings=warnings(from_files, environment, given),
    )


def _parse(given: Mapping[str, layers.Given], problems: Problems) -> dict[str, Any]:
    """The value of every setting: parsed, or its default, or None."""
    parsed: dict[str, Any] = {}
    for spec in TABLE.values():
        value = given.get(spec.name)
        text = value.text if value else spec.default
        try:
            parsed[spec.name] = spec.parse(text) if text is not None else None
        except Malformed as error:
            parsed[spec.name] = None
            origin = value.origin if value else DEFAULT
            # Of the two names for the region, the one that was written.
            name = origin.name if origin.kind == "file" else spec.name
            for message in error.messages:
                problems.at(origin, name, message if message.endswith("?") else f"{message}.")
    return parsed


def _fields(
    project: Path, parsed: Mapping[str, Any], given: Mapping[str, layers.Given], problems: Problems
) -> dict[str, Any]:
    _contradictions(parsed, given, problems)
    context = parsed["ECR_CONTEXT"] or "."
    # Not resolve(): behind a link, the context must still be seen to hold the project's files.
    folder = context if is_remote(context) else os.path.normpath(project / context)
    lifecycle = parsed["ECR_LIFECYCLE_POLICY"]
    if lifecycle not in ("default", "off"):
        lifecycle = _file("ECR_LIFECYCLE_POLICY", project, parsed, given, problems)
    return {
        "region": parsed["AWS_REGION"],
        "account_id": parsed["AWS_ACCOUNT_ID"],
        "role_arn": parsed["ECR_ROLE_ARN"],
        "repository": parsed["ECR_REPOSITORY"],
        "repository_prefix": parsed["ECR_REPOSITORY_PREFIX"],
        "bake_file": _file("ECR_BAKE_FILE", project, parsed, given, problems),
        "context": folder,
        "dockerfile": parsed["ECR_DOCKERFILE"],
        "target": parsed["ECR_TARGET"],
        "platforms": parsed["ECR_PLATFORMS"] or (),
        "build_args": parsed["ECR_BUILD_ARGS"] or (),
        "build_contexts": parsed["ECR_BUILD_CONTEXTS"] or (),
        "secrets": parsed["ECR_SECRETS"] or (),
        "ssh": parsed["ECR_SSH"] or (),
        "labels": parsed["ECR_LABELS"] or MappingProxyType({}),
        "annotations": parsed["ECR_ANNOTATIONS"] or MappingProxyType({}),
        "tags": parsed["ECR_TAGS"],
        "flavor": parsed["ECR_FLAVOR"],
        "cache": parsed["ECR_CACHE"],
        "builder": parsed["ECR_BUILDER"],
        "preset": parsed["ECR_PRESET"],
        "create_repository": parsed["ECR_CREATE_REPOSITORY"],
        "mutability": parsed["ECR_MUTABILITY"],
        "lifecycle_policy": lifecycle,
        "repository_policy": _file("ECR_REPOSITORY_POLICY", project, parsed, given, problems),
        "kms_key": parsed["ECR_KMS_KEY"],
        "repository_tags": parsed["ECR_REPOSITORY_TAGS"] or MappingProxyType({}),
        "destinations": parsed["ECR_DESTINATIONS"] or (),
        "dirty": parsed["ECR_DIRTY"],
        "scan_fail_on": parsed["ECR_SCAN_FAIL_ON"],
        "skip": parsed["ECR_SKIP"],
        "debug": parsed["ECR_DEBUG"],
    }


def _file(
    name: str, project: Path, parsed: Mapping[str, Any], given: Mapping[str, layers.Given], problems: Problems
) -> Path | None:
    """The file that a setting names, relative to the project; one that isn't there is a problem."""
    path = project / parsed[name] if parsed[name] else None
    if path is not None and not path.is_file():
        problems.at(given[name].origin, name, f"names a file that isn't there: {path}.")
    return path


def _contradictions(parsed: Mapping[str, Any], given: Mapping[str, layers.Given], problems: Problems) -> None:
    if parsed["ECR_REPOSITORY"] and parsed["ECR_REPOSITORY_PREFIX"]:
        prefix = given["ECR_REPOSITORY_PREFIX"].origin
        problems.at(
            given["ECR_REPOSITORY"].origin,
            "ECR_REPOSITORY",
            f"names one repository and ECR_REPOSITORY_PREFIX ({prefix}) begins the names of several: keep one.",
        )
    platforms = parsed["ECR_PLATFORMS"] or ()
    if parsed["ECR_PRESET"] == "lambda" and len(platforms) > 1:
        origin = given["ECR_PLATFORMS"].origin
        problems.at(
            given["ECR_PRESET"].origin,
            "ECR_PRESET",
            f"can't be lambda with {len(platforms)} platforms (ECR_PLATFORMS: {origin}): Lambda takes an "
            "image for one platform.",
        )


def _values(merged: Mapping[str, layers.Given], shown: list[layers.Layer]) -> dict[str, SettingValue]:
    """Every name of the table, and the AWS_… names that files, configuration and overrides add to it.

    The environment's other AWS_… names are the SDK's business and not listed.
    """
    more = sorted({name for layer in shown for name in layer} - set(TABLE))
    values = {}
    for name in (*TABLE, *more):
        spec, given = spec_of(name), merged.get(name)
        origin = given.origin if given else DEFAULT
        text = (given.text if given else spec.default) or None
        values[name] = SettingValue(name, text, origin, spec.secret)
    return values


def _sdk_environment(
    given: Mapping[str, layers.Given], parsed: Mapping[str, Any], environ: Mapping[str, str]
) -> Mapping[str, str]:
    """What the SDK must see differently from ``environ``; empty text for what it must not see at all."""
    wanted = {name: value.text for name, value in given.items() if name.startswith("AWS_")}
    if parsed["AWS_REGION"]:
        # botocore reads only AWS_DEFAULT_REGION, other SDKs only AWS_REGION: the one region is both.
        wanted.update(dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), parsed["AWS_REGION"]))
    if parsed["AWS_ACCOUNT_ID"]:
        wanted["AWS_ACCOUNT_ID"] = parsed["AWS_ACCOUNT_ID"]
    # An exported empty AWS_PROFILE would be looked for in ~/.aws/config, so empty ones are hidden as well.
    hidden = {name: "" for name in environ if name.startswith("AWS_") and name not in wanted}
    # What the environment says is there already; what beats it is said even where both agree.
    exported = {
        name: text
        for name, text in wanted.items()
        if environ.get(name) != text or given[name].origin.kind != "environment"
    }
    return MappingProxyType({**exported, **hidden})


def _child_environment(
    fields: Mapping[str, Any], variables: Mapping[str, str | None], environ: Mapping[str, str]
) -> Mapping[str, str]:
    """The files' values of exactly those variables that build arguments and secrets refer to.

    What the environment sets stays as it is there: it beats the files, and a child inherits it.
    """
    names = buildx.references(fields["build_args"], fields["secrets"])
    found = ((name, variables.get(name)) for name in sorted(names) if not environ.get(name))
    return MappingProxyType({name: text for name, text in found if text})
