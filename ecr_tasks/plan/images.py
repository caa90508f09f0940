"""The images to publish: their build definitions and tags, from settings, source and a bake file's targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.manifest import CACHE_TAG, SETTINGS
from ecr_tasks.plan.build_settings import build_settings
from ecr_tasks.plan.presets import ATTESTATIONS
from ecr_tasks.plan.repository_names import repository_names
from ecr_tasks.settings.parse.build_options import is_remote
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import tag_set
from ecr_tasks.tags.labels import at_levels


def images(
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    targets: Mapping[str, BuildDefinition] | None = None,
) -> tuple[Image, ...]:
    """Return the images to publish: the project's one, or one for each of a bake file's ``targets``.

    Build arguments without a value take it from ``environ``, as with docker. Raises SettingsError when the settings
    name no repository for an image, and Refused for an uncommitted tree with ``ECR_DIRTY=refuse``.
    """
    if source.dirty and settings.dirty == "refuse":
        raise Refused(
            f"The tree has uncommitted changes ({', '.join(source.changed[:3])}), and ECR_DIRTY is refuse.",
            "Commit or stash them, or set ECR_DIRTY=tag to publish under a -dirty tag.",
        )
    names = repository_names(settings, targets)
    if targets is None:
        definitions = dict.fromkeys(names, _from_settings(settings, environ))
    else:
        definitions = {name: _with_settings(target, settings) for name, target in targets.items()}
    return tuple(_image(name, names[name], definitions[name], settings, source, environ) for name in names)


def build_arguments(entries: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Return build arguments by name; one without a value takes it from the environment, or is left out."""
    arguments = {}
    for entry in entries:
        name, has_value, value = entry.partition("=")
        if has_value:
            arguments[name] = value
        elif name in environ:
            arguments[name] = environ[name]
    return arguments


def _from_settings(settings: Settings, environ: Mapping[str, str]) -> BuildDefinition:
    dockerfile = settings.dockerfile_path()
    return BuildDefinition(
        context=settings.context,
        dockerfile=str(dockerfile) if dockerfile else settings.dockerfile,
        target=settings.target,
        platforms=settings.platforms,
        args=build_arguments(settings.build_args, {**environ, **settings.child_environment}),
        contexts=dict(entry.split("=", 1) for entry in settings.build_contexts),
        secrets=settings.secrets,
        ssh=settings.ssh,
        attest=ATTESTATIONS[settings.preset],
    )


def _with_settings(target: BuildDefinition, settings: Settings) -> BuildDefinition:
    """Return a bake target with the settings that apply to every image; the file's own attestations stay."""
    keeps_attestations = settings.preset == "default" and target.attest
    return replace(
        target,
        # bake's contexts are relative to its working directory, which is the project's folder here.
        context=target.context if is_remote(target.context) else str(settings.project / target.context),
        platforms=settings.platforms or target.platforms,
        attest=target.attest if keeps_attestations else ATTESTATIONS[settings.preset],
    )


def _image(
    name: str,
    repository: str,
    definition: BuildDefinition,
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
) -> Image:
    if settings.preset == "lambda" and len(definition.platforms) > 1:
        raise SettingsError(
            f"{name} has several platforms, and Lambda takes no multi-platform images.",
            "Choose one platform, or another ECR_PRESET.",
        )
    # The bake file's labels override git's, and the settings' labels override both.
    labels, annotations = definition.labels, definition.annotations
    result = tag_set(settings, source, environ, title=repository, labels=labels, annotations=annotations)
    if reserved := next((tag for tag in result.tags if tag.name == CACHE_TAG), None):
        raise SettingsError(
            f"The rule {reserved.rule} gives the tag {CACHE_TAG}, the build cache's own: images under it expire.",
            "Name the branch otherwise, or give the rule a prefix (ECR_TAGS).",
        )

    def with_labels(definition: BuildDefinition, without: Mapping[str, str]) -> BuildDefinition:
        labels = {key: value for key, value in result.labels.items() if without.get(key) != value}
        annotations = {key: value for key, value in result.annotations.items() if without.get(key) != value}
        at_level = at_levels(annotations, environ, index=definition.makes_index)
        return replace(definition, labels=labels, annotations=at_level)

    args = {**_source_date_epoch(source), **definition.args}
    complete = with_labels(replace(definition, args=args), without={})
    configured = with_labels(definition, without=result.of_source)
    recorded = {SETTINGS: build_settings(configured, settings.project)}
    complete = replace(
        complete, labels={**complete.labels, **recorded}, annotations={**complete.annotations, **recorded}
    )
    return Image(name, repository, complete, result.in_publishing_order, configured)


def _source_date_epoch(source: SourceState) -> dict[str, str]:
    """Return the commit's time as a build argument, in whole seconds since 1970 (reproducible-builds.org)."""
    return {"SOURCE_DATE_EPOCH": str(int(source.commit_time.timestamp()))} if source.commit_time else {}
