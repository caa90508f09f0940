"""The IAM actions that a task needs with these settings, by the table in ``rows.py``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.iam.rows import ROWS, Row
from ecr_tasks.iam.scope import RepositoryAt, Scope
from ecr_tasks.model.account import Need
from ecr_tasks.model.public_limits import PRIVATE_TASKS, not_in_public
from ecr_tasks.model.signing import KeySigner, ProfileSigner, kms_key
from ecr_tasks.settings.parse.registry import RUNNERS
from ecr_tasks.settings.settings import Settings

ADMIN = "admin"
"""The name for all of them together."""


def needs(name: str, settings: Settings, scope: Scope) -> tuple[Need, ...]:
    """Return what a task needs, each action and resource once; ``name`` is one of :data:`ROWS`, or ``admin``.

    Raises SettingsError for another name, and Refused for a task that public repositories give nothing to do.
    """
    found: dict[tuple[str, str], Need] = {}
    for row in _rows(name, scope):
        for need in _needs_of(row, settings, scope):
            key = need.action, need.resource
            if key not in found or (need.required and not found[key].required):
                found[key] = need
    return tuple(found.values())


def task_with(action: str, name: str) -> str:
    """Return the name of the policy for a task that was denied an action: the task's own, else one with the action.

    ``action`` may be empty: not every answer names it. Of ``name`` the last part counts (``ensure``) unless a task is
    called by the whole (``repo.ensure``).
    """
    having = [task for task, rows in ROWS.items() if not action or any(action in row.actions.split() for row in rows)]
    alike = [task for task in having if task.rpartition(".")[2] == name.rpartition(".")[2]]
    return name if name in alike else next(iter([*alike, *having]), ADMIN)


def check_name(name: str) -> None:
    """Raise SettingsError unless a name is one of :data:`ROWS`, or ``admin``."""
    names = [*ROWS, ADMIN]
    if name not in names:
        guess = nearest(name, names, 0.6)
        raise SettingsError(
            f"There is no task {name[:40]!r} that needs rights in AWS.",
            f"{f'Did you mean {guess}? ' if guess else ''}They are {', '.join(names)}.",
        )


def _rows(name: str, scope: Scope) -> Sequence[Row]:
    """Return the rows of a task, or of all. Raises Refused for a task that public repositories give nothing to do."""
    check_name(name)
    private_only = PRIVATE_TASKS if scope.owns_public else {}
    if name in private_only:
        raise not_in_public(private_only[name])
    tasks = [task for task in ROWS if task not in private_only] if name == ADMIN else [name]
    return [row for task in tasks for row in ROWS[task]]


def _needs_of(row: Row, settings: Settings, scope: Scope) -> Iterator[Need]:
    if not row.when(settings, scope) or (row.on == "*" and row.actions.startswith("ecr:") and scope.is_public):
        return
    for resource, condition in (found for word in row.on.split() for found in _resources(word, settings, scope)):
        for action in row.actions.split():
            is_token = action.endswith(("GetAuthorizationToken", "GetServiceBearerToken"))
            yield Need(action, "*" if is_token else resource, row.purpose, row.required, condition)


def _resources(on: str, settings: Settings, scope: Scope) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources of a row, each with the condition of its statement."""
    if on == "own-key":
        yield from _keys(settings.kms_key or "", [place for place in scope.own if not place.is_public])
    elif on == "copies-key":
        yield from _keys(settings.kms_key or "", [place for place in scope.copies if not place.is_public])
    elif on in ("signing-keys", "signers-keys"):
        addresses = [settings.sign.key] if on == "signing-keys" and settings.sign else []
        if on == "signers-keys":
            addresses = [signer.key for signer in settings.signed_by if isinstance(signer, KeySigner)]
        for key in filter(None, map(kms_key, addresses)):
            yield from _keys(key, scope.own, via_ecr=False)
    elif on == "profiles":
        yield from ((arn, {}) for arn in _profiles(settings, scope))
    elif ":" in on:
        yield from _of_service(on, settings, scope)
    elif on.endswith("public-registry"):
        every = scope.own if on.startswith("own-") else (*scope.own, *scope.copies)
        public = [place for place in every if place.is_public]
        yield from ((f"arn:aws:ecr-public::{place.account}:registry/{place.account}", {}) for place in public)
    elif on == "*" or (on == "public-reads" and scope.reads_public):
        yield "*", {}
    elif on == "secrets":
        yield from ((arn, {}) for secret in settings.registry_logins.values() for arn in _secret(secret, scope))
    elif on == "roles":
        yield from ((role, {}) for role in scope.roles)
    every = (*scope.own, *scope.copies)
    places = {"own": scope.own, "copies": scope.copies, "public": every, "own-public": scope.own}
    for place in {**places, "reads": scope.reads, "caches": scope.caches}.get(on, ()):
        if place.is_public == on.endswith("public"):
            yield place.arn, {}


def _secret(secret: str, scope: Scope) -> Iterator[str]:
    """Yield the ARN of a secret in the settings' registry's account and region, unless it is an ARN itself.

    AWS puts a hyphen and six letters of its own after a secret's name (Secrets Manager user guide, "What's in a
    secret").
    """
    if secret.startswith("arn:"):
        yield secret
        return
    for partition, region, account in dict.fromkeys(place.place for place in scope.own):
        yield f"arn:{partition}:secretsmanager:{region}:{account}:secret:{secret}-??????"


def _of_service(on: str, settings: Settings, scope: Scope) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the ARNs of a service's resources in the registries' accounts and regions, and the settings'."""
    registries = dict.fromkeys(place.place for place in (*scope.own, *scope.copies) if not place.is_public)
    service, _, path = on.partition(":")
    more = [(partition, region, account) for partition, _, account in registries for region in settings.prune_ask]
    for partition, region, account in dict.fromkeys(
        (*registries, *(place for place in more if place[1] not in RUNNERS))
    ):
        yield f"arn:{partition}:{service}:{region}:{account}:{path}", {}


def _profiles(settings: Settings, scope: Scope) -> list[str]:
    """Return the ARNs of the signing profiles that the settings name, without versions; else all of the registry."""
    signers = [signer.profile for signer in settings.signed_by if isinstance(signer, ProfileSigner)]
    named = [*([settings.sign.profile] if settings.sign and settings.sign.profile else []), *signers]
    every = [
        f"arn:{place.partition}:signer:{place.region}:{place.account}:/signing-profiles/*" for place in scope.own
    ]
    plain = (arn.rpartition("/signing-profiles/")[0::2] for arn in named)
    found = [f"{start}/signing-profiles/{name.partition('/')[0]}" for start, name in plain]
    return list(dict.fromkeys(found or every))


def _keys(
    key: str, places: Iterable[RepositoryAt], *, via_ecr: bool = True
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the ARNs of a KMS key in the registries of these repositories, for the caller or what ECR does for it.

    An alias is no resource of a key's actions, so it is a condition (KMS developer guide, "Use aliases to control
    access to KMS keys"). ``kms:ViaService`` is ``ecr.REGION.`` and the partition's domain (there, "kms:ViaService").
    """
    registries = dict.fromkeys(place.place for place in places)
    _, alias, name = key.partition("alias/")
    aliases = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias + name}} if alias else {}
    for partition, region, account in registries:
        arn = f"arn:{partition}:kms:{region}:{account}:key/{'*' if alias else key}"
        if key.startswith("arn:") and not alias:
            arn, region = key, key.split(":")[3]
        yield arn, {**({"StringLike": {"kms:ViaService": f"ecr.{region}.*"}} if via_ecr else {}), **aliases}
