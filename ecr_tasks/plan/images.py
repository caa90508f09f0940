"""The images to publish: their build definitions and tags, from settings, source and a bake file's targets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from platform import machine

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.files import resolved
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.manifest import IGNORED_FILES, SETTINGS
from ecr_tasks.model.option_fields import secret_id, split_fields
from ecr_tasks.model.platform import LOCAL, one_form, parse_platform
from ecr_tasks.one_line import is_unicode
from ecr_tasks.plan.build_settings import build_settings
from ecr_tasks.plan.presets import ATTESTATIONS, attestations
from ecr_tasks.plan.repository_names import repository_names
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE, platforms, referenced_variables
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import lost_release, tag_set
from ecr_tasks.tags.labels import at_levels

_ECR_HOST = r"^\d{12}\.dkr[.-]ecr[^/]*/"


def images(
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    targets: Mapping[str, BuildDefinition] | None = None,
    *,
    choose: Callable[[Sequence[str]], Collection[str]] = tuple,
    seen_by: Callable[[BuildDefinition], SourceState] | None = None,
    local_platform: Callable[[], str] = lambda: LOCAL,
) -> tuple[Image, ...]:
    """Return the images to publish: the project's one, or one for each of a bake file's ``targets``.

    ``choose`` returns those of all images' names that are wanted (default: all). Build arguments without a value
    take it from ``environ``, as with docker. ``seen_by`` returns the source as the image of a definition sees it
    (default: all of it), and ``local_platform`` the engine's platform. Raises SettingsError when the settings name no
    repository for an image, and Refused for uncommitted changes with ``ECR_DIRTY=refuse`` or where CI runs for a
    release, and for a target that asks for a privilege that ``ECR_ALLOW`` doesn't have.
    """
    names = repository_names(settings, targets)
    chosen = choose(tuple(names))
    variables = {**environ, **settings.missing_variables(environ)}
    if targets is None:
        definitions = dict.fromkeys(names, settings_definition(settings, variables))
    else:
        _refuse_settings_of_one_image(settings)
        needed = _with_linked(targets, chosen)
        definitions = {
            name: _with_settings(target, settings, variables) for name, target in targets.items() if name in needed
        }
    definitions = {name: _with_one_form(item, local_platform) for name, item in definitions.items()}
    for name, definition in definitions.items():
        _check_entitlements(name, definition, settings.allow)
    result = [
        replace(
            _image(name, names[name], item, settings, seen_by(item) if seen_by else source, environ),
            referrers=attestations(settings, targets[name].attest if targets else ()).referrers,
        )
        for name, item in definitions.items()
    ]
    published = {image.name: image.definition for image in result}
    epoch = _source_date_epoch(source)
    return tuple(
        replace(image, definition=_link(image.definition, published, epoch))
        for image in result
        if image.name in chosen
    )


def _with_linked(targets: Mapping[str, BuildDefinition], names: Collection[str]) -> set[str]:
    """Return these targets' names with those of all targets that they link to."""
    found, left = set(names), [targets[name] for name in names]
    while left:
        for name, linked in left.pop().linked.items():
            if name not in found:
                found.add(name)
                left.append(linked)
    return found


def unset_tags(images: Sequence[Image], tags: Mapping[str, Sequence[str]]) -> list[str]:
    """Return those of the targets' own ``tags`` that no image gets, because the tag rules decide the tags.

    A tag is set that has the image's repository, with or without a host of ECR, and one of its tags.
    """
    unset = []
    for image in images:
        names = {f"{image.repository}:{tag.name}" for tag in image.tags}
        unset += [tag for tag in tags.get(image.name, ()) if re.sub(_ECR_HOST, "", tag) not in names]
    return list(dict.fromkeys(unset))


def unset_secrets(images: Sequence[Image], variables: Mapping[str, str]) -> list[str]:
    """Return a sentence for each secret of the images whose variable is not set: docker builds without the secret,
    and says nothing."""
    unset = [
        f"{image.name}: the secret {secret_id(secret)} is read from {name}, which is not set, so the build goes "
        "without it."
        for image in images
        for definition in image.definition.with_links()
        for secret in definition.secrets
        if "env" in split_fields(secret) or split_fields(secret).get("type") == "env"
        for name in referenced_variables((), [secret])
        if name not in {**variables, **definition.variables}
    ]
    return list(dict.fromkeys(unset))


def build_arguments(entries: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Return build arguments by name; one without a value takes it from the environment, or is left out.

    Raises SettingsError for a variable that is no text: bake would build with other characters in its place.
    """
    arguments = {}
    for entry in entries:
        name, has_value, value = entry.partition("=")
        if has_value:
            arguments[name] = value
        elif name in environ:
            if not is_unicode(environ[name]):
                raise SettingsError(
                    f"The variable {name}, a build argument (ECR_BUILD_ARGS), has a byte that is no UTF-8 text.",
                    "Set it in UTF-8, or hand such bytes to the build as a file or secret (ECR_SECRETS).",
                )
            arguments[name] = environ[name]
    return arguments


def settings_definition(settings: Settings, variables: Mapping[str, str]) -> BuildDefinition:
    """Return the definition of the one image that the settings describe; ``variables`` has values of arguments."""
    dockerfile = settings.dockerfile_path()
    return BuildDefinition(
        context=settings.context,
        dockerfile=str(dockerfile) if dockerfile else settings.dockerfile,
        target=settings.target,
        platforms=settings.platforms or _default_platforms(variables),
        args=build_arguments(settings.build_args, variables),
        contexts=_named_contexts(settings),
        secrets=settings.secrets,
        ssh=settings.ssh,
        attest=attestations(settings).in_index,
        extra={"entitlements": list(settings.allow)} if settings.allow else {},
    )


def _with_settings(target: BuildDefinition, settings: Settings, variables: Mapping[str, str]) -> BuildDefinition:
    """Return a bake target, and those that it links to, with the settings that apply to every image.

    The file's own attestations stay; a linked target has none, because its result is no image.
    """

    def complete(definition: BuildDefinition) -> BuildDefinition:
        # A linked target with platforms of its own is a tool that runs where it is built, and keeps them.
        chosen = settings.platforms if definition.platforms in ((), target.platforms) else ()
        contexts = {**definition.contexts, **_named_contexts(settings)}
        replaced = set(definition.contexts.values()) - set(contexts.values())
        return replace(
            definition,
            platforms=chosen or definition.platforms or _default_platforms(variables),
            args={**definition.args, **build_arguments(settings.build_args, variables)},
            contexts=contexts,
            secrets=_by_id(definition.secrets, settings.secrets, secret_id),
            ssh=_by_id(definition.ssh, settings.ssh, lambda entry: entry.partition("=")[0]),
            attest=ATTESTATIONS["default"],
            linked={
                name: complete(linked)
                for name, linked in definition.linked.items()
                if f"target:{name}" not in replaced
            },
        )

    return replace(complete(target), attest=attestations(settings, target.attest).in_index)


def _with_one_form(definition: BuildDefinition, local_platform: Callable[[], str]) -> BuildDefinition:
    """Return a definition, and those that it links to, with each platform once and in one form."""
    linked = {name: _with_one_form(target, local_platform) for name, target in definition.linked.items()}
    return replace(definition, platforms=one_form(definition.platforms, local_platform), linked=linked)


def _refuse_settings_of_one_image(settings: Settings) -> None:
    """Raise SettingsError for a setting that describes one image, where a bake or compose file describes them."""
    described = {
        "ECR_TARGET": settings.target is not None,
        "ECR_CONTEXT": settings.context != os.path.normpath(settings.project),
        "ECR_DOCKERFILE": settings.dockerfile != DEFAULT_DOCKERFILE,
    }
    if names := [name for name, is_set in described.items() if is_set]:
        raise SettingsError(
            f"{' and '.join(names)} (set in {settings.origin(names[0])}) would describe one image, and a bake or "
            "compose file describes the images here.",
            "Write it in that file and unset it here, or unset ECR_BAKE_FILE and ECR_REPOSITORY_PREFIX (or …_MAP).",
        )


def _check_entitlements(name: str, definition: BuildDefinition, allowed: Collection[str]) -> None:
    kinds = {entry for entry in allowed if "=" not in entry}
    asked = [
        entry for entry in definition.entitlements if entry not in allowed and entry.partition("=")[0] not in kinds
    ]
    if asked:
        raise Refused(
            f"The build of {name} asks for {', '.join(asked)}, which lets it reach beyond its container.",
            f"If you trust what it runs, set ECR_ALLOW={','.join([*allowed, *asked])}.",
        )


def _default_platforms(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the platform that docker builds for without being told another, from DOCKER_DEFAULT_PLATFORM."""
    try:
        return platforms(variables.get("DOCKER_DEFAULT_PLATFORM", ""))
    except Malformed as error:
        raise SettingsError(
            f"DOCKER_DEFAULT_PLATFORM {error.messages[0]}.", "Correct it, or set ECR_PLATFORMS."
        ) from error


def _named_contexts(settings: Settings) -> dict[str, str]:
    contexts = dict(entry.split("=", 1) for entry in settings.build_contexts)
    if links := [f"{name}={value}" for name, value in contexts.items() if value.startswith("target:")]:
        raise SettingsError(
            f"ECR_BUILD_CONTEXTS has {links[0]}, and only a bake file can link one target to another.",
            "Write it in the bake file's contexts.",
        )
    return contexts


def _by_id(own: Sequence[str], added: Sequence[str], key: Callable[[str], str]) -> tuple[str, ...]:
    """Return the entries of a file and of the settings, of which those of the settings win."""
    ids = {key(entry) for entry in added}
    return (*(entry for entry in own if key(entry) not in ids), *added)


def _link(
    definition: BuildDefinition, published: Mapping[str, BuildDefinition], args: Mapping[str, str]
) -> BuildDefinition:
    """Return a definition whose linked targets are what they are when they are published, where they are."""
    linked = {}
    for name, target in definition.linked.items():
        complete = published.get(name, replace(target, args={**args, **target.args}))
        linked[name] = _link(replace(complete, attest=target.attest), published, args)
    return replace(definition, linked=linked)


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
    if source.dirty:
        _check_dirty(name, settings, source, environ)

    def with_labels(definition: BuildDefinition, without: Mapping[str, str]) -> BuildDefinition:
        labels = {key: value for key, value in result.labels.items() if without.get(key) != value}
        annotations = {key: value for key, value in result.annotations.items() if without.get(key) != value}
        at_level = at_levels(annotations, environ, index=definition.makes_index)
        return replace(definition, labels=labels, annotations=at_level)

    args = {**_source_date_epoch(source), **definition.args}
    complete = with_labels(replace(definition, args=args), without={})
    configured = with_labels(definition, without=result.of_source)
    place = _place(settings.project, source.root) if source.root else "."
    with_platform = replace(configured, platforms=configured.platforms or _machine())
    recorded = {SETTINGS: build_settings(with_platform, settings.project, place)}
    complete = replace(
        complete, labels={**complete.labels, **recorded}, annotations={**complete.annotations, **recorded}
    )
    tags = result.in_publishing_order
    return Image(name, repository, complete, tags, configured, dirty=source.dirty, outside=bool(source.outside))


@cache
def _place(project: Path, root: Path) -> str:
    """Return where a project is in its repository."""
    return os.path.relpath(resolved(project), resolved(root))


def _machine() -> tuple[str, ...]:
    """Return the platform that an image without one is taken to be for, this machine's; none for linux/amd64.

    Which it really is only the engine knows, and it is not asked where nothing is to build.
    """
    own = parse_platform(machine())
    return (own,) if own and own != "linux/amd64" else ()


def with_ignored_files(image: Image, has: bool) -> Image:
    """Return an image, and the whole of which it is a part, which says whether it holds files that git ignores."""
    definition, said = image.definition, {IGNORED_FILES: "yes"} if has else {}
    labels, annotations = (
        {**{key: text for key, text in texts.items() if key != IGNORED_FILES}, **said}
        for texts in (definition.labels, definition.annotations)
    )
    marked = replace(image, definition=replace(definition, labels=labels, annotations=annotations))
    return replace(marked, whole=with_ignored_files(image.whole, has)) if image.whole else marked


def _check_dirty(name: str, settings: Settings, source: SourceState, environ: Mapping[str, str]) -> None:
    """Raise Refused if an image with uncommitted changes is not wanted."""
    changed = f"{', '.join(source.changed[:3])}{', …' if len(source.changed) > 3 else ''}"
    if settings.dirty == "refuse":
        raise Refused(
            f"{name} would be built with uncommitted changes ({changed}), and ECR_DIRTY is refuse.",
            "Commit or stash them, or set ECR_DIRTY=tag to publish under a -dirty tag.",
        )
    if source.ci is not None and (release := lost_release(settings, source, environ)):
        raise Refused(
            f"CI runs for the tag {source.tag}, and {name} would be built with uncommitted changes ({changed}), so "
            f"it would get a -dirty tag and not {release}.",
            "Find the earlier step that changes them; if it must, name them in ECR_DIRTY_IGNORE, or in .dockerignore "
            "if the image doesn't need them.",
        )


def _source_date_epoch(source: SourceState) -> dict[str, str]:
    """Return the commit's time as a build argument, in whole seconds since 1970 (reproducible-builds.org)."""
    return {"SOURCE_DATE_EPOCH": str(int(source.commit_time.timestamp()))} if source.commit_time else {}
