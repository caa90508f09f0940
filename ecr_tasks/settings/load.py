"""Load :class:`Settings` from dotenv files, the environment and Invoke's configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ecr_tasks.files import exists, is_file, unreadable_reason
from ecr_tasks.settings import precedence, public_repository
from ecr_tasks.settings.account_and_region import take_apart
from ecr_tasks.settings.application_env import refuse_applications_values
from ecr_tasks.settings.env_files import SETTING, env_files
from ecr_tasks.settings.errors import Malformed, Problems
from ecr_tasks.settings.hide_secrets import keep_secrets
from ecr_tasks.settings.parse.build_options import is_remote
from ecr_tasks.settings.parse.caches import COMPRESSED, entry_type
from ecr_tasks.settings.parse.lists import VALUE_KINDS, Allowed
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.setting import Origin, SettingValue
from ecr_tasks.settings.settings import Settings
from ecr_tasks.settings.unknown_names import foreign_names_warning

if TYPE_CHECKING:
    from ecr_tasks.settings.dotenv import DotenvFile
    from ecr_tasks.settings.invoke_files import InvokeFile


def load(
    project: Path,
    *,
    env_name: str | None = None,
    environ: Mapping[str, str],
    config: Mapping[str, object] | None = None,
    overrides: Mapping[str, str] | None = None,
    invoke_files: Sequence[InvokeFile] = (),
) -> Settings:
    """Load a project's settings from its dotenv files, ``environ``, Invoke's ``ecr.*`` and ``overrides``.

    ``env_name`` chooses ``.env.NAME``. ``invoke_files`` are the files that ``config`` comes from, the highest first:
    they tell the places. ``overrides`` are those of the local ECR: they replace all other values, and
    an empty text removes a value. Raises :class:`SettingsProblems` with all mistakes. A missing repository or region
    is not a mistake: `login` needs no repository, and a profile may have a region.
    """
    project = project.absolute()
    problems = Problems()
    chosen_files = env_files(project, env_name, environ, config or {}, problems)
    files = _read_files(chosen_files.paths, environ, problems)
    config_layer, others = precedence.config_layer(config or {}, problems, invoke_files, project)
    file_layers = [precedence.file_layer(file) for file in files]
    _report_file_in_file(file_layers, problems)
    environment_layer = precedence.environment_layer(environ)
    override_layer = precedence.override_layer(overrides or {})
    # In a file, a misspelt name is a mistake even without a value; in the environment, it counts as not set then.
    in_files = [(name, Origin("file", name, file.path, line)) for file in files for name, line in file.lines.items()]
    in_environment = [(name, value.origin) for name, value in environment_layer.items()]
    others += precedence.report_unknown([*in_files, *in_environment], problems)

    merged = precedence.merge([config_layer, *file_layers, environment_layer, override_layer])
    effective = {name: value for name, value in merged.items() if value.text}
    if not chosen_files.is_own:
        refuse_applications_values(effective, problems)
    file_variables = _variables(files)
    keep_secrets(effective, {**file_variables, **environ})
    derived, address_warnings = take_apart(effective, problems)
    merged |= derived
    effective |= derived
    fields = _parse(effective, project, problems)
    _report_contradictions(fields, effective, problems)
    alias = public_repository.alias_of(effective)
    if alias is not None:
        public_repository.report(fields, effective, problems)
        public_repository.report_mixed(alias, effective, problems)
        own = tuple(replace(item, source_alias=alias) for item in fields.get("destinations", ()))
        fields["destinations"] = own
    problems.raise_if_any()
    if not is_remote(fields["context"]):
        # Not resolve(): with links resolved, the project's files would not appear to be in the context.
        fields["context"] = os.path.normpath(project / fields["context"])
    builder = environ.get("BUILDX_BUILDER") or file_variables.get("BUILDX_BUILDER") or ""
    if "builder" not in fields and builder and not environ.get("BUILDX_BUILDER"):
        fields["builder"] = builder  # builds get the files' variables, and all other commands are to agree with them
    return Settings(
        project=project,
        env_name=env_name,
        public_alias=alias,
        **fields,
        sdk_environment=_sdk_environment(effective, fields, environ),
        values=MappingProxyType(_values(merged, [*file_layers, config_layer, override_layer])),
        files=tuple(file.path for file in files),
        other_env_files=tuple(path for path in chosen_files.relatives() if path not in chosen_files.paths),
        file_variables=MappingProxyType(file_variables),
        warnings=(
            *precedence.warnings(file_layers, environment_layer, effective),
            *precedence.builder_warning(effective.get("ECR_BUILDER"), builder),
            *address_warnings,
            *_unused_compression(fields, effective),
            *_missing_files_warnings(project, fields.get("allow_keys_in", ()), effective),
            *foreign_names_warning(others, effective),
            *(sentence for file in files for sentence in file.warnings),
        ),
    )


def _read_files(paths: Sequence[Path], environ: Mapping[str, str], problems: Problems) -> list[DotenvFile]:
    """Read dotenv files; each may refer to the variables of those before it."""
    files: list[DotenvFile] = []
    variables: dict[str, str | None] = {}
    for path in paths:
        from ecr_tasks.settings.dotenv import read_file

        files.append(read_file(path, environ, variables, problems))
        variables.update(files[-1].values)
    return files


def _variables(files: Sequence[DotenvFile]) -> dict[str, str]:
    """Return the variables of dotenv files, of which a later one counts; an empty text replaces none."""
    variables: dict[str, str] = {}
    for name, text in (item for file in files for item in file.values.items()):
        if text or (text == "" and name not in variables):
            variables[name] = text
    return variables


def _parse(effective: Mapping[str, SettingValue], project: Path, problems: Problems) -> dict[str, Any]:
    """Parse the settings that have a text or a default, and add the malformed ones to ``problems``.

    When a parser returns a path, it is a file of the project, and it must exist.
    """
    fields: dict[str, Any] = {}
    for name, setting in TABLE.items():
        value = effective.get(name) or SettingValue(setting.default)
        if not value.text:
            continue
        # The region has two names: messages use the one that the file has.
        written_name = value.origin.name if value.origin.kind == "file" else name
        if not _can_be_passed_on(value.text):
            problems.add_at(value.origin, written_name, "has a byte that is no UTF-8 text, or a NUL.")
            continue
        try:
            field = setting.parse(value.text)
        except Malformed as error:
            for message in error.messages:
                problems.add_at(value.origin, written_name, message if message.endswith("?") else f"{message}.")
            continue
        paths = [path for path in (field if isinstance(field, tuple) else (field,)) if isinstance(path, Path)]
        if paths:
            absolute = tuple(project / path for path in paths)
            field = absolute if isinstance(field, tuple) else absolute[0]
        for path in (project / path for path in paths):
            if not exists(path):
                problems.add_at(value.origin, written_name, f"names a file that isn't there: {path}.")
            elif reason := unreadable_reason(path):
                problems.add_at(value.origin, written_name, f"names a file that can't be read: {path} ({reason}).")
        fields[setting.field] = field
    return fields


def _can_be_passed_on(text: str) -> bool:
    """Return whether the text can be an argument or a path, and stand in the definition that buildx gets, as JSON."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _report_contradictions(
    fields: Mapping[str, Any], effective: Mapping[str, SettingValue], problems: Problems
) -> None:
    several = {"repository_prefix": "begins the names of several", "repository_map": "has those of several"}
    for field, what in several.items():
        if "repository" in fields and fields.get(field):
            name = f"ECR_{field.upper()}"
            problems.add_at(
                effective["ECR_REPOSITORY"].origin,
                "ECR_REPOSITORY",
                f"names one repository and {name} ({effective[name].origin}) {what}: keep one.",
            )
    platforms = fields.get("platforms", ())
    if fields.get("preset") == "lambda" and len(platforms) > 1:
        origin = effective["ECR_PLATFORMS"].origin
        problems.add_at(
            effective["ECR_PRESET"].origin,
            "ECR_PRESET",
            f"can't be lambda with {len(platforms)} platforms (ECR_PLATFORMS: {origin}): Lambda takes an "
            "image for one platform.",
        )


def _unused_compression(fields: Mapping[str, Any], effective: Mapping[str, SettingValue]) -> Iterator[str]:
    """Yield a warning about ECR_CACHE_COMPRESSION where no cache is written that it is for."""
    written = fields["cache_to"] if fields.get("cache_to") is not None else fields.get("cache", ())
    if fields.get("cache_compression") is not None and not {*map(entry_type, written)} & {*COMPRESSED}:
        why = (
            f"is of the type {' or '.join(COMPRESSED)}, and BuildKit compresses others in its own way"
            if written
            else "stands in ECR_CACHE or ECR_CACHE_TO"
        )
        origin = effective["ECR_CACHE_COMPRESSION"].origin
        yield f"ECR_CACHE_COMPRESSION ({origin}) compresses nothing: no cache that is written {why}."


def _report_file_in_file(layers: Sequence[precedence.Layer], problems: Problems) -> None:
    for value in (layer[SETTING] for layer in layers if SETTING in layer):
        message = "chooses the dotenv file, so it can't stand in one: set it in the environment, or "
        problems.add_at(value.origin, SETTING, f"{message}env_file below ecr: in invoke.yaml.")


def _missing_files_warnings(
    project: Path, allowed: Sequence[Allowed], effective: Mapping[str, SettingValue]
) -> Iterator[str]:
    """Yield a sentence for each file of ECR_ALLOW_KEYS_IN that isn't there: its name may have changed."""
    setting = "ECR_ALLOW_KEYS_IN"
    for name, *_ in allowed:
        if not name.startswith(VALUE_KINDS) and not is_file(project / name):
            yield f"{setting} ({effective[setting].origin}) names a file that isn't there: {name}."


def _values(merged: Mapping[str, SettingValue], layers: Sequence[precedence.Layer]) -> dict[str, SettingValue]:
    """Return the text and origin of every setting, and of the other AWS_… names in ``layers``.

    The environment is not among ``layers``: its other AWS_… names are only for the SDK.
    """
    values = {name: SettingValue(setting.default) for name, setting in TABLE.items()}
    others = sorted({name for layer in layers for name in layer if name.startswith("AWS_")} - set(TABLE))
    values.update((name, SettingValue("")) for name in others)
    for name, value in merged.items():
        if name in values:
            # When an override removes a value, the default applies.
            values[name] = SettingValue(value.text or values[name].text, value.origin)
    return values


def _sdk_environment(
    effective: Mapping[str, SettingValue], fields: Mapping[str, Any], environ: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the variables whose values must be others for the SDK than in ``environ``; an empty text hides one."""
    variables = {name: value.text for name, value in effective.items() if name.startswith("AWS_")}
    if "region" in fields:
        # botocore reads only AWS_DEFAULT_REGION, other SDKs read only AWS_REGION: both are set.
        variables.update(dict.fromkeys(precedence.REGIONS, fields["region"]))
    if "account_id" in fields:
        variables["AWS_ACCOUNT_ID"] = fields["account_id"]
    # The SDK would look up an exported empty AWS_PROFILE in ~/.aws/config, so empty variables are hidden as well.
    hidden = {name: "" for name in environ if name.startswith("AWS_") and name not in variables}
    # Values from the environment need not be set again; values that override it are set even if they are equal.
    exported = {
        name: text
        for name, text in variables.items()
        if environ.get(name) != text or effective[name].origin.kind != "environment"
    }
    return MappingProxyType({**exported, **hidden})
