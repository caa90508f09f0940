"""The description of a CI system's OpenID Connect tokens, of which each system's ``oidc.py`` has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ecr_tasks.ci.oidc.subject import Scope, Subject
from ecr_tasks.ci.oidc.tokens import TokenSource


@dataclass(frozen=True)
class Issuer:
    """How a system's jobs get a token, and what the token says.

    ``token_source`` returns where a job with these variables gets its token; None when it is offered none, and then
    ``hint`` tells people what to do. ``subject`` returns the token's issuer, audience and subjects for the runs in a
    scope, and raises SettingsError when a value that it needs is None. ``organization_variable`` and
    ``project_variable`` name the variables that contain the scope's organization and project in a job.
    """

    token_source: Callable[[Mapping[str, str]], TokenSource | None]
    subject: Callable[[Scope], Subject]
    hint: str
    organization_variable: str = ""
    project_variable: str = ""
