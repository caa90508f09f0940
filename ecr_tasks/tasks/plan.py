"""The `plan` task: show what `build push` would do and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from ecr_tasks.console import Column, Meaning, Styled, Text, document, result, result_table, say, table
from ecr_tasks.errors import ExitCode
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.model.image import Image
    from ecr_tasks.plan.destinations import PlannedCopy
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.plan.planned_image import PlannedImage
    from ecr_tasks.plan.tag_states import PlannedTag
    from ecr_tasks.runner.job import Job
    from ecr_tasks.runner.run import Run

_MEANINGS: Mapping[str, Meaning] = {"new": "add", "present": "dim", "locked": "bad"}


@task(
    iterable=["image"],
    help={
        "image": IMAGES,
        "republish": "show what `build push --republish` would do",
        "json": "one JSON document on stdout",
        "only": "a platform: what a runner does that pushes it alone, where others push the others",
    },
)
def plan(
    run: Run, republish: bool = False, json: bool = False, image: list[str] | None = None, only: str = ""
) -> None:
    """Show what `build push` would do and why.

    Nothing is changed. It exits with 6 when something is in the way.
    """
    from ecr_tasks.runner.job import start_job
    from ecr_tasks.runner.read_dockerfiles import with_unreadable_dockerfiles

    job = with_unreadable_dockerfiles(
        run, start_job(run, promises=True, republish=republish, choice=image or (), only=only)
    )
    if json:
        document(plan_json(job.plan))
    else:
        _show_job(run, job)
    if job.plan.conflicts or any(copy.error for item in job.plan.images for copy in item.copies):
        raise Exit(code=int(ExitCode.REFUSED))


def _show_job(run: Run, job: Job) -> None:
    show_plan(job.plan, result, result_table)
    if run.source.change_name:
        result(f"this run is for a {run.source.change_name}: no branch's tag moves")
    for names, text in _conflicts(job.plan):
        result((Styled(names, "strong"), ": ", Styled("in the way:", "bad"), f" {text}"))


def _conflicts(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield what is in the way, with the images' names; of many images, what most of them have, each text once."""
    from ecr_tasks.model.wording import FEW, name_some
    from ecr_tasks.tasks.plan_of_many import MOST, general, general_reason

    items = {item.image.name: item for item in plan.images}
    groups: dict[str, list[str]] = {}
    for conflict in plan.conflicts:
        if len(items) > FEW and conflict.image in items:
            item = items[conflict.image]
            groups.setdefault(general(general_reason(str(conflict.error), item), item), []).append(conflict.image)
        else:
            yield conflict.image, str(conflict.error)
    shown = sorted(groups, key=lambda text: len(groups[text]), reverse=True)
    for text in shown[:MOST]:
        yield ", ".join(dict.fromkeys(groups[text])), text
    if left := list(dict.fromkeys(name for text in shown[MOST:] for name in groups[text])):
        yield name_some(left), f"{len(shown) - MOST} more things, which `inv plan --json` has"


def show_plan(plan: Plan, line: Callable[..., None] = say, grid: Callable[..., None] = table) -> None:
    """Print what will be built, where it goes and which tags it gets; conflicts are not printed.

    Tags that are the same for several images, as a bake file's often are, are shown once, and of many images all that
    is the same. ``line`` and ``grid`` are what prints a line and a table: on stderr, or on stdout where the plan is
    the result.
    """
    from ecr_tasks.model.wording import FEW

    if len(plan.images) > FEW:
        from ecr_tasks.tasks.plan_of_many import show_many

        show_many(
            plan.images,
            _build_parts,
            partial(_place_lines, digests=False),
            partial(_state, digests=False),
            line,
            grid,
            all_names=grid is result_table,
        )
        return
    for number, items in enumerate(_with_same_tags(plan.images)):
        if number:
            line("")
        for item in items:
            line((Styled(item.image.name, "strong"), ": ", *_build_parts(item)))
            for parts in _place_lines(item):
                line(parts, indent=2)
        differ = len({_shown_tags(item) for item in items}) > 1
        if len(items) > 1:
            line(Styled(f"The tags of {'' if differ else 'each of '}these {len(items)} images:", "dim"))
        image_column = (Column("image"),) if differ else ()
        now_column = (Column("now", 3),) if items[0].view is not None else ()
        columns = (Column("tag"), *image_column, *now_column, Column("kind", 1), Column("because", 2))
        grid(columns, _tag_rows(items, differ=differ), indent=2)


def _place_lines(item: PlannedImage, *, digests: bool = True) -> Iterator[tuple[str | Styled, ...]]:
    """Yield the lines about where an image goes: its repository, what is attached to it, the destinations."""
    address = f"{item.registry}/{item.image.repository}" if item.registry else item.image.repository
    created = ", a repository that will be created" if item.creates_repository else ""
    if item.view is not None and item.view.template:
        created = f", a repository that ECR creates with the push, by the template {item.view.template}"
    if item.view is not None:
        yield Styled("to ", "dim"), address, Styled(created, "add")
    if item.whole is not None:
        yield (f"{_other_platforms(item)} by other runners; the last one publishes the image",)
    if item.view is not None and item.image.referrers:
        yield (f"{_attached_words(item.image)} attached after the push, as referrers",)
    for copy in item.copies:
        yield _copy_parts(copy, item, digests=digests)


def _tag_rows(items: Sequence[PlannedImage], *, differ: bool) -> list[tuple[Text, ...]]:
    """Return a row for each tag; where the registry has others of some images, one for each image."""
    from ecr_tasks.model.manifest import short_ids, short_tag

    rows: list[tuple[Text, ...]] = []
    for same in zip(*map(_shown_tags, items), strict=True):
        apart = len(set(same)) > 1
        for number, (item, planned) in enumerate(zip(items, same, strict=True)):
            if number and not apart:
                break
            # A person sees once what is the same; each row of a pipe has it.
            tag, once = planned.tag, "" if number else None
            image = (item.image.name if apart else Styled("all", "dim"),) if differ else ()
            now = (_state(planned),) if item.view is not None else ()
            name = Styled(tag.name, short=short_tag(tag.name) if once is None else once)
            because = Styled(tag.because, short=short_ids(tag.because) if once is None else once)
            rows.append((name, *image, *now, Styled(tag.kind, short=once), because))
    return rows


def _shown_tags(item: PlannedImage) -> tuple[PlannedTag, ...]:
    item = item.whole or item
    return (*item.tags, *([item.inputs_tag] if item.inputs_tag else []))


def _with_same_tags(items: Sequence[PlannedImage]) -> list[list[PlannedImage]]:
    """Return the images in groups: neighbours that get the same tags, which the registry may have of other images."""
    groups: list[list[PlannedImage]] = []
    former: object = None
    for item in items:
        kind = [tag.tag for tag in _shown_tags(item)], item.view is None
        if groups and kind == former:
            groups[-1].append(item)
        else:
            groups.append([item])
        former = kind
    return groups


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the document of `plan --json`."""
    from ecr_tasks.tasks.findings import problem_json

    return {
        "images": [_image_json(item) for item in plan.images],
        "conflicts": [{"image": item.image, **problem_json(item.error)} for item in plan.conflicts],
    }


def _build_parts(item: PlannedImage) -> tuple[str | Styled, ...]:
    """Return whether an image is built, for which platforms, and why."""
    if not item.build_needed:
        return Styled("nothing to build", "dim"), f", {item.because}"
    platforms = ", ".join(item.image.definition.platforms)
    return Styled("build", "good"), f" for {platforms}" if platforms else "", f", {item.because}"


def _other_platforms(item: PlannedImage) -> str:
    """Return the platforms of an image that this run doesn't build, in words."""
    from ecr_tasks.model.wording import join_words

    whole = item.whole or item
    return join_words(
        [name for name in whole.image.definition.platforms if name not in item.image.definition.platforms]
    )


def _attached_words(image: Image) -> str:
    """Return the kinds of documents that are to be attached to an image, in words."""
    from ecr_tasks.model.wording import join_words

    return join_words(["SBOM" if kind == "sbom" else kind for kind in image.referrer_kinds])


def _copy_parts(copy: PlannedCopy, item: PlannedImage, *, digests: bool = True) -> tuple[str | Styled, ...]:
    """Return a line about what will happen to an image at one destination."""
    from ecr_tasks.model.manifest import short_tag

    if copy.error is not None:
        return Styled("not to", "bad"), f" {copy.address}: {copy.error}"
    if copy.view is None:
        return (f"push brings it to {copy.address}",)
    verb = "replicated by ECR to" if copy.transport == "replication" else "copied to"
    # A person sees only the registry where the repository's name is the same there.
    address = Styled(copy.address, short=copy.address.removesuffix(f"/{item.image.repository}"))
    pending: list[str | Styled] = []
    for tag in copy.tags:
        if tag.state != "present":
            pending += [", "] if pending else []
            pending += [f"{short_tag(tag.tag.name)} ", *_state(tag, digests=digests)]
    if pending and copy.tags == item.tags:
        pending = [Styled("with the same tags", "dim")]
    elif len(copy.tags) > 1 and len(copy.tags) == len(item.tags) and all(tag.state == "new" for tag in copy.tags):
        pending = ["all tags ", *_state(copy.tags[0])]
    if copy.is_present:
        return ("in ", address, ": ", *(pending or [Styled("all there already", "dim")]))
    created = Styled(" (will be created)" if copy.creates_repository else "", "add")
    identity = copy.destination.identity
    by = "" if identity.is_own or copy.transport == "replication" else f", by {identity}"
    return Styled(verb, "good"), " ", address, created, by, ": ", *pending


def _state(tag: PlannedTag, *, digests: bool = True) -> tuple[str | Styled, ...]:
    """Return the state of a tag in the registry as words, with the digest that it is on."""
    from ecr_tasks.model.manifest import short_ids

    digest = Styled(f" {tag.digest}", short=f" {short_ids(tag.digest)}") if tag.digest else ""
    if tag.state is None:
        return (Styled("not asked", "dim"),)
    if not digests:
        return (Styled(tag.state, "warning" if tag.state == "moves" else _MEANINGS.get(tag.state)),)
    if tag.state == "moves":
        return Styled("moves from", "warning"), digest
    return Styled(tag.state, _MEANINGS.get(tag.state)), digest


def _image_json(item: PlannedImage) -> dict[str, Any]:
    return {
        "name": item.image.name,
        "repository": item.image.repository,
        "registry": item.registry,
        "creates_repository": item.creates_repository,
        "creation_template": (item.view.template or None) if item.view else None,
        "build": {"needed": item.build_needed, "because": item.because},
        "inputs": _inputs_json(item.image),
        "attached": list(item.image.referrer_kinds),
        "part": {"platform": item.image.definition.platforms[0], "tag": item.tags[0].tag.name}
        if item.whole
        else None,
        "tags": [_tag_json(tag) for tag in (item.whole or item).tags],
        "destinations": [_copy_json(copy) for copy in item.copies],
    }


def _inputs_json(image: Image) -> dict[str, Any] | None:
    inputs = image.inputs
    return {"digest": inputs.digest, "tag": inputs.tag, "because": inputs.unknown_reason} if inputs else None


def _tag_json(item: PlannedTag) -> dict[str, Any]:
    return {
        "tag": item.tag.name,
        "kind": item.tag.kind,
        "state": item.state,
        "digest": item.digest,
        "because": item.tag.because,
    }


def _copy_json(copy: PlannedCopy) -> dict[str, Any]:
    from ecr_tasks.tasks.findings import problem_json

    repository = copy.view.repository if copy.view else None
    return {
        "destination": str(copy.destination),
        "registry": repository.host if repository else None,
        "repository": copy.repository,
        "by": copy.transport,
        "identity": None if copy.destination.identity.is_own else str(copy.destination.identity),
        "creates_repository": copy.creates_repository,
        "tags": [_tag_json(item) for item in copy.tags],
        "error": problem_json(copy.error) if copy.error else None,
    }
