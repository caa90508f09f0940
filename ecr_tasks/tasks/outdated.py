"""The `outdated` task: the published images that stand on a base image that has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.console import Column, Styled, Text, document, result_table, say, working
from ecr_tasks.errors import EcrTasksError, Refused, SettingsError
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.model.inventory import ImageDetail
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.plan.outdated import Standing
    from ecr_tasks.runner.run import Run

PARALLEL = 8
"""The number of manifests that are read at the same time."""


@task(
    iterable=["image"],
    help={
        "image": IMAGES,
        "filter": "only images with a tag that this pattern matches, such as '1.*'",
        "limit": "no more than this many of each repository, the newest",
        "check": "exit with 6 if one of them stands on a base image that has moved",
        "json": "one JSON document on stdout",
    },
    shows_without_registry=True,
)
def outdated(
    run: Run,
    filter: str | None = None,  # noqa: A002
    limit: str | None = None,
    check: bool = False,
    json: bool = False,
    image: list[str] | None = None,
) -> None:
    """Say which images stand on a base that has moved.

    It rests on the annotations that builds write (see `bases`), and pulls
    nothing. `push --republish --pull` builds a commit's image on the new base.
    """
    from ecr_tasks.execute.base_places import digests_now
    from ecr_tasks.model.wording import name_some
    from ecr_tasks.plan.outdated import base_names, standing
    from ecr_tasks.runner.base_places import ask, mirrors
    from ecr_tasks.runner.images import planned_repositories
    from ecr_tasks.tasks.images import parse_limit

    most = parse_limit(limit)
    names = list(dict.fromkeys(planned_repositories(run, image or ()).values()))
    with working("reading the images"):
        run.registry.connect()
        images = {name: _read(run, name, filter, most) for name in names}
        if filter is not None and not any(images.values()):
            raise SettingsError(
                f"No image in {name_some(names)} has a tag like {filter[:80]!r}.",
                "Write a pattern that a tag of theirs has: `inv images` shows them.",
            )
        stored = [item for items in images.values() for _, item, _ in items if item is not None and item.is_read]
        bases = sorted({base for item in stored for base in base_names(item)})
    with working("asking the registries of the base images"):
        now = digests_now(bases, mirrors(run), ask(run), say) if bases else {}
    rows = [standing(name, detail, item, now, anew) for name, items in images.items() for detail, item, anew in items]
    if json:
        document({"images": [row.as_json() for row in rows]})
    else:
        _show(rows)
    for error in now.values():
        if isinstance(error, EcrTasksError):
            raise error
    moved = [row for row in rows if row.state == "moved"]
    if check and moved:
        raise Refused(
            f"{len(moved)} of {len(rows)} published images stand on a base image that has moved.",
            "Build the commit anew with `inv push --republish --pull` (first change a digest that the Dockerfile "
            "fixes, and commit it), or leave out --check.",
        )


def _read(
    run: Run, name: str, pattern: str | None, most: int | None
) -> list[tuple[ImageDetail, StoredImage | None, str | None]]:
    """Return a repository's tagged images, the newest first, with their manifests; each new one counts as a pull.

    Those that are published anew have that one's tag, and no manifest.
    """
    from ecr_tasks.clients.parallel import map_parallel
    from ecr_tasks.model.refusals import missing_repository
    from ecr_tasks.plan.conflicts import CREATE_OR_ALLOW
    from ecr_tasks.plan.outdated import replacements, tagged_images

    registry = run.registry
    repository = registry.describe({name: ()})[name].repository
    if repository is None:
        raise missing_repository(name, remedy=CREATE_OR_ALLOW)
    everything = registry.details(name)
    details, anew = tagged_images(everything, pattern, most), replacements(tagged_images(everything, None, None))
    found = registry.images(repository, [detail.digest for detail in details if detail.digest not in anew])
    unread = [item for item in found.values() if not item.is_read]
    read = map_parallel(lambda item: registry.read(repository, item), unread, PARALLEL, run.retrier)
    found = {**found, **{item.digest: item for item in read}}
    return [(detail, found.get(detail.digest), anew.get(detail.digest)) for detail in details]


def _show(rows: list[Standing]) -> None:
    several = len({row.repository for row in rows}) > 1
    columns: tuple[Column | str, ...] = (
        *([Column("repository", meaning="strong", least=12)] if several else []),
        Column("tags", least=16),
        Column("base image", least=16),
        "state",
    )
    if rows:
        result_table(columns, [(*([row.repository] if several else []), *_cells(row)) for row in rows])
    moved, unknown = (sum(row.state == state for row in rows) for state in ("moved", "unknown"))
    say(f"{moved} of {len(rows)} images stand on a base image that has moved")
    if unknown:
        say(
            f"{unknown} don't tell; those do that are built on locked base images (`inv bases --update`), with "
            "--pull, or on FROM NAME:TAG@sha256:…"
        )


def _cells(row: Standing) -> tuple[Text, ...]:
    from ecr_tasks.model.manifest import short_ids, short_tags

    tags = Styled(", ".join(row.tags), short=short_tags(row.tags))
    if row.state == "moved" and row.now:
        return (
            tags,
            row.name or "",
            (Styled("has moved", "warning"), " to ", Styled(row.now, short=short_ids(row.now))),
        )
    if row.state == "current":
        return tags, row.name or "", Styled("current", "good")
    return tags, row.name or "-", Styled(row.because, "dim")
