"""The `registry` tasks: show the settings of a whole registry, and set those that a file names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, agrees, document, result, result_table, say, working
from ecr_tasks.errors import EcrTasksError, Refused, SettingsError
from ecr_tasks.redaction import keep_public
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.clients.ecr.registry_settings import RegistrySettings
    from ecr_tasks.model.registry_settings import Part, RegistryChange, RegistryState
    from ecr_tasks.runner.run import Run


@task(help={"json": "one JSON document on stdout, whose settings are a file for registry.ensure"})
def show(run: Run, json: bool = False) -> None:
    """Print what is set on the registry itself.

    Scanning, replication, signing, creation templates, pull-through caches,
    the account's settings, pull times and the registry's policy.
    """
    settings = run.private("registry").registry_settings
    with working("asking ECR about the registry"):
        owner, region = settings.owner(), run.registry.region()
        state = settings.read()
    _keep_names(state.parts.get("pullThroughCacheRules", []))
    if json:
        document(_as_json(state, owner.account, region))
        return
    rows = _rows(state)
    labels = [
        Styled(label, "dim", short="" if label == before else None)
        for (before, _), (label, _) in pairwise([("", ""), *rows])
    ]
    result(Styled(f"{owner.account}, {region}", "strong"))
    values = [(label, value) for label, (_, value) in zip(labels, rows, strict=True)]
    result_table(("what", Column("value", least=24)), values, indent=2)


@task(
    may_be_positional="file",
    help={
        "file": "the YAML or JSON file (default: ECR_REGISTRY_FILE)",
        "check": "print the difference, change nothing, and exit with 6 if there is one",
        "yes": "don't ask before something is removed that others may rely on",
        "json": "the difference as one JSON document on stdout",
    },
)
def ensure(run: Run, file: str | None = None, check: bool = False, yes: bool = False, json: bool = False) -> None:
    """Set on the registry what a file names, only that.

    The file has the names of ECR's API; registry.show prints them.
    """
    from ecr_tasks.tasks.differences import show_difference

    settings = run.private("registry").registry_settings
    path, wanted = _wanted(run, settings, file)
    changes = _changes(run, settings, path, wanted)
    for change in changes:
        show_difference(change.difference)
    if not changes:
        say((Styled("the registry", "strong"), ": ", Styled(f"as {path.name} wants it", "good")))
    if json:
        document(
            {"file": str(path), "parts": list(wanted), "differences": [_difference_json(one) for one in changes]}
        )
    if check and changes:
        names = ", ".join(change.difference.aspect for change in changes)
        raise Refused(f"Not as {path.name} wants it: {names}.", f"`inv registry.ensure {path}` changes it.")
    if check or run.dry:
        return
    _agree(run, changes, yes=yes)
    for number, change in enumerate(changes):
        with _telling_what_is_set(changes[:number], changes[number:]):
            settings.apply(change)
        say(f"the registry: {change.difference.aspect} {'removed' if change.wanted is None else 'set'}")


def _wanted(run: Run, settings: RegistrySettings, file: str | None) -> tuple[Path, dict[Part, Any]]:
    """Return the file and what it wants. Raises SettingsError for anything in it that ECR would refuse."""
    from ecr_tasks.plan.registry.file import SETTING, read_registry_file
    from ecr_tasks.plan.registry.rules import check_own_exclusions, check_registry_rules, notes_on

    path = Path(file) if file is not None else run.settings.registry_file
    if path is None:
        raise SettingsError(
            "No file says how the registry is to be.",
            f"Name it: `inv registry.ensure registry.yaml`, or {SETTING}=registry.yaml; `inv registry.show --json` "
            "has what is set now, below settings.",
        )
    wanted = read_registry_file(path)
    settings.check(wanted, path)
    check_registry_rules(wanted, path)
    check_own_exclusions(wanted, path, run.settings)
    _keep_names(wanted.get("pullThroughCacheRules", []))
    for note in notes_on(wanted):
        say(f"note: {note}")
    return path, wanted


def _keep_names(rules: Sequence[Mapping[str, Any]]) -> None:
    """Let the names of secrets be shown, which are none themselves: ``secret:…`` looks like one."""
    keep_public(*(rule.get("credentialArn", "") for rule in rules))


def _changes(run: Run, settings: RegistrySettings, path: Path, wanted: dict[Part, Any]) -> tuple[RegistryChange, ...]:
    from ecr_tasks.plan.registry.difference import registry_changes
    from ecr_tasks.plan.registry.rules import check_destinations, destinations_of

    with working("asking ECR about the registry"):
        owner, region = settings.owner(), run.registry.region()
        regions = settings.regions(region) if destinations_of(wanted) else ()
        check_destinations(wanted, path, owner, region, regions)
        now = {part: settings.part(part) for part in wanted}
    _keep_names(now.get("pullThroughCacheRules", []))
    return registry_changes(now, wanted)


def _agree(run: Run, changes: tuple[RegistryChange, ...], *, yes: bool) -> None:
    """Ask before anything is removed. Raises Refused without a yes."""
    removing = [change.difference.aspect for change in changes if change.removes]
    if not removing or yes:
        return
    if not agrees(f"Remove what is shown in red of {', '.join(removing)}?", in_ci=run.in_ci):
        raise Refused(
            f"Nothing was changed: others may rely on what would be removed of {', '.join(removing)}, and nobody "
            "said yes.",
            "Answer y on a terminal, say --yes, or name in the file what is to stay.",
        )


@contextmanager
def _telling_what_is_set(done: Sequence[RegistryChange], left: Sequence[RegistryChange]) -> Iterator[None]:
    """Let an error say what is set already and what is left; ECR sets one part at a time, and none is put back."""
    try:
        yield
    except EcrTasksError as error:
        states = (("set already", done), ("not set, or not whole", left[:1]), ("not set yet", left[1:]))
        details = [f"{state}: {', '.join(one.difference.aspect for one in some)}" for state, some in states if some]
        raise type(error)(error.cause, error.remedy, details) from error


def _rows(state: RegistryState) -> list[tuple[str, str]]:
    from ecr_tasks.model.registry_settings import PARTS
    from ecr_tasks.plan.registry.difference import lines_of

    rows: list[tuple[str, str]] = []
    values: dict[str, Any] = {"replicationBackfills": list(state.backfills)}
    values.update(state.parts)  # type: ignore[arg-type]
    for name in (*PARTS, "replicationBackfills"):
        if name in state.unasked:
            rows.append((name, f"not known: {state.unasked[name]}"))
        else:
            rows += [(name, line) for line in lines_of(values[name]) or ("none",)]
    return rows


def _as_json(state: RegistryState, account: str, region: str) -> dict[str, Any]:
    return {
        "account": account,
        "region": region,
        "settings": dict(state.parts),
        "replicationBackfills": None if "replicationBackfills" in state.unasked else list(state.backfills),
        "not_known": dict(state.unasked),
    }


def _difference_json(change: RegistryChange) -> dict[str, Any]:
    difference = change.difference
    return {
        "part": change.part,
        "what": difference.aspect,
        "now": list(difference.now),
        "wanted": list(difference.wanted),
        "removes": list(change.removes),
    }
