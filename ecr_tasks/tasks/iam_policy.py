"""The `iam.policy` task: print the least policy for what tasks do in AWS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import document, say
from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.model.account import Need
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.runner.run import Run

SIDES = ("role", "repository", "caller", "trust")
_READERS = ("pull", "export", "ec2.user-data")


@task(
    iterable=["to"],
    help={
        "for": "push, pull, ci, promote, scan, prune, admin, or another task's name (default: push)",
        "side": "whose policy: role, which runs the tasks (default); repository, of another account; caller, who "
        "assumes ECR_ROLE_ARN; trust, whom the role of --identity lets assume it",
        "principal": "with --side repository or trust: the ARN to let in (default: ECR_ROLE_ARN)",
        "account": "with --side repository: the account, if there are several",
        "to": "one more ACCOUNT/REGION[/REPOSITORY] that `promote --to` copies to; once for each",
        "registry": "ACCOUNT/REGION or host of the one destination that is pulled from (pull, export, ec2.user-data)",
        "identity": "of the destinations' roles (or profiles without one), the one whose policy it is",
        "required": "leave out what is only used where it is granted",
    },
)
def policy(
    run: Run,
    for_: str = "push",
    side: str = "role",
    principal: str | None = None,
    account: str | None = None,
    to: list[str] | None = None,
    registry: str | None = None,
    identity: str | None = None,
    required: bool = False,
) -> None:
    """Print the least IAM policy for what is configured."""
    from ecr_tasks.iam.actions import check_name, needs
    from ecr_tasks.iam.policy import caller_policy, identity_policy
    from ecr_tasks.runner.iam_scope import iam_scope, iam_scope_of
    from ecr_tasks.tasks.promote import parse_destination

    check_name(for_)
    _check_options(side, principal, account)
    if identity is not None and (registry is not None or side == "caller"):
        other = "--registry" if registry is not None else "--side caller"
        raise SettingsError(f"--identity and {other} are of two different policies.", "Leave one of them out.")
    if side == "caller":
        document(caller_policy(_role(run)))
        say("It is for those who assume the role with credentials of their own; a CI's token needs `inv iam.trust`.")
        return
    if side == "trust":
        document(_trust(run, identity, principal, to or ()))
        return
    place = _readers_place(for_, registry) if registry is not None else None
    more = [*(parse_destination(text) for text in to or ()), *([place] if place else ())]
    scope = iam_scope(run, more) if identity is None else iam_scope_of(run, identity, more)
    if place is not None:
        scope = scope.only_at(place.account, place.region)
    found = [need for need in needs(for_, run.settings, scope) if need.required or not required]
    if not found:
        raise SettingsError(
            f"{for_} does nothing in AWS with these settings, so there is no policy to print.",
            "Leave it without one; base images in ECR, ECR_CACHE=registry or destinations would need one.",
        )
    if side == "repository":
        role = identity if identity and identity.startswith("arn:") else None
        document(_of_repositories(run, found, principal or role, account))
        return
    document(identity_policy(found))
    _explain(for_, found, identity or run.settings.role_arn, is_own=identity is None)
    for role in scope.roles:
        say(f"It lets {role} be assumed, whose own policy is `inv iam.policy --for {for_} --identity {role}`.")


def _check_options(side: str, principal: str | None, account: str | None) -> None:
    """Raise SettingsError for an unknown side, and for options that it doesn't take."""
    if side not in SIDES:
        raise SettingsError(
            f"There is no side {side[:40]!r}.",
            f"Did you mean {nearest(side, SIDES)}? The sides are {', '.join(SIDES)}.",
        )
    if (principal and side not in ("repository", "trust")) or (account and side != "repository"):
        name = "--principal" if principal else "--account"
        raise SettingsError(f"{name} is of the other side's policy alone.", "Add --side repository, or leave it out.")


def _readers_place(name: str, registry: str) -> Destination:
    """Return the registry of who only reads images. Raises SettingsError for other tasks and for ECR Public."""
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.model.ecr_host import parse_ecr_host
    from ecr_tasks.tasks.promote import parse_destination

    if name not in _READERS:
        raise SettingsError(
            f"--registry is for who only reads images: --for {', '.join(_READERS)}.",
            "Leave it out: a policy for other tasks has all destinations.",
        )
    host = parse_ecr_host(registry)
    place = Destination(host.account, host.region) if host and host.account else parse_destination(registry)
    if place.is_public:
        raise SettingsError("Everybody may pull from ECR Public: it takes no policy.", "Leave --registry out.")
    return place


def _role(run: Run) -> str:
    if run.settings.role_arn is None:
        raise SettingsError(
            "ECR_ROLE_ARN is not set, so there is no role that somebody assumes.", "Set it, or leave --side out."
        )
    return run.settings.role_arn


def _trust(run: Run, identity: str | None, principal: str | None, to: Sequence[str]) -> dict[str, Any]:
    """Return the trust policy of a destination's role, for the principal that assumes it."""
    from ecr_tasks.iam.policy import parse_principal, role_trust_policy
    from ecr_tasks.runner.iam_scope import known_destinations
    from ecr_tasks.tasks.promote import parse_destination

    identities = [item.identity for item in known_destinations(run, map(parse_destination, to))]
    chosen = dict.fromkeys(item for item in identities if item.role_arn and item.role_arn == identity)
    if not chosen:
        roles = ", ".join(dict.fromkeys(item.role_arn for item in identities if item.role_arn))
        raise SettingsError(
            f"No destination has the role {str(identity)[:200]}, so that there is nobody to trust.",
            f"Say --identity with one of {roles}."
            if roles
            else "Name one: ECR_DESTINATIONS=ACCOUNT/REGION,role=ARN.",
        )
    (found, *others) = chosen
    if others:
        raise SettingsError(
            f"The role {identity} is assumed in {len(chosen)} ways: {', '.join(map(str, chosen))}.",
            "Let its destinations have the same external id and profile.",
        )
    own = None if found.profile else run.settings.role_arn
    if (principal or own) is None:
        raise SettingsError(
            "Whom the role is to trust is not known.",
            "Say --principal with the ARN of who assumes it"
            + (
                f", which is whom the profile {found.profile} logs in." if found.profile else ", or set ECR_ROLE_ARN."
            ),
        )
    arn, _, _ = parse_principal(principal or own or "")
    say(f"It is the trust policy of {identity}; {arn} also has to be allowed sts:AssumeRole on it.")
    return role_trust_policy(arn, found.external_id)


def _of_repositories(run: Run, needs: Sequence[Need], principal: str | None, account: str | None) -> dict[str, Any]:
    """Return the policy by which another account's repositories let the principal in."""
    from ecr_tasks.iam.policy import other_accounts, parse_principal, repository_policy

    name = principal or run.settings.role_arn
    if name is None:
        raise SettingsError(
            "Whom the repositories are to let in is not known.",
            "Say --principal with the ARN of the role or user that runs the tasks, or set ECR_ROLE_ARN.",
        )
    arn, partition, own = parse_principal(name)
    others = other_accounts(needs, own)
    if not others:
        raise SettingsError(
            f"All repositories are in {own}, the account of {arn}: they need no policy of their own.",
            "Leave --side out: the role's policy is enough.",
        )
    if account is not None and account not in others:
        raise SettingsError(f"The tasks use no repository of {account!r}.", f"Choose one of {', '.join(others)}.")
    documents = {item: repository_policy(needs, item, arn) for item in ([account] if account else others)}
    first, *more = documents
    if any(documents[item] != documents[first] for item in more):
        raise SettingsError(
            f"The repositories of {', '.join(others)} need different policies.", "Say which with --account."
        )
    resources = dict.fromkeys(need.resource for need in needs if need.action.startswith("ecr:"))
    repositories = [item for item in resources if any(f":{other}:" in item for other in documents)]
    partitions = {item.split(":")[1] for item in repositories}
    if partitions != {partition}:
        raise SettingsError(
            f"{arn} is in the partition {partition}, and the repositories are in {', '.join(sorted(partitions))}.",
            "AWS lets nobody in from another partition: use credentials of that one.",
        )
    say(f"It is the policy of each of these repositories, for {arn}:", *(f"  {item}" for item in repositories))
    say("Set it with `aws ecr set-repository-policy`, or in that account with ECR_REPOSITORY_POLICY and repo.ensure.")
    say(f"{arn} also needs its own: the same command without --side.")
    return documents[first]


def _explain(name: str, needs: Sequence[Need], role: str | None, *, is_own: bool) -> None:
    """Say on stderr what is optional, and what else has to be allowed elsewhere.

    ``role`` is whose policy it is, if that is known; ``is_own`` is whether it is that of the settings.
    """
    from ecr_tasks.iam.policy import other_accounts, parse_principal

    optional: dict[str, list[str]] = {}
    for need in needs:
        if not need.required and need.action not in optional.setdefault(need.purpose, []):
            optional[need.purpose].append(need.action)
    if optional:
        say("Only used where it is granted; --required leaves it out:")
        say(*(f"{', '.join(actions)}: {purpose}" for purpose, actions in optional.items()), indent=2)
    if role is None:
        return
    say(f"It is the policy of {role}.{' `--side caller` prints that of those who assume it.' if is_own else ''}")
    if not role.startswith("arn:"):
        return
    if others := other_accounts(needs, parse_principal(role)[2]):
        words = f"The repositories of {', '.join(others)} have to let the role in, too"
        option = "" if is_own else f" --identity {role}"
        say(f"{words}: `inv iam.policy --for {name} --side repository{option}`.")
