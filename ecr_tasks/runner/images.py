"""List the images of the project, from settings, source and a bake or compose file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from platform import machine
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import begin
from ecr_tasks.console import say, warn, warn_once
from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.model.image import NOTHING_FRESH, BuildDefinition, Fresh, Image
from ecr_tasks.model.manifest import SETTINGS
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.model.platform import parse_platform
from ecr_tasks.model.reference import ImageName
from ecr_tasks.redaction import keep_build_arguments, keep_public, keep_secret, keep_secret_file
from ecr_tasks.source.unchanged import Unchanged

if TYPE_CHECKING:
    from pathlib import Path

    from ecr_tasks.model.image import BakeFile
    from ecr_tasks.plan.image_choice import Members
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.bases_lock import Lock
    from ecr_tasks.source.definitions.resolve import Definitions
    from ecr_tasks.source.source_state import SourceState

_GROUP = "[A-Za-z0-9_][A-Za-z0-9_-]*"
"""The name of a group as bake takes it; another word could be one of its flags, or the address of a definition."""

_SECRET_BYTES = 500 * 1024
"""The size of the largest secret that BuildKit takes (session/secrets/secretsprovider)."""


def planned_images(
    run: Run,
    fresh: Fresh = NOTHING_FRESH,
    choice: Sequence[str] = (),
    meanwhile: Callable[[], object] | None = None,
) -> tuple[Image, ...]:
    """Return the images to publish with their definitions and tags; with ECR_SKIP=content also with their inputs.

    ``choice`` are names, groups and patterns of some of them (default: all).

    ``fresh`` is what their builds take anew. A thread does ``meanwhile`` what can be done while bake reads the
    definitions. Raises SettingsError and Refused (ECR_DIRTY=refuse).
    """
    from ecr_tasks.model.wording import name_paths, name_some
    from ecr_tasks.plan.image_choice import chosen_names
    from ecr_tasks.plan.images import images, unset_secrets, unset_tags
    from ecr_tasks.source.bases_lock import read_lock

    definitions = _definitions(run, meanwhile)
    ignored: dict[str, None] = {}
    outside: dict[str, None] = {}
    rewritten: dict[str, None] = {}
    unlike_clone = frozenset(run.source.rewritten)

    def seen_by(definition: BuildDefinition) -> SourceState:
        source = _seen_by(run, [definition], definitions)
        ignored.update(dict.fromkeys(source.ignored))
        rewritten.update(dict.fromkeys(unlike_clone.intersection(source.changes)))
        outside.update(dict.fromkeys(source.outside))
        return source

    targets = definitions.targets if definitions else None
    all_images = images(
        run.settings,
        run.source,
        os.environ,
        targets,
        choose=lambda names: chosen_names(names, choice, members_of(run)),
        seen_by=seen_by,
        local_platform=lambda: run.engine().platform,
    )
    _warn_of_map(run, definitions)
    variables = {**os.environ, **run.settings.missing_variables(os.environ)}
    for item in all_images:
        keep_public(item.repository, *(tag.name for tag in item.tags))
        for definition in item.definition.with_links():
            keep_build_arguments(definition.args)
            _keep_build_secrets(definition, run.project, variables)
            keep_public(definition.labels.get(SETTINGS, ""))
    for text in unset_secrets(all_images, variables):
        warn(text)
    if ignored:
        say(f"Uncommitted, and left out of account by ECR_DIRTY_IGNORE: {name_some(tuple(ignored))}")
    if rewritten:
        warn(
            f"git calls {name_paths(sorted(rewritten))} unchanged, and a clone has other bytes there: .gitattributes "
            "has line ends or a filter for it. Remove such files and check them out (`git checkout -- FILE`), keep "
            "them out (.dockerignore), or name them in ECR_DIRTY_IGNORE."
        )
    for folder in outside:
        warn(
            f"The build reads {os.path.relpath(folder, run.project)}, which is outside of the repository: no commit "
            "says what is in it. When it changes, only `push --republish` builds a published commit again."
        )
    if definitions:
        for text in definitions.warnings:
            warn(text)
        if unset := unset_tags(all_images, definitions.tags):
            say(f"ECR_TAGS decides the tags; those of {definitions.files.names} are not set: {', '.join(unset)}")
    lock = None if fresh.pull else read_lock(run.project)
    builder = cache(partial(builder_platform, run))
    if definitions and any(definitions.tags.values()):
        _warn_of_unlinked_bases(definitions, builder)
    all_images = tuple(_with_bases(image, lock, fresh, builder) for image in all_images)
    return _with_inputs(run, all_images) if run.settings.skip == "content" else all_images


def _warn_of_map(run: Run, definitions: Definitions | None) -> None:
    from ecr_tasks.model.wording import name_some
    from ecr_tasks.plan.repository_names import unused_entries

    if definitions and (unused := unused_entries(run.settings, definitions.targets)):
        origin = run.settings.origin("ECR_REPOSITORY_MAP")
        warn_once(f"ECR_REPOSITORY_MAP ({origin}) names {name_some(unused)}, and no image of this run has that name.")


def _warn_of_unlinked_bases(definitions: Definitions, builder: Callable[[], str]) -> None:
    from ecr_tasks.source.bases import unlinked_bases

    for name, base, maker in dict.fromkeys(unlinked_bases(definitions.targets, definitions.tags, builder)):
        link = f'contexts = {{ "{base}" = "target:{maker}" }}'
        if definitions.files.compose:
            link = f"additional_contexts: {{ {base}: service:{maker} }}"
        warn_once(
            f"{name} is built on {base}, which {definitions.files.names} calls the image of {maker}, and is not "
            f"linked to it: the build takes what the engine or a registry has under that name. Link it: {link}."
        )


def _with_bases(image: Image, lock: Lock | None, fresh: Fresh, builder: Callable[[], str]) -> Image:
    """Return an image on the locked base images, with annotations of the one that it stands on.

    With --pull they are taken as they are now, and known when it is built.
    """
    from ecr_tasks.source.bases import with_base_annotations, with_locked_bases

    definition = fresh.applied_to(image.definition)
    if lock is not None:
        definition = with_locked_bases(definition, lock, image.name, builder)
    return replace(image, definition=with_base_annotations(definition, builder))


def unchanged(run: Run) -> Unchanged:
    """Return what compares the run's commit with others."""
    return Unchanged(run.source, run.project, os.environ, cache(partial(builder_platform, run)))


def builder_platform(run: Run) -> str:
    """Return the platform that a build without one is for: the builder's, or this machine's if no engine tells."""
    try:
        return run.engine().platform
    except EcrTasksError:
        return parse_platform(machine()) or "linux/amd64"


def _keep_build_secrets(definition: BuildDefinition, project: Path, variables: Mapping[str, str]) -> None:
    """Tell the redaction the values of a definition's secrets: a step that fails may have printed one."""
    from ecr_tasks.files import read_text
    from ecr_tasks.settings.errors import Malformed
    from ecr_tasks.settings.parse.build_options import referenced_variables

    with suppress(Malformed):  # which buildx says better
        keep_secret(*(variables.get(name, "") for name in referenced_variables((), definition.secrets)))
    for secret in definition.secrets:
        fields = split_fields(secret)
        path = fields.get("src") or fields.get("source")
        if path and fields.get("type") != "env":
            with suppress(OSError, ValueError):
                keep_secret_file(read_text(project / path, errors="replace", limit=_SECRET_BYTES))


def definition_paths(run: Run) -> tuple[Path, ...]:
    """Return the bake or compose files that describe the images, with those that are read for them."""
    definitions = _definitions(run)
    return definitions.files.all if definitions else ()


def planned_repositories(run: Run, choice: Sequence[str] = ()) -> dict[str, str]:
    """Return the repository of each image, or of those of a choice, by the image's name.

    Reads neither git nor the tag rules. Raises SettingsError for a choice of none.
    """
    from ecr_tasks.plan.image_choice import chosen_names
    from ecr_tasks.plan.repository_names import repository_names

    definitions = _definitions(run)
    repositories = repository_names(run.settings, definitions.targets if definitions else None)
    _warn_of_map(run, definitions)
    keep_public(*repositories, *repositories.values())
    return {name: repositories[name] for name in chosen_names(tuple(repositories), choice, members_of(run))}


def seen_source(run: Run) -> SourceState:
    """Return the source as the images together see it; a clean one needs no docker, and no repository's name."""
    from ecr_tasks.source.definitions.files import definition_files

    if not run.source.changes and definition_files(run.settings, os.environ) is not None:
        return run.source
    definitions = _definitions(run)
    return _seen_by(run, _builds(run, definitions), definitions)


def own_attestations(run: Run) -> dict[str, tuple[str, ...]]:
    """Return by image the attestations that the project's bake or compose files ask for or disable."""
    definitions = _definitions(run)
    return {name: target.attest for name, target in definitions.targets.items()} if definitions else {}


def planned_builds(run: Run) -> list[BuildDefinition]:
    """Return the definitions of the builds as the project has them; reads neither git nor the tag rules."""
    return _builds(run, _definitions(run))


def _builds(run: Run, definitions: Definitions | None) -> list[BuildDefinition]:
    from ecr_tasks.plan.images import settings_definition

    return [*definitions.targets.values()] if definitions else [settings_definition(run.settings, os.environ)]


def _seen_by(run: Run, images: Iterable[BuildDefinition], definitions: Definitions | None) -> SourceState:
    from ecr_tasks.source.image_source import image_source

    everything = [definition for image in images for definition in image.with_links()]
    files = definitions.files.all if definitions and run.source.changes else ()
    return image_source(run.source, everything, run.settings, files, environ=os.environ)


def members_of(run: Run) -> Members:
    """Return the function that returns the targets in a group of the project's bake files."""

    def members(group: str) -> Sequence[str]:
        from ecr_tasks.errors import BuildError
        from ecr_tasks.source.definitions.files import definition_files
        from ecr_tasks.source.definitions.resolve import group_members

        files = definition_files(run.settings, os.environ)
        if files is None or files.compose == files.paths or not re.fullmatch(_GROUP, group):
            return ()
        try:
            return group_members(files, run.settings, os.environ, partial(run.docker.targets, group=group))
        except BuildError:  # the files were read before: it is the group that isn't there
            return ()

    return members


def _definitions(run: Run, meanwhile: Callable[[], object] | None = None) -> Definitions | None:
    from ecr_tasks.source.definitions.files import definition_files

    files = definition_files(run.settings, os.environ)
    if files is None:
        return None
    from ecr_tasks.source.definitions.resolve import resolve

    def read_targets(names: Sequence[str], folder: Path, environ: Mapping[str, str]) -> BakeFile:
        docker = run.docker  # whose imports another thread would hinder
        if meanwhile is not None:
            begin(meanwhile)
        return docker.targets(names, folder, environ)

    return resolve(files, run.settings, os.environ, read_targets)


def chosen_repositories(run: Run, name: ImageName, choice: Sequence[str] = ()) -> dict[str, str]:
    """Return the repositories by image: all planned ones, or only those that ``choice`` or ``name`` selects.

    Raises SettingsError when they select none.
    """
    chosen = planned_repositories(run, choice)
    if name.repository is None:
        return chosen
    named = {key: repository for key, repository in chosen.items() if repository == name.repository}
    if not named:
        raise SettingsError(
            f"The image is of the repository {name.repository}, and these settings have "
            f"{', '.join(dict.fromkeys(chosen.values()))}.",
            "Set ECR_REPOSITORY to it, or name an image of the configured repository.",
        )
    return named


def _with_inputs(run: Run, images: tuple[Image, ...]) -> tuple[Image, ...]:
    from ecr_tasks.source.inputs.collect import with_inputs

    return with_inputs(
        images,
        project=run.settings.project,
        root=run.source.root,
        docker=run.docker,
        builder=run.settings.builder,
        environ=os.environ,
        log_in=run.logins.log_in,
    )
