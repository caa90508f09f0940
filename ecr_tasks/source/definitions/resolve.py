"""Resolve a project's bake or compose files to the definitions of its images, as they are built.

There is one way to read them: plan, build, commands and inputs use its result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BakeFile, BakeTarget, BuildDefinition
from ecr_tasks.model.option_fields import join_fields, split_fields
from ecr_tasks.settings.parse.build_options import is_folder, is_remote, referenced_variables
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.definitions.bake_keys import unused_keys
from ecr_tasks.source.definitions.compose import (
    Service,
    active_profiles,
    compose_env_files,
    compose_variables,
    read_services,
)
from ecr_tasks.source.definitions.compose_model import is_empty
from ecr_tasks.source.definitions.files import DefinitionFiles

LINK = "target:"
"""The prefix of a named context that is another target."""

_EXPORTER_OPTIONS = ("compression", "compression-level", "force-compression", "rewrite-timestamp")
"""The options of an exporter that decide the image's content, and that every exporter of images has."""

_IMAGE_EXPORTERS = ("image", "registry", "docker", "oci")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_COMMENT = re.compile(r"^\s*(?:#|//).*")

_OURS = {
    *("type", "push", "name", "dest", "tar", "oci-mediatypes", "push-by-digest", "unpack", "store"),
    *("name-canonical", "context", "dangling-name-prefix"),
}
"""The options that we decide: where the result goes, its names, and OCI's media types, which annotations need."""


@dataclass(frozen=True)
class Definitions:
    """The images that a project's files define, by the targets' names.

    ``targets`` are the definitions, complete with those that they link to, all paths absolute; ``tags`` what the
    files call the images. ``warnings`` say what else the files want and does not happen.
    """

    targets: Mapping[str, BuildDefinition]
    tags: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...]
    files: DefinitionFiles


ReadTargets = Callable[[Sequence[str], Path, Mapping[str, str]], BakeFile]
"""Reads bake or compose files in a folder with an environment (ports.Docker.targets)."""


def resolve(
    files: DefinitionFiles, settings: Settings, environ: Mapping[str, str], read_targets: ReadTargets
) -> Definitions:
    """Return the images that bake or compose files define.

    The files get the variables of the dotenv files, as the settings do: ``${VERSION}`` means the same in both. Raises
    SettingsError when the files define no image, BuildError when buildx can't read them.
    """
    variables, env_files = _variables(files, settings, environ)
    services: Mapping[str, Service] = {}
    included: tuple[Path, ...] = ()
    secret_variables: Mapping[str, str] = {}
    names = _names(files)
    if files.compose:  # before bake, which would wait for a file that is a pipe
        services, reader = read_services(files.compose, files.folder, variables)
        included = tuple(dict.fromkeys([*env_files, *reader.files]))
        secret_variables = {name: text for name, text in reader.environ.items() if name not in environ}
    bake_file = read_targets(names, files.folder, variables)
    targets = {
        name: _target(target, services.get(name), files.folder, secret_variables)
        for name, target in bake_file.targets.items()
    }
    profiles, warnings = active_profiles(variables), []
    if files.unread:
        unread = ", ".join(path.name for path in files.unread)
        warnings.append(
            f"{files.names} alone says what to publish; {unread} is not read unless ECR_BAKE_FILE names it."
        )
    published = []
    for name in _in_files_order(bake_file.default, files, services):
        service, target = services.get(name), targets[name]
        if service is not None and not service.is_active(profiles):
            continue
        reason = _no_image(target)
        if reason:
            warnings.append(f"{files.names}: {name} makes no image ({reason}), so it is not published.")
        else:
            published.append(name)
    if not published:
        raise _nothing_published(files, bake_file, warnings)
    shown = {key for target in bake_file.targets.values() for key in target.definition.extra}
    for path in files.paths:
        text = "" if path in files.compose else read_text(path, errors="replace")
        warnings += [f"{path.name}: {clause}, and does nothing." for clause in unused_keys(text, shown)]
    linked = _linked(targets, published)
    for name in linked:
        unused = ", ".join(_unused(targets[name], services.get(name)))
        warnings += [f"{files.names}: {name}'s {unused} does nothing here."] if unused else []
    return Definitions(
        {name: _with_links(name, targets, ()) for name in published},
        {name: targets[name].tags for name in published},
        tuple(warnings),
        replace(files, included=included),
    )


def _in_files_order(names: Sequence[str], files: DefinitionFiles, services: Iterable[str]) -> list[str]:
    """Return names in the order of compose's services, then in that in which bake's files first have them: bake
    sorts them by the alphabet.

    What a file doesn't name, as the targets of a matrix, comes last.
    """
    paths = (path for path in files.paths if path not in files.compose)
    lines = (line for path in paths for line in read_text(path, errors="replace").splitlines())
    words = [*services, *(word for line in lines for word in _NAME.findall(_COMMENT.sub("", line)))]
    first = {word: place for place, word in reversed(list(enumerate(words)))}
    return sorted(names, key=lambda name: first.get(name, len(words)))


def group_members(
    files: DefinitionFiles, settings: Settings, environ: Mapping[str, str], read_group: ReadTargets
) -> tuple[str, ...]:
    """Return the targets of a group of bake files, which ``read_group`` reads; those of groups in it included."""
    variables, _ = _variables(files, settings, environ)
    return read_group(_names(files), files.folder, variables).default


def _variables(
    files: DefinitionFiles, settings: Settings, environ: Mapping[str, str]
) -> tuple[Mapping[str, str], Sequence[Path]]:
    """Return the variables that files are read with, and the dotenv files of compose that some come from."""
    variables = {**environ, **settings.missing_variables(environ)}
    if not files.compose:
        return variables, ()
    env_files = compose_env_files(files.folder, variables)
    return {**compose_variables(files.compose, env_files, files.folder), **variables}, env_files


def _names(files: DefinitionFiles) -> list[str]:
    """Return the files' paths as bake takes them, from the folder in which it reads them."""
    paths = [path for path in files.paths if path not in files.compose or not is_empty(path)]
    return [os.path.relpath(path, files.folder) for path in paths or files.paths]


def _nothing_published(files: DefinitionFiles, bake_file: BakeFile, warnings: Sequence[str]) -> SettingsError:
    if warnings:
        return SettingsError(
            " ".join(warnings),
            "Name targets that make images in its group default, or in that of one more file "
            "(ECR_BAKE_FILE=FILE,MORE.hcl): the last file's counts.",
        )
    if not bake_file.default:
        kind = "service with a build section" if files.compose else "target in its default group"
        return SettingsError(
            f"{files.names} has no {kind}, so there is nothing to publish.",
            "Add one, or correct ECR_BAKE_FILE.",
        )
    return SettingsError(
        f"Every service of {files.names} that has a build section belongs to a profile that is not active.",
        "Set COMPOSE_PROFILES to the profiles to publish.",
    )


def _target(target: BakeTarget, service: Service | None, folder: Path, variables: Mapping[str, str]) -> BakeTarget:
    """Return a target with absolute paths, the options of its exporter, and what compose says of it.

    ``variables`` are those of dotenv files that its secrets may be read from.
    """
    definition = _absolute(target.definition, folder)
    attributes = [output for output in target.outputs if output.get("type", "image") in _IMAGE_EXPORTERS]
    exporter = {key: value for output in attributes for key, value in output.items() if key in _EXPORTER_OPTIONS}
    annotations = {
        _annotation_key(key): value
        for output in attributes
        for key, value in output.items()
        if key.startswith("annotation")
    }
    definition = replace(
        definition,
        exporter=tuple(f"{key}={value}" for key, value in exporter.items()),
        annotations={**annotations, **definition.annotations},
        variables={name: variables[name] for name in referenced_variables((), definition.secrets) & variables.keys()},
    )
    return replace(target, definition=_with_service(definition, service) if service else definition)


def _annotation_key(key: str) -> str:
    """Return an exporter's ``annotation-index.NAME`` as the key ``index:NAME`` of an annotation; exporter and option
    write the level differently (BuildKit, exporter/containerimage/exptypes)."""
    level, _, name = key.partition(".")
    level = level.removeprefix("annotation").removeprefix("-")
    return f"{level}:{name}" if level else name


def _with_service(definition: BuildDefinition, service: Service) -> BuildDefinition:
    args = {name: value for name, value in {**definition.args, **service.args}.items() if value is not None}
    extra = dict(definition.extra)
    entitlements = dict.fromkeys([*extra.get("entitlements", ()), *service.entitlements])
    filters = dict.fromkeys([*extra.get("no-cache-filter", ()), *service.no_cache_filter])
    extra |= {"entitlements": list(entitlements)} if entitlements else {}
    extra |= {"no-cache-filter": list(filters)} if filters else {}
    return replace(
        definition,
        platforms=definition.platforms or ((service.platform,) if service.platform else ()),
        args=args,
        secrets=tuple(_with_id(secret, service.secret_ids) for secret in definition.secrets),
        extra=extra,
    )


def _with_id(secret: str, ids: Mapping[str, str]) -> str:
    fields = split_fields(secret)
    name = fields.get("id", "")
    return join_fields({**fields, "id": ids[name]}) if name in ids else secret


def _absolute(definition: BuildDefinition, folder: Path) -> BuildDefinition:
    """Return a definition with the paths that bake counts from ``folder`` made absolute.

    A Dockerfile's path counts from the context.
    """

    def absolute(path: str) -> str:
        return os.path.normpath(folder / path.removeprefix("cwd://"))

    def entry(text: str, *keys: str) -> str:
        fields = split_fields(text)
        paths = {key: absolute(value) for key, value in fields.items() if key in keys and value}
        return join_fields({**fields, **paths}) if paths else text

    def cache(text: str) -> str:
        return entry(text, "src", "dest") if split_fields(text).get("type") == "local" else text

    def named(value: str) -> str:
        if layout := value.partition("oci-layout://")[2]:
            path, mark, rest = _layout(layout)
            return f"oci-layout://{absolute(path)}{mark}{rest}"
        return absolute(value) if is_folder(value) else value

    def ssh(text: str) -> str:
        name, _, paths = text.partition("=")
        return f"{name}={','.join(map(absolute, paths.split(',')))}" if paths else text

    dockerfile = definition.dockerfile
    return replace(
        definition,
        context=definition.context if is_remote(definition.context) else absolute(definition.context),
        dockerfile=absolute(dockerfile) if dockerfile and dockerfile.startswith("cwd://") else dockerfile,
        contexts={name: named(value) for name, value in definition.contexts.items()},
        secrets=tuple(
            secret if split_fields(secret).get("type") == "env" else entry(secret, "src", "source")
            for secret in definition.secrets
        ),
        ssh=tuple(map(ssh, definition.ssh)),
        cache_from=tuple(map(cache, definition.cache_from)),
        cache_to=tuple(map(cache, definition.cache_to)),
    )


def _layout(text: str) -> tuple[str, str, str]:
    """Return the path, the separator and the tag or digest of what follows ``oci-layout://``."""
    if "@" in text:
        return text.partition("@")
    head, colon, tag = text.rpartition(":")
    return (head, colon, tag) if colon and "/" not in tag else (text, "", "")


def _links(definition: BuildDefinition) -> Iterator[str]:
    yield from (value.removeprefix(LINK) for value in definition.contexts.values() if value.startswith(LINK))


def _linked(targets: Mapping[str, BakeTarget], names: Sequence[str]) -> list[str]:
    """Return the targets and all that they link to, each once."""
    found = list(names)
    for name in found:
        found += [link for link in _links(targets[name].definition) if link not in found]
    return found


def _with_links(name: str, targets: Mapping[str, BakeTarget], path: tuple[str, ...]) -> BuildDefinition:
    """Return a target's definition with those that it links to. Raises SettingsError for one that isn't there."""
    definition = targets[name].definition
    for link in _links(definition):
        if link not in targets or link in (*path, name):
            raise SettingsError(f"{name} is built from the target {link}, which can't be.", "Correct its contexts.")
    linked = {link: _with_links(link, targets, (*path, name)) for link in _links(definition)}
    return replace(definition, linked=linked)


def _no_image(target: BakeTarget) -> str | None:
    """Return why a target makes no image; None if it makes one."""
    if target.call != "build":
        return f"call = {target.call}"
    types = [output.get("type", "image") for output in target.outputs]
    return f"output type={types[0]}" if types and not set(types) & set(_IMAGE_EXPORTERS) else None


def _unused(target: BakeTarget, service: Service | None) -> Iterator[str]:
    """Yield what a target says and does not happen, in words."""
    for output in target.outputs:
        kind = output.get("type", "image")
        if kind not in _IMAGE_EXPORTERS:
            if kind != "cacheonly":
                yield f"output type={kind}"
            continue
        if kind in ("oci", "docker") and output.get("dest"):
            yield f"output type={kind},dest={output['dest']}"
        if output.get("oci-mediatypes") == "false":
            yield "output oci-mediatypes=false"
        for key in output:
            if key not in _OURS and key not in _EXPORTER_OPTIONS and not key.startswith("annotation"):
                yield f"output option {key}"
    yield from service.dropped if service else ()
