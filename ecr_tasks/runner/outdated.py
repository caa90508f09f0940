"""The planned images to build on today's base images, for a push that builds anew where a base image has moved."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn, working
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.plan import Plan

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


def outdated_images(run: Run, plan: Plan) -> Mapping[str, str]:
    """Return by name the images that a plan builds, with no reason, and those whose base image has moved, with it.

    The latter are published, for this commit or, as git or the inputs prove, for one that gives the same. What an
    image doesn't say it stands on counts as moved. Raises the error of a base image whose registry doesn't answer.
    """
    from ecr_tasks.execute.base_places import digests_now
    from ecr_tasks.runner.base_places import ask, mirrors
    from ecr_tasks.runner.images import builder_platform
    from ecr_tasks.source.bases import moving_bases

    builder = cache(partial(builder_platform, run))
    with working("looking for base images that have moved"):
        outdated: dict[str, str] = {}
        published = {}
        for item in (item.whole or item for item in plan.images):
            stored, bases = item.published, moving_bases(item.image.definition, builder)
            if stored is None or item.view is None or item.view.repository is None:
                outdated[item.image.name] = ""
            elif bases:
                stored = stored if stored.is_read else run.registry.read(item.view.repository, stored)
                published[item.image.name] = (bases, stored.bases)
        names = sorted({base for bases, _ in published.values() for base, digest in bases if digest is None})
        now = digests_now(names, mirrors(run), ask(run), say) if names else {}
    _warn_of_lock(run, now)
    for name, (bases, recorded) in published.items():
        expected = set()
        for base, fixed in bases:
            if isinstance(current := fixed or now[base], EcrTasksError):
                raise current
            expected.add((base, current))
        moved = [base for base, _ in expected.difference(recorded) if base in dict(recorded)]
        if not recorded:
            outdated[name] = "it doesn't say what it stands on"
        elif expected != set(recorded):
            outdated[name] = f"{min(moved)} has moved" if moved else f"it stands on {', '.join(dict(recorded))}"
    return outdated


def _warn_of_lock(run: Run, now: Mapping[str, str | EcrTasksError]) -> None:
    """Warn where the lock has other digests than registries have ``now``: the next commit is built on them again."""
    from ecr_tasks.source.bases_lock import NAME, read_lock

    lock = read_lock(run.project) or {}
    known = {base: current for base, current in now.items() if isinstance(current, str)}
    if older := [base for base, current in known.items() if lock.get(base, current) not in (None, current)]:
        warn(
            f"{NAME} has another digest of {name_some(older)} than its registry now, and the next commit is built on "
            "it again: renew it with `inv bases --update`, and commit it."
        )
