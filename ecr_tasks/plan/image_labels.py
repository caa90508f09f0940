"""What locked images were built from, asked only where a plan ends on them and their annotations don't say.

docker's classic image store pushes manifests without annotations; the labels say the same, in a blob of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.plan.plan import Plan


def with_origins(
    plan: Plan,
    views: Mapping[str, RepositoryView],
    labels: Callable[[Repository, StoredImage], Mapping[str, str]],
) -> Mapping[str, RepositoryView] | None:
    """The views with the labels of the images behind locked tags; None where nothing is to be learned.

    ``labels`` gives those of an image's configuration, none where they can't be had.
    """
    learned: dict[str, dict[str, StoredImage]] = {}
    for item in plan.images:
        view = item.view
        if view is None or view.repository is None:
            continue
        for tag in item.tags:
            there = view.tags.get(tag.tag.name)
            if tag.state != "locked" or there is None or there.revision is not None:
                continue
            if found := labels(view.repository, there):
                learned.setdefault(item.image.repository, {})[tag.tag.name] = replace(there, labels=found)
    if not learned:
        return None
    return {name: replace(view, tags={**view.tags, **learned.get(name, {})}) for name, view in views.items()}
