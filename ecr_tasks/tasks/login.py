"""The `login` and `logout` tasks: log docker in to this registry for later docker commands, and out of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


@task()
def login(run: Run) -> None:
    """Log docker in to this registry, lastingly.

    The other tasks need no login.
    """
    token = run.registry.token()
    if run.dry:
        say(f"would log docker in to {token.host}")
        return
    run.docker.login(token)
    client = run.settings.client
    say(f"{client} is logged in to {token.host} for twelve hours, or until the session of the AWS credentials ends")
    from ecr_tasks.clients.docker.logins import AUTH_CONFIG, has_login

    if has_login(os.environ.get(AUTH_CONFIG, ""), token.host):
        warn(f"docker will not use it: it prefers the login for {token.host} in {AUTH_CONFIG}. Take that one out.")


@task()
def logout(run: Run) -> None:
    """Log docker out of this registry."""
    host = run.registry.token().host
    if run.dry:
        say(f"would log docker out of {host}")
        return
    run.docker.logout(host)
    say(f"{run.settings.client} is logged out of {host}")
