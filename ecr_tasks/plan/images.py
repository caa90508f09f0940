"""Settings and source, made into the images to publish. Pure; a bake file's targets come in as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timezone

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.plan.targets import repository_of
from ecr_tasks.settings.parse.build_options import is_remote
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.from_settings import tag_set
from ecr_tasks.tags.labels import at_levels

_NO_ATTESTATIONS = ("type=provenance,disabled=true",)
_PRESETS = {
    "default": _NO_ATTESTATIONS,
    "lambda": _NO_ATTESTATIONS,
    "supply-chain": ("type=provenance,mode=max", "type=sbom"),
}
"""buildx adds provenance unless told not to; it holds times, so the same commit would never give the same
bytes, and Lambda refuses the index it needs (ecr.md)."""


def images(
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    targets: Mapping[str, BuildDefinition] | None = None,
) -> tuple[Image, ...]:
    """The images to publish: the project's one, or each of a bake file's ``targets``.

    ``environ`` gives build arguments that are named without a value theirs, as docker has it. Raises
    SettingsError when it isn't said which repository an image goes to; Refused for an uncommitted tree that
    ``ECR_DIRTY=refuse`` does not let pass.
    """
    if source.dirty and settings.dirty == "refuse":
        raise Refused(
            f"The tree has uncommitted changes ({', '.join(source.changed[:3])}), and ECR_DIRTY is refuse.",
            "Commit or stash them, or set ECR_DIRTY=tag to publish under a -dirty tag.",
        )
    if targets is None:
        repository = settings.require_repository()
        return (_image(repository, repository, _from_settings(settings, environ), settings, source, environ),)
    return tuple(
        _image(name, repository_of(name, targets, settings), _overlaid(target, settings), settings, source, environ)
        for name, target in targets.items()
    )


def build_arguments(entries: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Build arguments by name; one without a value takes it from the environment, or is left out there."""
    found = {}
    for entry in entries:
        name, has_value, value = entry.partition("=")
        if has_value:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
    return found


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
        attest=_PRESETS[settings.preset],
    )


def _overlaid(target: BuildDefinition, settings: Settings) -> BuildDefinition:
    """A bake target with the settings that apply to every image; what the file says of itself stays."""
    own_choice = settings.preset == "default" and target.attest
    return replace(
        target,
        # bake's contexts are relative to its working directory, which is the project's folder here.
        context=target.context if is_remote(target.context) else str(settings.project / target.context),
        platforms=settings.platforms or target.platforms,
        attest=target.attest if own_choice else _PRESETS[settings.preset],
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
    # What git says, then what the bake file says of its own, then what the settings say.
    chosen = tag_set(
        settings,
        source,
        environ,
        title=repository,
        labels=definition.labels,
        annotations=definition.annotations,
    )
    if reserved := next((tag for tag in chosen.tags if tag.name == CACHE_TAG), None):
        raise SettingsError(
            f"The rule {reserved.rule} gives the tag {CACHE_TAG}, the build cache's own: images under it expire.",
            "Name the branch otherwise, or give the rule a prefix (ECR_TAGS).",
        )
    annotations = at_levels(chosen.annotations, environ, index=definition.makes_index)
    epoch = {} if source.commit_time is None else {"SOURCE_DATE_EPOCH": str(_seconds(source))}
    args = {**epoch, **definition.args}
    made = replace(definition, args=args, labels=dict(chosen.labels), annotations=annotations)
    bare = replace(
        definition,
        labels=_beside(chosen.labels, chosen.of_source),
        annotations=at_levels(_beside(chosen.annotations, chosen.of_source), environ, index=definition.makes_index),
    )
    return Image(name, repository, made, chosen.in_publishing_order, bare)


def _beside(found: Mapping[str, str], of_source: Mapping[str, str]) -> dict[str, str]:
    """Labels or annotations without what git and CI say."""
    return {key: value for key, value in found.items() if of_source.get(key) != value}


def _seconds(source: SourceState) -> int:
    """The commit's time as SOURCE_DATE_EPOCH wants it (reproducible-builds.org): whole seconds, UTC."""
    time = source.commit_time
    return int(time.astimezone(timezone.utc).timestamp()) if time else 0
