"""The part of IAM's API (2010-05-08) that gives an account roles: CreateRole, GetRole, DeleteRole."""

from __future__ import annotations

import base64
import os
import re
import time
from urllib.parse import quote

from ..errors import EcrError
from ..json_text import parse_json
from ..regions import partition
from ..roles import account_of, roles, set_roles
from .xml import elements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..registry import Registry

NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
_NAME, _PATH = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII), re.compile(r"/(?:[!-.0-~]+/)*", re.ASCII)


def _create(default: Registry, account: str, form: dict[str, str]) -> str:
    name, path, trust = form.get("RoleName", ""), form.get("Path", "/"), form.get("AssumeRolePolicyDocument", "")
    if not _NAME.fullmatch(name) or not _PATH.fullmatch(path):
        raise EcrError("ValidationError", "1 validation error detected: the role's name or path is not valid.")
    try:
        document = parse_json(trust)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise EcrError("MalformedPolicyDocument", "This policy contains invalid Json")
    known = roles(default)
    if f"{account}/{name}" in known:
        raise EcrError("EntityAlreadyExists", f"Role with name {name} already exists.", status=409)
    known[f"{account}/{name}"] = {
        "Path": path,
        "RoleName": name,
        "RoleId": "AROA" + base64.b32encode(os.urandom(10)).decode(),
        "Arn": f"arn:{partition(default.region)}:iam::{account}:role{path}{name}",
        "CreateDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "AssumeRolePolicyDocument": trust,
    }
    set_roles(default, known)
    return _get(default, account, form)


def _get(default: Registry, account: str, form: dict[str, str]) -> str:
    name = form.get("RoleName", "")
    role = roles(default).get(f"{account}/{name}")
    if role is None:
        raise EcrError("NoSuchEntity", f"The role with name {name} cannot be found.", status=404)
    policy = quote(role["AssumeRolePolicyDocument"], safe="")  # API reference, GetRole: URL-encoded by RFC 3986
    return f"<Role>{elements(**{**role, 'AssumeRolePolicyDocument': policy})}</Role>"


def _delete(default: Registry, account: str, form: dict[str, str]) -> str:
    _get(default, account, form)
    known = roles(default)
    del known[f"{account}/{form['RoleName']}"]
    set_roles(default, known)
    return ""


ACTIONS: dict[str, Callable[[Registry, str, dict[str, str]], str]] = {
    "CreateRole": _create,
    "DeleteRole": _delete,
    "GetRole": _get,
}


def answer(default: Registry, principal: str, action: str, form: dict[str, str]) -> str:
    """Return the result of an action in the principal's account as XML. Raises EcrError."""
    return ACTIONS[action](default, account_of(principal), form)
