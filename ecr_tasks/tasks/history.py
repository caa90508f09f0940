"""The `history` task: show what a tag was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, Text, document, result_table, say, warn, working
from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.command_line import IMAGE, as_choice
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_tasks.model.release import Promoter, ReleaseRecord
    from ecr_tasks.plan.release_history import Entry, TagHistory
    from ecr_tasks.runner.run import Run

LIMIT = 20
"""How many images of a tag are shown without --limit."""

PARALLEL = 4
"""The number of repositories that are read at a time."""

_COLUMNS = (
    Column("repository", meaning="strong", least=12),
    Column("#", 9, right=True),
    Column("digest", 8, meaning="id", cut=12),
    Column("when", 7),
    Column("what", 6),
    Column("from", 4),
    Column("who", 5, least=12),
    Column("gates", 3, least=12),
    Column("also", 2, least=12),
    Column("CI run", 1),
)


@task(
    positional=["tag"],
    help={
        "tag": "such as prod, or repository:prod",
        "image": IMAGE,
        "limit": f"no more than this many of each image, the newest (default: {LIMIT})",
        "json": "one JSON document on stdout",
    },
    shows_without_registry=True,
)
def history(run: Run, tag: str, image: str | None = None, limit: str | None = None, json: bool = False) -> None:
    """Show what a tag was: when, who, from, gates.

    0 is what it is now, 1 what it was before; `rollback` takes these numbers.
    `promote` and `rollback` record what they set, as artifacts of the images;
    what `push` or another tool set has no record, so no time and no name.
    """
    from datetime import datetime, timezone

    from ecr_tasks.tasks.images import parse_limit

    found = read_histories(run, tag, image, parse_limit(limit) or LIMIT)
    if json:
        document({"images": [_as_json(name, item) for name, item in found.items()]})
        return
    _show(found, datetime.now(timezone.utc))
    for item in found.values():
        _explain(item)


def read_histories(run: Run, text: str, image: str | None, most: int) -> dict[str, TagHistory]:
    """Return the history of a tag in the repository of each chosen image, by image; what can't be read is a warning.

    Raises RegistryError when no repository has such a tag or a record of one, SettingsError for a digest.
    """
    from ecr_tasks.clients.parallel import map_parallel
    from ecr_tasks.execute.read_history import read_history
    from ecr_tasks.model.reference import parse_image_name
    from ecr_tasks.plan.promotion import check_host
    from ecr_tasks.plan.release_history import unknown_tag
    from ecr_tasks.runner.images import chosen_repositories

    name = parse_image_name(text)
    tag = name.reference
    if tag.startswith("sha256:"):
        raise SettingsError(f"{tag} is a digest, which is one image for ever.", "Name a tag, such as prod.")
    repositories = chosen_repositories(run, name, as_choice(image))
    with working(f"reading what {tag} was"):
        run.registry.connect()
        histories = map_parallel(
            lambda repository: read_history(run.registry, repository, tag, most),
            [*dict.fromkeys(repositories.values())],
            PARALLEL,
            run.retrier,
        )
    by_repository = {item.repository.name: item for item in histories}
    found = {key: by_repository[repository] for key, repository in repositories.items()}
    for item in histories:
        check_host(name, item.repository)
        for digest, reason in item.broken.items():
            warn(f"The release record {digest} of {item.repository.name} is left out: {reason}.")
    known = {key: item for key, item in found.items() if item.current is not None or item.entries}
    if not known:
        raise unknown_tag(histories[0])
    for item in {item.repository.name: item for key, item in found.items() if key not in known}.values():
        say(f"{item.repository.name}: no tag {tag}, and no record of one")
    return known


def _show(found: Mapping[str, TagHistory], now: datetime) -> None:
    """Show the histories in one table."""
    several = len(found) > 1
    rows: list[tuple[Text, ...]] = []
    for item in {item.repository.name: item for item in found.values()}.values():
        for position, (number, entry) in enumerate(item.numbered):
            name = item.repository.name
            rows.append((Styled(name, short="" if position else name), str(number), *_row(item, entry, now)))
    skipped = 0 if several else 1
    result_table(_COLUMNS[skipped:], [row[skipped:] for row in rows])


def _row(item: TagHistory, entry: Entry, now: datetime) -> tuple[Text, ...]:
    from ecr_tasks.tasks.images import age

    record = entry.record
    if record is None:
        return entry.digest, "", Styled("not recorded", "dim"), "", "", "", _also(item, entry), ""
    release = record.release
    return (
        entry.digest,
        Styled(record.pushed.isoformat(), short=age(record.pushed, now)),
        release.task,
        _source(record),
        _who(release.by),
        ", ".join(map(_gate, release.gates)),
        _also(item, entry),
        release.by.ci_run or "",
    )


def _source(record: ReleaseRecord) -> Text:
    release = record.release
    return f"{release.source_place}:{release.source}" if release.source_place is not None else release.source


def _who(by: Promoter) -> Text:
    """Return who promoted: the caller's ARN and git's or the CI's user; for people that user or the caller's role."""
    caller, user = by.caller or "", by.git_user or by.ci_actor
    short = user.partition(" <")[0] if user else caller.rpartition(":")[2].partition("/")[2] or caller
    return Styled(", ".join(filter(None, (caller, user))), short=short)


def _gate(facts: Mapping[str, Any]) -> str:
    option = next((facts[name] for name in ("level", "branch") if isinstance(facts.get(name), str)), "")
    return f"{facts.get('gate', '')} {option}".strip()


def _also(item: TagHistory, entry: Entry) -> Text:
    """Return the image's other tags now, or that it is not there any more."""
    from ecr_tasks.model.manifest import short_tags

    image = item.images.get(entry.digest)
    if image is None:
        return Styled("gone", "bad")
    if image.status != "ACTIVE":
        return Styled(image.status.lower(), "warning")
    tags = [tag for tag in image.own_tags if tag != item.tag]
    return Styled(",".join(tags), short=short_tags(tags))


def _explain(item: TagHistory) -> None:
    """Say what the table can't: a tag that is gone, what is not recorded, records of other registries, older ones."""
    if item.current is None:
        say(f"{item.place} does not exist now.")
    if any(entry.record is None for entry in item.entries):
        say(
            f"Not recorded: set by `push` or another tool, by an older ecr-tasks, or without the right to record; "
            f"{item.place} may have been other images in between."
        )
    if item.elsewhere:
        say(
            f"{len(item.elsewhere)} records of a tag {item.tag} elsewhere came with copies of the images and don't "
            f"count here: {', '.join(dict.fromkeys(str(record.release.place) for record in item.elsewhere))}"
        )
    if not item.is_complete:
        say(f"There is more of {item.place}: --limit {2 * len(item.entries)} shows older ones.")


def _as_json(name: str, item: TagHistory) -> dict[str, Any]:
    return {
        "name": name,
        "registry": item.repository.host,
        "repository": item.repository.name,
        "tag": item.tag,
        "digest": item.current,
        "complete": item.is_complete,
        "history": [_entry_json(item, number, entry) for number, entry in item.numbered],
        "elsewhere": [_record_json(record) for record in item.elsewhere],
        "unreadable": [{"digest": digest, "reason": reason} for digest, reason in item.broken.items()],
    }


def _entry_json(item: TagHistory, number: int, entry: Entry) -> dict[str, Any]:
    image = item.images.get(entry.digest)
    status = image.status.lower() if image is not None else "gone"
    tags: Sequence[str] = image.own_tags if image is not None else ()
    record = _record_json(entry.record) if entry.record is not None else None
    return {"number": number, "digest": entry.digest, "status": status, "tags": list(tags), "record": record}


def _record_json(record: ReleaseRecord) -> dict[str, Any]:
    return {"artifact": record.digest, "recorded": record.pushed.isoformat(), **record.release.document()}
