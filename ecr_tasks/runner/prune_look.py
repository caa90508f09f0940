"""Look at everything that decides what `prune` may delete: images, what runs them, the branches that exist."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.inventory import CACHE
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES
from ecr_tasks.model.release import TagPlace
from ecr_tasks.model.running import Running, Use
from ecr_tasks.settings.parse.registry import RUNNERS

if TYPE_CHECKING:
    from ecr_tasks.model.inventory import ImageDetail
    from ecr_tasks.plan.prune.decide import Decision
    from ecr_tasks.plan.prune.protect import Facts
    from ecr_tasks.plan.prune.rules import PruneRule
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.git.remote_names import RemoteNames

_SERVICES = ("ecs", "lambda", "eks")
_LATE = timedelta(minutes=5)
"""By how much ECR's clock may be ahead of this machine's (AWS Signature Version 4 takes no more)."""


@dataclasses.dataclass
class Pulls:
    """The reads of this run, which ECR counts as pulls: what they have to be told apart by in a second look."""

    begun: datetime | None = None
    before: dict[str, datetime | None] = field(default_factory=dict)

    def without(self, detail: ImageDetail) -> ImageDetail:
        """Return an image with its pull before this run read its manifest, if it was that which ECR recorded."""
        if detail.digest in self.before and detail.pulled and self.begun and detail.pulled >= self.begun - _LATE:
            return replace(detail, pulled=self.before[detail.digest])
        return detail


@dataclass(frozen=True)
class Look:
    """One look: what is decided in each repository, what runs, and what could not be known."""

    account: str
    decisions: Mapping[str, Decision]
    running: Running
    replicated: tuple[tuple[str, str], ...] = ()
    """The accounts and regions to which ECR replicates deletions."""
    unknown_branches: str = ""
    read: int = 0


def look(
    run: Run, names: Sequence[str], rules: Sequence[PruneRule], elsewhere: tuple[Use, ...] | None, pulls: Pulls
) -> Look:
    """Look at repositories and decide by the rules; ``elsewhere`` is what runs where nobody can be asked."""
    from ecr_tasks.plan.prune.in_use import in_use
    from ecr_tasks.plan.prune.names import gone_names, release_names
    from ecr_tasks.plan.prune.protect import Facts

    run.private("prune").connect()
    caller = run.private("prune").caller_account()
    account = run.settings.account_id or caller
    running, replicated = what_runs(run, names, elsewhere, account, caller)
    remote, unknown = _remote(run) if any(rule.type == "gone" for rule in rules) else (None, "")
    others = {item.repository for item in run.settings.destinations if item.repository}
    decisions: dict[str, Decision] = {}
    read = 0
    for name in names:
        digests, tags = in_use(running.uses, {name, *others})
        facts = Facts(
            now=datetime.now(timezone.utc),
            running=digests,
            running_tags=tags,
            unasked=running.unasked,
            is_release=release_names(run.settings, run.source, os.environ),
            is_gone=gone_names(remote, run.source),
        )
        place = TagPlace(account, run.private("prune").region(), name)
        decisions[name], number = _decide(run, place, rules, facts, pulls)
        read += number
    return Look(account, decisions, running, replicated, unknown, read)


def _decide(
    run: Run, place: TagPlace, rules: Sequence[PruneRule], facts: Facts, pulls: Pulls
) -> tuple[Decision, int]:
    """Decide about a repository; return also how many indexes were read for it.

    They are read only where something may go at all.
    """
    from ecr_tasks.plan.prune.decide import decide

    removal, name = run.private("prune").removal, place.repository
    details = [pulls.without(detail) for detail in removal.details(name)]
    indexes = [item for item in details if item.media_type in INDEX_MEDIA_TYPES and item.status == "ACTIVE"]
    guess = decide(details, rules, replace(facts, children={item.digest: () for item in details}))
    if not guess.all_going:
        return guess, 0
    unknown = removal.unknown(indexes)
    pulls.begun = pulls.begun or facts.now
    for item in unknown:
        pulls.before.setdefault(item.digest, item.pulled)
    manifests = removal.manifests(name, indexes)
    children, caches = dict[str, list[str]](), set[str]()
    for digest, document in manifests.items():
        listed = [item for item in document.get("manifests", ()) if isinstance(item.get("digest"), str)]
        children[digest] = [str(item["digest"]) for item in listed]
        if any(item.get("mediaType") == CACHE for item in listed):
            caches.add(digest)
    facts = replace(
        facts, children=children, caches=frozenset(caches), released=_released(run, place, details, rules)
    )
    return decide(details, rules, facts), len(unknown)


def _released(
    run: Run, place: TagPlace, details: Sequence[ImageDetail], rules: Sequence[PruneRule]
) -> Mapping[str, str]:
    """Return by digest why images stay that `rollback` could put back, by the records of its releases."""
    from ecr_tasks.execute.read_history import possible_records, read_records
    from ecr_tasks.plan.prune.releases import earlier_releases

    records, broken = read_records(run.private("prune").artifacts, place.repository, possible_records(details))
    return earlier_releases(details, [one for one in records if one.release.place == place], broken, rules)


def _remote(run: Run) -> tuple[RemoteNames | None, str]:
    """Return what the project's remote has, or why that is unknown."""
    from ecr_tasks.source.git.remote_names import remote_names

    try:
        return remote_names(run.project, environ=os.environ), ""
    except EcrTasksError as error:
        return None, error.cause


def what_runs(
    run: Run, names: Sequence[str], elsewhere: tuple[Use, ...] | None, account: str, caller: str
) -> tuple[Running, tuple[tuple[str, str], ...]]:
    """Ask who may run images of these repositories, in the registry's region and those that get copies.

    Returns also to where ECR replicates deletions. ``elsewhere`` stands for those who can't be asked at all;
    ``account`` is the registry's, ``caller`` that of the credentials.
    """
    from ecr_tasks.clients.parallel import map_parallel
    from ecr_tasks.model.ecr_host import is_on_this_machine

    registry, asked = run.private("prune"), run.settings.prune_ask
    found = Running(elsewhere or (), ("what --running names",) if elsewhere else ())
    replicated: tuple[tuple[str, str], ...] = ()
    if account == caller:  # ECR tells it of the caller's own registry alone
        try:
            replicated = tuple(
                sorted({place for name in names for place in registry.removal.deletes_elsewhere(name)})
            )
        except EcrTasksError as error:
            found += Running(
                failed=(f"where ECR replicates images and deletions could not be asked: {error.cause.rstrip('.')}",)
            )
    is_local = is_on_this_machine(registry.endpoint())
    services = [name for name in _SERVICES if name in asked and not (is_local and not _has_endpoint(run, name))]
    if services:
        regions, strangers = _places(run, names, account, caller, replicated)
        questions = [(service, region) for region in regions for service in services]
        for answer in map_parallel(lambda one: registry.running.ask(*one), questions, 4, run.retrier):
            found += answer
        found += Running(silent=strangers)
    if "accounts" in asked:
        found += _others(run, names, account)
    return (replace(found, silent=()) if elsewhere is not None else found), replicated


def _has_endpoint(run: Run, service: str) -> bool:
    environ = run.settings.sdk_environ(os.environ)
    return bool(environ.get(f"AWS_ENDPOINT_URL_{service.upper()}"))


def _places(
    run: Run, names: Sequence[str], account: str, caller: str, replicated: Sequence[tuple[str, str]]
) -> tuple[list[str], tuple[str, ...]]:
    """Return the regions to ask, and what can't be asked: accounts that these credentials don't belong to.

    Another account runs its own copies, which go only where deletions are replicated to it.
    """
    registry, settings = run.private("prune"), run.settings
    places = {(account, registry.region())}
    for name in names:
        places |= {*registry.replicates_to(name)}
    places |= {(item.account, item.region) for item in settings.destinations if not item.is_public}
    regions = [region for owner, region in sorted(places) if owner == caller]
    regions += [region for region in settings.prune_ask if region not in RUNNERS]
    strangers = tuple(
        f"what runs in account {owner} in {region} can't be asked with the credentials of {caller}"
        for owner, region in sorted(places)
        if owner != caller and (owner == account or (owner, region) in replicated)
    )
    return list(dict.fromkeys(regions)), strangers


def _others(run: Run, names: Sequence[str], account: str) -> Running:
    """Return the other accounts that may pull, as what can't be asked."""
    from ecr_tasks.plan.prune.in_use import others_let_in

    found = Running()
    for name in names:
        try:
            policies = run.private("prune").removal.policies(name)
        except EcrTasksError as error:
            found += Running(failed=(f"who may pull from {name} could not be asked: {error.cause.rstrip('.')}",))
            continue
        others = dict.fromkeys(other for policy in policies for other in others_let_in(policy, account, name))
        for other in others:
            who = "everybody" if other == "*" else f"account {other}"
            found += Running(silent=(f"a policy lets {who} pull from {name}, and what runs there can't be asked",))
        found += Running(asked=() if others else (f"the policy of {name}",))
    return found
