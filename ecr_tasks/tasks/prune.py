"""The `prune` task: show what nothing needs, ask, and delete or archive it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, agrees, document, result, result_table, say, warn, working
from ecr_tasks.errors import Refused, RegistryError, SettingsError
from ecr_tasks.runner.command_line import IMAGE, as_choice
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.execute.prune import Outcome
    from ecr_tasks.model.running import Use
    from ecr_tasks.plan.prune.decide import Decision, Verdict
    from ecr_tasks.plan.prune.rules import PruneRule
    from ecr_tasks.runner.prune_look import Look
    from ecr_tasks.runner.run import Run

_RUNNING_BYTES = 64 * 1024 * 1024
_COLUMNS = (
    Column("repository", meaning="strong", least=12),
    Column("tags", least=16),
    Column("digest", 4, meaning="id", cut=12),
    Column("size", 3, right=True),
    Column("pushed", 2),
    Column("why", least=24),
)
_SHOWN_FAILURES = 20

NOT_ASKED = ("App Runner", "AWS Batch", "CodeBuild", "SageMaker", "hosts", "other clouds")
"""What may run images, and is not asked; ECS tells what Batch's jobs run at the moment, not its definitions."""


@task(
    shows_without_registry=True,
    help={
        "image": IMAGE,
        "archive": "move it to ECR's archive instead of deleting it; `restore` brings it back",
        "yes": "don't ask",
        "running": "a file (- is stdin) of references that run where AWS can't be asked, such as on Kubernetes",
        "kept": "show also what stays, and why",
        "lifecycle-policy": "print the rules as a lifecycle policy of ECR, and what it would do otherwise",
        "json": "one JSON document on stdout",
    },
)
def prune(
    run: Run,
    image: str | None = None,
    archive: bool = False,
    yes: bool = False,
    running: str | None = None,
    kept: bool = False,
    lifecycle_policy: bool = False,
    json: bool = False,
) -> None:
    """Delete what nothing needs or runs, after asking.

    By the rules of ECR_PRUNE; --dry shows it and deletes nothing.
    """
    from ecr_tasks.execute.prune import still_going
    from ecr_tasks.runner.prune_look import Pulls, look
    from ecr_tasks.tasks.prune_json import as_json

    registry = run.private("prune")
    rules = prune_rules(run, archive=archive)
    if lifecycle_policy:
        print_lifecycle_policy(rules, archive=archive)
        return
    names = _repositories(run, image)
    elsewhere = _elsewhere(running)
    pulls = Pulls()
    with working("looking at the images and at what runs"):
        first = look(run, names, rules, elsewhere, pulls)
    _say_what_is_unknown(first)
    if not json:
        _show(first.decisions, archive=archive, kept=kept)
    if run.dry or not any(decision.all_going for decision in first.decisions.values()):
        if json:
            document(as_json(registry.region(), first, rules, {}, archive=archive, kept=kept))
        return
    words = "archive" if archive else "delete"
    if not yes:
        _ask(run, first, f"{words.capitalize()} {_summary(first.decisions.values())}?", words)
    with working("looking again"):
        second = look(run, names, rules, elsewhere, pulls)
    waves = {name: still_going(first.decisions[name], second.decisions[name]) for name in names}
    outcomes = _carry_out(run, second, waves, rules, archive=archive)
    if json:
        document(as_json(registry.region(), second, rules, outcomes, archive=archive, kept=kept))
    _say_outcome(outcomes, archive=archive)


def prune_rules(run: Run, *, archive: bool) -> tuple[PruneRule, ...]:
    """Return the rules of ECR_PRUNE. Raises SettingsError without any, and where --archive leaves none."""
    from ecr_tasks.plan.prune.rules import parse_prune_rules

    origin = run.settings.origin("ECR_PRUNE")
    rules = parse_prune_rules(
        run.settings.prune or "", f"ECR_PRUNE ({origin})" if run.settings.prune else "ECR_PRUNE"
    )
    left = tuple(rule for rule in rules if rule.type != "archived") if archive else rules
    if all(rule.type == "keep" for rule in left):
        raise SettingsError(
            "ECR_PRUNE says only which archived images may be deleted, and --archive deletes none.",
            "Leave --archive out, or add a rule that says what may be archived.",
        )
    return left


def print_lifecycle_policy(rules: Sequence[PruneRule], *, archive: bool) -> None:
    """Print the rules as a lifecycle policy on stdout, and on stderr what ECR would do otherwise."""
    from ecr_tasks.plan.prune.lifecycle import as_lifecycle_policy

    policy, differences = as_lifecycle_policy(rules, archive=archive)
    say("ECR applies a lifecycle policy by itself, asks nobody, and differs from `prune`:", *differences, indent=0)
    if policy is None:
        raise Refused(
            "ECR's lifecycle policies can express none of these rules.", "Run `prune` on a schedule instead."
        )
    document(policy)


def _repositories(run: Run, image: str | None) -> list[str]:
    from ecr_tasks.model.reference import ImageName
    from ecr_tasks.runner.images import chosen_repositories

    return list(dict.fromkeys(chosen_repositories(run, ImageName(""), as_choice(image)).values()))


def _elsewhere(running: str | None) -> tuple[Use, ...] | None:
    """Return what --running names. Raises SettingsError for a file that can't be read or that names nothing."""
    if running is None:
        return None
    from pathlib import Path

    from ecr_tasks.files import read_text
    from ecr_tasks.plan.prune.in_use import parse_references

    if running == "-":
        return parse_references(sys.stdin.read(_RUNNING_BYTES) if sys.stdin else "", "stdin")
    try:
        text = read_text(Path(running), errors="replace", limit=_RUNNING_BYTES)
    except OSError as error:
        raise SettingsError(f"--running {running[:200]} can't be read: {error.strerror}.", "Correct it.") from error
    return parse_references(text, running)


def _say_what_is_unknown(look: Look) -> None:
    for reason in look.running.unasked:
        warn(f"{reason}: no image goes that may be in use there.")
    if look.running.unasked:
        say(
            "Allow the question (`inv iam.policy --for prune`), name what runs with --running FILE, or leave out of "
            "ECR_PRUNE_ASK who runs none of these images (docs/prune.md)."
        )
    if look.unknown_branches:
        warn(f"{look.unknown_branches.rstrip('.')}: nothing goes for a branch that is gone.")
    if look.read:
        indexes = "1 index was" if look.read == 1 else f"{look.read} indexes were"
        say(
            f"{indexes} read to see what belongs there, which ECR counts as a pull; ECR_PULL_TIME_EXCLUSIONS=caller "
            "changes that (docs/pull-times.md)."
        )
    if look.replicated:
        places = ", ".join(f"{account}/{region}" for account, region in look.replicated)
        warn(f"ECR replicates deletions: what goes here goes also in {places}.")


def _show(decisions: Mapping[str, Decision], *, archive: bool, kept: bool) -> None:
    """Show what would go in each repository, and with ``kept`` what stays."""
    now = datetime.now(timezone.utc)
    going = [(name, verdict) for name, decision in decisions.items() for verdict in decision.all_going]
    staying = [(name, verdict) for name, decision in decisions.items() for verdict in decision.staying]
    if kept:
        result(Styled("stays:", "strong"))
        result_table(_COLUMNS, [_row(name, verdict, now) for name, verdict in staying])
    if not going:
        say("Nothing goes by these rules.")
        return
    result(Styled("would be archived:" if archive else "would be deleted:", "strong"))
    result_table(_COLUMNS, [_row(name, verdict, now) for name, verdict in going])
    say(_summary(decisions.values()))
    say(f"Not asked what they run: {', '.join(NOT_ASKED)}. Name it with --running FILE (docs/prune.md).")


def _row(name: str, verdict: Verdict, now: datetime) -> tuple[Any, ...]:
    from ecr_tasks.model.manifest import short_tags
    from ecr_tasks.model.wording import human_size
    from ecr_tasks.tasks.images import age

    detail = verdict.detail
    return (
        name,
        Styled(",".join(detail.tags), short=short_tags(detail.tags)) if detail.tags else "",
        detail.digest,
        Styled(str(detail.size), short=human_size(detail.size)) if detail.size is not None else "",
        Styled(detail.pushed.isoformat(), short=age(detail.pushed, now)) if detail.pushed else "",
        verdict.because,
    )


def _summary(decisions: Any) -> str:
    from ecr_tasks.model.wording import human_size

    found = list(decisions)
    going = sum(len(decision.all_going) for decision in found)
    everything = going + sum(len(decision.staying) for decision in found)
    size = human_size(sum(decision.bytes for decision in found))
    return f"{going} of {everything} manifests, at most {size} (images share layers)"


def _ask(run: Run, look: Look, question: str, words: str) -> None:
    """Ask whether to go on. Raises Refused for anything but yes."""
    if not agrees(question, in_ci=run.in_ci):
        raise Refused(f"Nobody said yes, so nothing is {words}d.", "Answer y on a terminal, or say --yes.")


def _carry_out(
    run: Run,
    look: Look,
    waves: Mapping[str, tuple[Sequence[Sequence[Verdict]], list[tuple[Verdict, str]]]],
    rules: Sequence[PruneRule],
    *,
    archive: bool,
) -> dict[str, Outcome]:
    """Delete or archive; the receipt is written before the first image goes, and in the end however that comes."""
    from ecr_tasks.execute.prune import Outcome, remove
    from ecr_tasks.runner import prune_file
    from ecr_tasks.tasks.prune_json import as_json

    begun = datetime.now(timezone.utc)
    target = prune_file.path(run.project, begun)
    outcomes = {name: Outcome(changed=changed) for name, (_, changed) in waves.items()}

    def write() -> None:
        receipt = as_json(run.registry.region(), look, rules, outcomes, archive=archive, kept=False)
        prune_file.write(target, run.project, {**receipt, "begun": begun.isoformat()})

    write()
    try:
        with working("archiving" if archive else "deleting"):
            for name, (going, _) in waves.items():
                remove(
                    name,
                    going,
                    run.private("prune").removal,
                    outcomes[name],
                    archive=archive,
                    progress=lambda done: None,
                )
    finally:
        write()
        say(f"The receipt is {target.relative_to(run.project)}")
    return outcomes


def _say_outcome(outcomes: Mapping[str, Outcome], *, archive: bool) -> None:
    """Say what became of what was to go. Raises RegistryError if something failed."""
    for name, outcome in outcomes.items():
        say(f"{name}: {len(outcome.gone)} {'archived' if archive else 'deleted'}")
        for verdict, reason in outcome.changed[:_SHOWN_FAILURES]:
            say(f"left {_named(verdict)}: {reason}", indent=2)
        if len(outcome.changed) > _SHOWN_FAILURES:
            say(f"and {len(outcome.changed) - _SHOWN_FAILURES} more, which the receipt has", indent=2)
    failed = [(name, *failure) for name, outcome in outcomes.items() for failure in outcome.failed]
    if failed:
        raise RegistryError(
            f"ECR did not {'archive' if archive else 'delete'} {len(failed)} of the images:",
            "The receipt has all of them; run it again, which takes up what is left.",
            [f"{name}: {_named(verdict)}: {reason}" for name, verdict, reason in failed[:_SHOWN_FAILURES]],
        )


def _named(verdict: Verdict) -> str:
    tags = verdict.detail.own_tags
    return f"{tags[0]} ({verdict.detail.digest[:19]})" if tags else verdict.detail.digest
