"""The `rollback` task: put an earlier image back under a tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.console import data, document, say
from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.decorator import task
from ecr_tasks.tasks.promote import GATE_HELP

if TYPE_CHECKING:
    from ecr_tasks.plan.release_history import Entry, TagHistory
    from ecr_tasks.runner.run import Run


@task(
    positional=["tag"],
    optional=["require_scan"],
    help={
        "tag": "such as prod, or repository:prod",
        "to": "a number of `inv history TAG`, or (the beginning of) a digest there (default: 1, the one before)",
        "image": "of several images, the one (default: those that the last promotion set)",
        **GATE_HELP,
        "json": "one JSON document on stdout",
    },
    shows_without_registry=True,
)
def rollback(
    run: Run,
    tag: str,
    to: str | None = None,
    image: str | None = None,
    require_scan: str | bool | None = None,
    only_fixable: bool = False,
    than: str | None = None,
    require_signature: bool = False,
    from_branch: str | None = None,
    timeout: str | None = None,
    json: bool = False,
) -> None:
    """Put back the image that a tag was on before.

    It is a promotion like any other, with the same gates, and is recorded. So a
    second rollback undoes the first one; --to 2 goes further back.
    """
    from ecr_tasks.model.reference import ImageName
    from ecr_tasks.plan.release_history import earlier_image
    from ecr_tasks.runner.releases import recorder
    from ecr_tasks.tasks.history import read_histories
    from ecr_tasks.tasks.promote import as_json, gates_of, set_tags_of

    gates = gates_of(
        run, require_scan, require_signature, from_branch, only_fixable=only_fixable, than=than, timeout=timeout
    )
    most = int(to) + 1 if to is not None and to.isascii() and to.isdigit() and len(to) < 7 else _SEARCHED
    found = read_histories(run, tag, image, most)
    chosen = _chosen(found, to)
    chosen = _with_earlier(found, chosen)
    entries = {key: earlier_image(found[key], to) for key in chosen}
    name = found[chosen[0]].tag
    for key, entry in entries.items():
        say(f"{found[key].place}: {_words(found[key], entry)}")
    promotions, results = set_tags_of(
        run,
        {key: found[key].repository.name for key in chosen},
        {key: ImageName(entry.digest) for key, entry in entries.items()},
        [name],
        gates,
        recorder(run, "rollback", name, run.registry),
        expected={key: found[key].current for key in chosen},
    )
    if run.dry:
        return
    if json:
        document({"images": [as_json(key, item, entries[key].digest, results) for key, item in promotions.items()]})
        return
    for promotion in promotions.values():
        data(promotion.reference)


def _words(item: TagHistory, entry: Entry) -> str:
    """Return which image is put back, in words."""
    from ecr_tasks.model.manifest import short_digest

    number = next(number for number, other in item.numbered if other is entry)
    return f"back to {short_digest(entry.digest)}, its number {number}"


def _with_earlier(found: dict[str, TagHistory], chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of several chosen images whose tag was on an earlier one, and name the others; all if none."""
    earlier = tuple(key for key in chosen if any(number for number, _ in found[key].numbered))
    if not earlier:
        return chosen
    for key in chosen:
        if key not in earlier:
            say(f"{found[key].place} stays: nothing is recorded of what it was before")
    return earlier


def _why_it_stays(key: str, item: TagHistory) -> str:
    """Return why an image is none of those to roll back."""
    if item.current is None:
        return "it has no such tag now"
    now, before = [*(entry.record for entry in item.entries[:2]), None, None][:2]
    if now is not None:
        return "it is back already" if now.release.task == "rollback" else "the last promotion did not set it"
    if before is not None and before.release.was[item.tag] == item.current:
        return "it is on what it was before the last promotion"
    alone = f" (`inv rollback {item.tag} --image {key}` puts it back)" if before is not None else ""
    return f"no record says how it got the image that it is on{alone}"


_SEARCHED = 200
"""How many of a tag's images are searched for a digest."""


def _chosen(found: dict[str, TagHistory], to: str | None) -> tuple[str, ...]:
    """Return the images to roll back: of several, those that the last promotion set, as the others were not changed.

    Raises SettingsError when it can't be told which, or a number or digest is given for several.
    """
    from ecr_tasks.plan.release_history import last_promoted

    if len(found) == 1:
        return tuple(found)
    if to is not None:
        raise SettingsError(
            f"--to counts for one image, and {', '.join(found)} have the tag.", "Choose one with --image."
        )
    chosen = last_promoted(found)
    if not chosen:
        recorded_before = any(len(item.entries) > 1 for item in found.values())
        raise SettingsError(
            f"No record says how {', '.join(found)} got the tag, so that they belong together is not known.",
            "Choose one with --image"
            + (", or promote them once more: what is there already is recorded then." if recorded_before else "."),
        )
    for key, item in found.items():
        if key not in chosen:
            say(f"{item.place} stays: {_why_it_stays(key, item)}")
    return chosen
