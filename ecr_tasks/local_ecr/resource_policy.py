"""Policies of repositories and registries: whether ECR takes a text. Nothing here evaluates one.

The grammar is IAM's (IAM user guide, "Grammar of the IAM JSON policy language"), and a resource's policy has a
principal in every statement. A repository's has no Resource, which is the repository itself
(github.com/awsdocs/amazon-ecr-user-guide, pull request 20; github.com/aws/aws-cdk, issue 3583); a registry's has one.
"""

from __future__ import annotations

from .json_text import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VERSIONS = ("2008-10-17", "2012-10-17")
_PRINCIPALS = {"AWS", "CanonicalUser", "Federated", "Service"}
_MEMBERS = {"Sid", "Effect", "Condition"}


def is_valid(text: str, *, has_resource: bool) -> bool:
    """Return whether ECR takes a policy; ``has_resource`` is true for a registry's."""
    try:
        document = parse_json(text)
    except ValueError:
        return False
    if not isinstance(document, dict) or set(document) - {"Version", "Id", "Statement"}:
        return False
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        return False
    statements = document.get("Statement")
    all_statements = statements if isinstance(statements, list) else [statements]
    return bool(all_statements) and all(_is_statement(item, has_resource=has_resource) for item in all_statements)


def _is_statement(statement: Any, *, has_resource: bool) -> bool:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        return False
    if not isinstance(statement.get("Sid", ""), str) or not isinstance(statement.get("Condition", {}), dict):
        return False
    elements = ("Principal", "Action", "Resource") if has_resource else ("Principal", "Action")
    values = {name: _either(statement, name) for name in elements}
    known = _MEMBERS | {name for element in elements for name in (element, f"Not{element}")}
    if None in values.values() or set(statement) - known:
        return False
    actions = _texts(values["Action"])
    is_ecr = all(action == "*" or action.lower().startswith("ecr:") for action in actions)
    return bool(actions) and is_ecr and _is_principal(values["Principal"])


def _either(statement: dict[str, Any], name: str) -> Any:
    """Return the value of an element or of its opposite; None if the statement has both or neither."""
    values = [statement[member] for member in (name, f"Not{name}") if member in statement]
    return values[0] if len(values) == 1 else None


def _is_principal(value: Any) -> bool:
    if not isinstance(value, dict):
        return bool(value == "*")
    return bool(value) and set(value) <= _PRINCIPALS and all(_texts(item) for item in value.values())


def _texts(value: Any) -> list[str]:
    """Return a text or a list of texts as a list; empty for anything else."""
    items = value if isinstance(value, list) else [value]
    return items if all(isinstance(item, str) and item for item in items) else []
