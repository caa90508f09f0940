"""Warnings about a plan, before anything is built."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ecr_tasks.console import say, warn
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.model.wording import join_words, name_some
from ecr_tasks.plan.cache import IMAGE
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.settings.settings import Settings


def warn_of_plan(plan: Plan) -> None:
    """Warn about what a plan takes for the same image, or leaves as it is, although something differs."""
    for item in plan.images:
        _warn_of_ignored_files(item)
        warn_of_other_settings(item)


def warn_of_builds(items: Sequence[PlannedImage], settings: Settings) -> None:
    """Warn about a context that every run changes, and about caches that get lost."""
    from ecr_tasks.checks.output_folder_in_context import receipt_in_context

    if receipt_in_context([definition for item in items for definition in item.image.definition.with_links()]):
        warn("The build context carries .ecr-tasks/, which changes at every run: add it to .dockerignore.")
    for note in dict.fromkeys(note for item in items for note in item.cache_notes):
        say(f"{note[0].upper()}{note[1:]}.")
    _warn_of_inactive_caches(items, os.environ)
    has_own = not settings.cache_reads and not settings.cache_writes  # those of a bake or compose file
    _warn_of_shared_caches(items, has_own=has_own)
    for item in items:
        _warn_of_caches_of_several_nodes(item, has_own=has_own)


def _warn_of_ignored_files(item: PlannedImage) -> None:
    """Warn about ignored files in the context: as only this machine has them, other machines have other inputs."""
    unshared = item.image.inputs.unshared if item.view and item.image.inputs and item.build_needed else ()
    if unshared:
        warn(
            f"The context of {item.image.name} carries files that git ignores ({name_some(unshared)}), so other "
            "machines have other inputs: add them to .dockerignore."
        )


def warn_of_other_settings(item: PlannedImage) -> None:
    """Warn about published images that were built with other settings than now, and are left as they are."""
    if item.other_settings:
        warn(
            f"{item.image.repository}: {item.image.tags[0].name} was built with other "
            f"{join_words(item.other_settings)} than the settings have now, and stays as it is: "
            "`inv build push --republish` builds this commit anew and publishes it beside it."
        )


def _warn_of_inactive_caches(items: Sequence[PlannedImage], environ: Mapping[str, str]) -> None:
    """Warn about caches of GitHub's that buildx leaves out in silence, for lack of what it logs in with."""
    definitions = [item.image.definition for item in items]
    entries = {entry for definition in definitions for entry in (*definition.cache_from, *definition.cache_to)}
    for fields in map(split_fields, sorted(entries)):
        has_url = any(name in fields for name in ("url", "url_v2")) or any(
            environ.get(name) for name in ("ACTIONS_RESULTS_URL", "ACTIONS_CACHE_URL")
        )
        has_token = fields.get("token") or environ.get("ACTIONS_RUNTIME_TOKEN")
        if fields.get("type") == "gha" and not (has_url and has_token):
            warn(
                "The gha cache is left out: buildx needs ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL for it, which "
                "GitHub gives actions, and no steps with run: (crazy-max/ghaction-github-runtime hands them on)."
            )
            return


def _warn_of_shared_caches(items: Sequence[PlannedImage], *, has_own: bool) -> None:
    """Warn about a cache that several images write, which is then that of the last one."""
    writers: dict[str, list[str]] = {}
    for item in items:
        definition = item.image.definition
        for entry in dict.fromkeys(definition.cache_to):
            if entry not in definition.inline_caches:
                writers.setdefault(entry, []).append(item.image.name)
    remedy = f"put {IMAGE} into the name that it has in ECR_CACHE or ECR_CACHE_TO (scope={IMAGE}, ref=…:{IMAGE}, …)"
    if has_own:
        remedy = "give each image a cache of another name in its cache-to"
    for entry, names in writers.items():
        if len(names) > 1:
            kind = split_fields(entry).get("type", "registry")
            warn(f"{name_some(names)} write the same {kind} cache, so it is the last one's: {remedy}.")


def _warn_of_caches_of_several_nodes(item: PlannedImage, *, has_own: bool) -> None:
    """Warn about a cache that each of a builder's nodes writes under the same name (buildx does it so)."""
    definition, nodes = item.image.definition, item.engine.nodes if item.engine else 1
    if min(nodes, len(definition.platforms)) > 1 and definition.cache_to != definition.inline_caches:
        warn(
            f"{item.image.name}: each of the builder's {nodes} nodes writes the cache "
            f"({'its cache-to' if has_own else 'ECR_CACHE or ECR_CACHE_TO'}) under the same name, so it is that of "
            "one platform; for the others, a node has only what it keeps itself."
        )
