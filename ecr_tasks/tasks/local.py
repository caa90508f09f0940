"""The `local` tasks: start and stop the local ECR, open its page, and make the tasks that follow use it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn_once
from ecr_tasks.errors import EcrTasksError, RegistryError, SettingsError
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.local_ecr import background
    from ecr_tasks.runner.run import Run

CONTAINER = "ecr-tasks-local"
DEFAULT_IMAGE = "python:3-slim"


@task()
def use(run: Run) -> None:
    """Use the local ECR in the tasks that follow.

    It is started if need be.
    """
    from ecr_tasks.local_ecr import background

    with translate_errors():
        status = background.status(background.default_root())
        if not status.running and run.dry:
            say("would start the local ECR; until it runs nobody can say what it holds")
            run.use_no_registry()
            return
        if not status.running:
            status = _start(run, container=_needs_container(), port=None, image=DEFAULT_IMAGE)
    warn_of_other_version(status)
    run.override(environment(status))
    _use_local_alias(run)
    say(f"the local ECR is at {status.endpoint} (account {status.account}, region {status.region})")


@task(
    help={
        "container": "run it in a container, for engines in a virtual machine (Docker Desktop)",
        "port": "its port (default: the one it had, or any)",
        "image": "the container's image; it needs Python 3.10 or newer",
    }
)
def up(run: Run, container: bool = False, port: str | None = None, image: str = DEFAULT_IMAGE) -> None:
    """Start the local ECR."""
    from ecr_tasks.local_ecr import background

    number = parse_port(port)
    if run.dry:
        say("would start the local ECR")
        return
    with translate_errors():
        root = background.default_root()
        status = background.status(root)
        if not status.running:
            status = _start(run, container=container, port=number, image=image)
        elif number is not None:
            status = background.up(root, port=number)  # which says so where it runs at another
    warn_of_other_version(status)
    say(f"the local ECR is at {status.endpoint}, its data in {status.root}")


@task()
def down(run: Run) -> None:
    """Stop the local ECR; what it holds stays."""
    from ecr_tasks.local_ecr import background

    with translate_errors():
        status = background.status(background.default_root())
        if not (status.running or status.hangs or status.container):
            say("the local ECR is not running")
        elif run.dry:
            say("would stop the local ECR")
        else:
            background.down(background.default_root())  # first: without an engine the container can't be removed
            if status.container:
                run.docker.remove_service(status.container)
            say("the local ECR has stopped; what it holds stays")


@task(help={"print": "print the page's address on stdout, open nothing"})
def open_page(run: Run, print: bool = False) -> None:  # noqa: A002  (the flag's name)
    """Open the local ECR's own page in the browser.

    It shows what the local ECR holds, and how to push to it.
    """
    from ecr_tasks.local_ecr import background
    from ecr_tasks.tasks.web_page import show_page

    with translate_errors():
        status = background.status(background.default_root())
        if not status.running and run.dry:
            say("would start the local ECR and open its page")
            return
        if not status.running:
            status = _start(run, container=_needs_container(), port=None, image=DEFAULT_IMAGE)
    if status.repositories is None and status.is_other_version:  # a version without what the page shows
        raise RegistryError(
            "The local ECR that runs is of an earlier version, which has no page.",
            "`inv local.down local.open` starts this version; what it holds stays.",
        )
    warn_of_other_version(status)
    show_page(run, f"{status.endpoint}/", only_print=print)


def warn_of_other_version(status: background.Status) -> None:
    """Warn if the local ECR that runs was started from other code than this, as before an upgrade."""
    if status.is_other_version:
        warn_once(
            "The local ECR that runs was started by another version of ecr-tasks;"
            " `inv local.down local.up` starts this one, and what it holds stays."
        )


def _use_local_alias(run: Run) -> None:
    """Name a public repository of the settings as the local ECR does, which has one alias for all."""
    from ecr_tasks.local_ecr.constants import PUBLIC_ALIAS
    from ecr_tasks.model.destination import PUBLIC_HOST

    with suppress(EcrTasksError):  # which the task says that uses the settings
        settings = run.settings
        if settings.public_alias in (None, PUBLIC_ALIAS):
            return

        def local(name: str) -> str:
            return f"{PUBLIC_HOST}/{PUBLIC_ALIAS}/{name.partition('/')[2]}"

        names = {"ECR_REPOSITORY": settings.repository, "ECR_REPOSITORY_PREFIX": settings.repository_prefix}
        overrides = {setting: local(name) for setting, name in names.items() if name is not None}
        if settings.repository_map:
            entries = (f"{target}={local(name)}\n" for target, name in settings.repository_map.items())
            overrides["ECR_REPOSITORY_MAP"] = "".join(entries)
        run.override(overrides)


def environment(status: background.Status) -> dict[str, str]:
    """Return the settings that make the tasks use the local ECR; a profile or role that would prevent it is unset."""
    endpoint = status.endpoint or ""
    return {
        "AWS_ENDPOINT_URL": "",
        "AWS_ENDPOINT_URL_ECR": endpoint,
        "AWS_ENDPOINT_URL_ECR_PUBLIC": endpoint,
        "AWS_ENDPOINT_URL_STS": endpoint,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "",
        "AWS_USE_FIPS_ENDPOINT": "false",
        "AWS_USE_DUALSTACK_ENDPOINT": "false",
        "AWS_REGION": status.region,
        "AWS_DEFAULT_REGION": status.region,
        "AWS_ACCOUNT_ID": status.account,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "",
        "AWS_PROFILE": "",
        "ECR_ROLE_ARN": "",
        "ECR_CREATE_REPOSITORY": "true",
    }


def _start(run: Run, *, container: bool, port: int | None, image: str) -> background.Status:
    from ecr_tasks.local_ecr import background

    root = background.default_root()
    if not container:
        return background.up(root, port=port)
    port = port or _free_port()
    address = f"127.0.0.1:{port}"
    package = Path(background.__file__).parent
    command = ["env", "PYTHONPATH=/opt", "PYTHONDONTWRITEBYTECODE=1", "python3", "-m", "ecr_tasks.local_ecr"]
    all_interfaces = "0.0.0.0"  # noqa: S104 - inside the container; docker publishes the port only on 127.0.0.1
    command += ["--root", "/data", "--host", all_interfaces, "--port", str(port), "--advertise", address]
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Only the package local_ecr is mounted: it needs no other one, and ecr_tasks is an empty namespace package.
    mounts = {str(package): "/opt/ecr_tasks/local_ecr:ro", str(root): "/data"}
    run.docker.run_service(CONTAINER, image, command, port=port, mounts=mounts)
    return background.adopt(root, endpoint=f"http://{address}", container=CONTAINER)


def parse_port(text: str | None) -> int | None:
    """Return the number of --port, None without one or for 0. Raises SettingsError for anything but a port."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536):
        raise SettingsError(f"--port {text[:100]} is no port.", "Write a number up to 65535, such as --port 5000.")
    return int(text) or None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _needs_container() -> bool:
    """Return whether docker's engine runs in a virtual machine, which does not reach this machine's 127.0.0.1."""
    return sys.platform in ("darwin", "win32")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise an error of the local ECR as one of the tasks."""
    from ecr_tasks.local_ecr.errors import LocalEcrError

    try:
        yield
    except LocalEcrError as error:
        raise RegistryError(error.cause, error.remedy) from error
