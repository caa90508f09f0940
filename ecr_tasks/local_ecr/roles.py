"""Who calls, the roles of the accounts, who may assume one, and which registries a role's sessions may use.

In an account where nobody has created a role (CreateRole of IAM), every role is there and may do everything, so that
a project's own names work as they are. Where one was created, only those that were are there: each can be assumed by
whom its trust policy names, with the external id that it asks for (IAM user guide, "Access to AWS accounts owned by
third parties"), and its sessions have no access to another account's repository unless that one's policy gives it
(there, "Cross-account policy evaluation logic"). An access key of twelve digits is that of the user ``local`` in that
account, as with LocalStack (docs.localstack.cloud, "Multi-account setups"); every other key is the default account's.
"""

from __future__ import annotations

import json
import re

from .auth import signer
from .errors import EcrError
from .json_text import parse_json
from .regions import partition
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .http.messages import Request
    from .registry import Registry

_KEY = "roles"
_SESSION = re.compile(r"arn:[a-z-]+:sts::([0-9]{12}):assumed-role/([^/]+)/.*")
_ACCOUNT_KEY = re.compile(r"[0-9]{12}")


def caller(default: Registry, request: Request) -> str:
    """Return the ARN of who signed a request: a role's session, or else an account's user."""
    key, _ = signer(request.headers.get("Authorization")) or ("", "")
    arn: str | None = default.store.db.value("SELECT arn FROM session WHERE access_key = ?", key)
    account = key if _ACCOUNT_KEY.fullmatch(key) else default.account
    return arn or f"arn:{partition(default.region)}:iam::{account}:user/local"


def account_of(arn: str) -> str:
    """Return the account in an ARN."""
    return arn.split(":")[4] if arn.count(":") > 4 else ""


def roles(default: Registry) -> dict[str, dict[str, str]]:
    """Return the roles that were created, by ``account/name``, each with the members of IAM's answer."""
    stored: dict[str, dict[str, str]] = json.loads(default.store.db.setting(_KEY) or "{}")
    return stored


def set_roles(default: Registry, changed: dict[str, dict[str, str]]) -> None:
    """Store the roles."""
    default.store.db.set(_KEY, json.dumps(changed))


def has_roles(default: Registry, account: str) -> bool:
    """Return whether an account has roles of its own, and no others."""
    return any(name.startswith(f"{account}/") for name in roles(default))


def may_assume(default: Registry, principal: str, role: str, facts: dict[str, str], action: str) -> bool:
    """Return whether the trust policy of a role (ARN) lets a principal assume it.

    ``facts`` are the keys that a condition may ask for, such as ``sts:ExternalId``; ``action`` is STS's.
    """
    account, name = account_of(role), role.rpartition("/")[2]
    if not has_roles(default, account):
        return True
    found = roles(default).get(f"{account}/{name}")
    if found is None or found["Arn"] != role:
        return False
    return _allows(found["AssumeRolePolicyDocument"], principal, action, facts)


def may_use(registry: Registry, principal: str, action: str, repository: str | None) -> bool:
    """Return whether a principal may do an action of ECR's in a registry, on a repository that may not be there."""
    default, account = registry.registries.default, account_of(principal)
    if account in ("", registry.account) or _SESSION.fullmatch(principal) is None or not has_roles(default, account):
        return True
    if repository is None:
        return False
    policy = registry.store.db.value("SELECT policy FROM repository WHERE name = ?", repository)
    return bool(policy) and _allows(policy, principal, action, {})


def denial(principal: str, action: str, resource: str, reason: str = "") -> EcrError:
    """Return IAM's exception for what a principal may not do."""
    message = f"User: {principal} is not authorized to perform: {action} on resource: {resource}{reason}"
    return EcrError("AccessDeniedException", message)


def _allows(policy: str, principal: str, action: str, facts: dict[str, str]) -> bool:
    """Return whether a policy allows an action; a Deny goes before an Allow (IAM, "Policy evaluation logic")."""
    effects = {
        statement.get("Effect")
        for statement in _list(parse_json(policy).get("Statement"))
        if any(matches(pattern.lower(), action.lower()) for pattern in _list(statement.get("Action")))
        if any(name == "*" or name in _names(principal, facts) for name in _principals(statement))
        if _holds(statement.get("Condition", {}), facts)
    }
    return "Allow" in effects and "Deny" not in effects


def _principals(statement: dict[str, Any]) -> Iterator[str]:
    principal = statement.get("Principal", {})
    if isinstance(principal, str):
        yield principal
        return
    for kind in ("AWS", "Federated"):
        yield from _list(principal.get(kind, []))


def _names(principal: str, facts: dict[str, str]) -> set[str]:
    """Return all names that a policy may have for a principal: its own, its role's, its account's, its provider's."""
    account, session = account_of(principal), _SESSION.fullmatch(principal)
    if provider := facts.get("provider"):
        return {f"arn:aws:iam::{facts['account']}:oidc-provider/{provider}"}
    head = principal.split(":")[1]
    names = {principal, account, f"arn:{head}:iam::{account}:root"}
    return names | ({f"arn:{head}:iam::{account}:role/{session[2]}"} if session else set())


def _holds(condition: dict[str, dict[str, Any]], facts: dict[str, str]) -> bool:
    """Return whether a condition holds; one of a kind that is not known here does not."""
    for operator, keys in condition.items():
        for key, values in keys.items():
            fact = facts.get(key)
            if operator not in ("StringEquals", "StringLike") or fact is None:
                return False
            if not any(matches(text, fact) if operator == "StringLike" else text == fact for text in _list(values)):
                return False
    return True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
