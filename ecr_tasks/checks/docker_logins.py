"""The check of docker's own logins for ECR: stale ones, twins with https://, helpers that are hidden or missing.

Our runs have a configuration of their own, which leaves such logins out: they are in the way of `docker push` and
`docker pull` by hand, and a missing helper of every image that is read from elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from ecr_tasks.errors import EcrTasksError, ExitCode
from ecr_tasks.model.finding import Finding, RemoveLogins, Section
from ecr_tasks.model.machine import Login, LoginFacts
from ecr_tasks.model.wording import minute, name_some

LOGINS = Section("Logins", ExitCode.BUILD)


def check_logins(facts: LoginFacts | EcrTasksError, read_hosts: Collection[str], now: datetime) -> Iterator[Finding]:
    """Yield what is to say of docker's logins.

    ``read_hosts`` are the registries that builds read from and for which docker gets no token of ours.
    """
    if isinstance(facts, EcrTasksError):
        yield LOGINS.error("docker's configuration", facts)
        return
    found = list(_stale(facts, now)) + list(_missing(facts, read_hosts)) + list(_preferred(facts))
    if found:
        yield from found
    else:
        yield LOGINS.fine("logins", f"{facts.file} has none for ECR that are in the way")


def _stale(facts: LoginFacts, now: datetime) -> Iterator[Finding]:
    by_host: dict[str, list[Login]] = {}
    for login in facts.logins:
        by_host.setdefault(login.host, []).append(login)
    for host, logins in by_host.items():
        helper = facts.helpers.get(host) or facts.store
        ended = {login.key: login.ends for login in logins if login.ends is not None and login.ends <= now}
        keys = tuple(login.key for login in logins)
        words = " and ".join(keys)
        if helper:
            yield LOGINS.warning(
                "shadowed helper",
                f"{facts.file} has a login for {words} beside the credential helper {helper}: what docker takes "
                "depends on its command and version.",
                f"Remove the login (`docker logout {keys[0]}`, or its entry in auths); the helper gives a fresh one.",
                RemoveLogins(facts.file, keys),
            )
        elif len(keys) > 1:
            stale = tuple(ended) or tuple(key for key in keys if key != host)
            yield LOGINS.warning(
                "twins",
                f"{facts.file} has {len(keys)} logins for one registry, {words}: docker may take the older one.",
                f"Remove {' and '.join(stale)} from its auths.",
                RemoveLogins(facts.file, stale),
            )
        elif ended:
            yield LOGINS.warning(
                "stale login",
                f"The login for {words} in {facts.file} ended {minute(min(ended.values()))}.",
                f"Remove it (`docker logout {keys[0]}`), or renew it with `inv login`.",
                RemoveLogins(facts.file, keys),
            )


def _missing(facts: LoginFacts, read_hosts: Collection[str]) -> Iterator[Finding]:
    for helper in facts.missing:
        hosts = [host for host, name in facts.helpers.items() if name == helper]
        is_store = facts.store == helper
        place = "credsStore" if is_store else f"credHelpers for {name_some(hosts)}"
        needed = [host for host in read_hosts if facts.helpers.get(host, facts.store) == helper]
        text = f"{facts.file} names docker-credential-{helper} ({place}), which is not installed"
        remedy = f"Install docker-credential-{helper}, or take it out of {facts.file}."
        if needed:
            yield LOGINS.wrong("missing helper", f"{text}: docker can't read images of {name_some(needed)}.", remedy)
        else:
            yield LOGINS.warning("missing helper", f"{text}.", remedy)


def _preferred(facts: LoginFacts) -> Iterator[Finding]:
    for place, hosts in facts.preferred.items():
        yield LOGINS.warning(
            "preferred login",
            f"{place} has a login for {name_some(hosts)}, which docker takes before its configuration's.",
            f"Take it out of {place}; our runs leave it out.",
        )
