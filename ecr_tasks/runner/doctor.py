"""Ask everything that decides whether a push would work, at the same time, each with a time limit.

A question without an answer is in the way of no other: its error stands in the facts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import urlsplit

from ecr_tasks.checks.build_definition import check_images
from ecr_tasks.checks.readiness import Facts
from ecr_tasks.clients.parallel import Question
from ecr_tasks.clients.python_packages import python_facts
from ecr_tasks.console import can_ask, warn_once
from ecr_tasks.errors import AwsError, BuildError, EcrTasksError
from ecr_tasks.execute.base_images import base_images, look_for
from ecr_tasks.model.account import Account, Caller, IdentityFacts, Need, Permission, Region
from ecr_tasks.model.destination import Destination, Identity
from ecr_tasks.model.finding import Finding
from ecr_tasks.model.machine import BuilderFacts, EngineFacts
from ecr_tasks.model.ports import Engine
from ecr_tasks.plan.other_client import DOCKER
from ecr_tasks.plan.plan import Plan
from ecr_tasks.runner.base_places import placed_images
from ecr_tasks.runner.invoke_config import tasks_of
from ecr_tasks.runner.job import Job, read_registries, with_plan
from ecr_tasks.runner.read_dockerfiles import read_dockerfiles
from ecr_tasks.runner.unexpected import unexpected

if TYPE_CHECKING:
    from ecr_tasks.model.image import Image
    from ecr_tasks.runner.run import Run

T = TypeVar("T")
R = TypeVar("R")

SECONDS = 20.0
"""How long a question may take; docker and AWS end their own attempts sooner."""

DOCKER_SECONDS = 10.0


def ask_everything(run: Run) -> Facts:
    """Return the facts about this machine, the project and its registry. Raises nothing but an interruption."""
    load_clients()
    run.ask_briefly(DOCKER_SECONDS)
    machine = run.machine
    settings = _or_error(lambda: run.settings)
    builder_name = None if isinstance(settings, EcrTasksError) else settings.builder
    python = _ask("Python", python_facts)
    tasks = _ask("the project", lambda: tasks_of(run.project))
    client = DOCKER if isinstance(settings, EcrTasksError) else settings.client
    is_docker = client == DOCKER
    other_client = _ask(client, lambda: None if is_docker else machine.other_client(client))
    engine = _ask("docker", lambda: machine.engine() if is_docker else _not_asked(client))
    builder = _ask("docker", lambda: _after(engine, lambda _: machine.builder(builder_name)))
    buildx = _ask("docker", lambda: machine.buildx_version() if is_docker else _not_asked(client))
    left = _ask("the disk", machine.left_names)
    logins = _ask("docker", machine.logins)
    account = settings if isinstance(settings, EcrTasksError) else _or_error(lambda: run.account)
    credentials = _ask("AWS", lambda: _of(account).credentials())
    region = _ask("AWS", lambda: _of(account).region())
    clock = _ask("AWS", lambda: _of(account).clock_ahead())
    caller = _ask("AWS", lambda: _after(credentials, lambda _: _of(account).caller()))
    templates = _ask("AWS", lambda: _after(caller, lambda _: _of(account).templates()))
    scanning = _ask("AWS", lambda: _after(caller, lambda _: _of(account).scanning()))
    identities = _identities(run, account)
    folders = _ask("the disk", lambda: machine.folders(_value(engine.answer)))
    # What follows uses the run itself, which is for one thread at a time.
    _ = left.answer  # before docker's private folder is made, which removes them
    if is_docker:
        run.use_engine(_engine(engine.answer, builder.answer))
    plan, registry, files = _plan(run, caller)
    images = () if isinstance(plan, EcrTasksError) else tuple(item.image for item in plan.images)
    placed = _ask("the registries", lambda: placed_images(run, images) if is_docker else ()).answer
    bases = _ask("the registries", lambda: _base_images(run, _of(placed))).answer
    reads = is_docker and _value(bases) is not None
    read = _ask("docker", lambda: _read(run, _of(placed), builder.answer) if reads else None).answer
    dockerfiles = read if isinstance(read, EcrTasksError) else None
    permissions = _ask("AWS", lambda: _after(caller, lambda found: _permissions(run, _of(account), found))).answer
    identity_facts = identities()
    local_registry = _local_registry(_value(region.answer))
    unreached: str | EcrTasksError = ""
    if local_registry and not isinstance(engine.answer, EcrTasksError):
        unreached = _ask("docker", lambda: machine.reaches(local_registry)).answer
    if not isinstance(account, EcrTasksError):
        account.close()
    return Facts(
        now=datetime.now(timezone.utc),
        python=python.answer,
        tasks=tasks.answer,
        settings=settings,
        engine=engine.answer,
        buildx=buildx.answer,
        builder=builder.answer,
        folders=folders.answer,
        left=left.answer,
        logins=logins.answer,
        credentials=credentials.answer,
        clock=clock.answer,
        caller=caller.answer,
        region=region.answer,
        plan=plan,
        registry=registry,
        templates=templates.answer,
        scanning=scanning.answer,
        permissions=permissions,
        files=files,
        bases=bases,
        dockerfiles=dockerfiles,
        creation=_creation(run, plan),
        local_registry="" if isinstance(engine.answer, EcrTasksError) else local_registry,
        unreached=unreached,
        can_ask=can_ask(in_ci=run.in_ci),
        identities=identity_facts,
        other_client=other_client.answer,
    )


def _not_asked(client: str) -> NoReturn:
    raise BuildError(f"docker was not asked: {client} builds and pushes (ECR_CLIENT).", "Set ECR_CLIENT=docker.")


def load_clients() -> None:
    """Import what the clients use, before a question's time runs: that takes seconds on a machine that is busy."""
    for name in ("python_on_whales", "boto3", "botocore.signers"):
        with suppress(ImportError):  # which a question says with its remedy
            import_module(name)


def _plan(
    run: Run, caller: Question[Caller]
) -> tuple[Plan | EcrTasksError, EcrTasksError | None, Sequence[Finding] | EcrTasksError]:
    """Return the plan of a push, why the registries could not be read, and the findings about the builds' files.

    The registries are read where AWS lets us in; without them the plan has the images alone.
    """
    from ecr_tasks.runner.images import planned_images

    images = _ask("the project", lambda: planned_images(run)).answer
    if isinstance(images, EcrTasksError):
        return images, None, images
    job, read = Job(run.settings, images, None, Plan((), ())), None
    files = _ask("the project", lambda: tuple(check_images(images, run.settings, run.source, os.environ, warn_once)))
    if not isinstance(caller.answer, EcrTasksError):
        found = _ask("the registry", lambda: (read_registries(run, images, republish=False),)).answer
        read = found if isinstance(found, EcrTasksError) else found[0]
    error = read if isinstance(read, EcrTasksError) else None
    snapshot = None if isinstance(read, EcrTasksError) else read
    plan = _or_error(lambda: with_plan(run, job, snapshot).plan)
    return plan, error, files.answer


def _creation(run: Run, plan: Plan | EcrTasksError) -> EcrTasksError | None:
    """Return why a missing repository can't be created as the settings want it; None where none is to be created."""
    from ecr_tasks.plan.repository.desired import desired_repository

    if isinstance(plan, EcrTasksError) or not any(item.creates_any_repository for item in plan.images):
        return None
    desired = _or_error(lambda: desired_repository(run.settings, run.source))
    return desired if isinstance(desired, EcrTasksError) else None


def _engine(engine: EngineFacts | EcrTasksError, builder: BuilderFacts | EcrTasksError) -> Engine | EcrTasksError:
    """Return what the run is to take for the engine, so that one that hangs is waited for only once."""
    if isinstance(engine, EcrTasksError):
        return engine
    return builder if isinstance(builder, EcrTasksError) else builder.engine


def _base_images(run: Run, images: Sequence[Image]) -> Mapping[str, str | EcrTasksError]:
    definitions = [definition for image in images for definition in image.definition.with_links()]
    bases = base_images(definitions, lambda: run.engine().platform)
    if not bases:
        return {}
    return look_for(bases, run.docker, run.settings.builder, run.engine(), run.logins.log_in, run.retrier)


def _read(run: Run, images: Sequence[Image], builder: BuilderFacts | EcrTasksError) -> None:
    """Let the builder read the Dockerfiles. Raises BuildError for what it finds, and where it doesn't answer."""
    if isinstance(builder, BuilderFacts) and builder.error:
        raise BuildError("The builder does not answer.", "Mend the builder first.")
    read_dockerfiles(run, images)


def _permissions(run: Run, account: Account, caller: Caller) -> Sequence[Permission]:
    from ecr_tasks.iam.actions import needs
    from ecr_tasks.runner.iam_scope import iam_scope

    wanted = [need for need in needs("ci", run.settings, iam_scope(run)) if need.action != "sts:AssumeRole"]
    return account.permissions(caller, wanted)  # whether a role can be assumed is tried


def _identities(run: Run, account: Account | EcrTasksError) -> Callable[[], Sequence[IdentityFacts]]:
    """Ask for each identity of a destination at the same time; the result waits for the answers."""
    settings = _or_error(lambda: run.settings)
    if isinstance(settings, EcrTasksError) or isinstance(account, EcrTasksError):
        return tuple
    places: dict[Identity, list[Destination]] = {}
    for destination in settings.destinations:
        if not destination.identity.is_own:
            places.setdefault(destination.identity, []).append(destination)
    accounts = {identity: account.of_identity(identity, there[0].region) for identity, there in places.items()}
    callers = {identity: _ask("AWS", item.caller) for identity, item in accounts.items()}

    def facts() -> Sequence[IdentityFacts]:
        wanted = {identity: _or_error(partial(_needs_of, run, identity)) for identity in places}
        permissions = {
            identity: _ask("AWS", partial(_permissions_of, accounts[identity], callers[identity], wanted[identity]))
            for identity in places
        }
        return [
            IdentityFacts(
                str(identity), tuple(map(str, there)), callers[identity].answer, permissions[identity].answer
            )
            for identity, there in places.items()
        ]

    return facts


def _needs_of(run: Run, identity: Identity) -> Sequence[Need]:
    """Return what a push needs at the destinations of an identity."""
    from ecr_tasks.iam.actions import needs
    from ecr_tasks.runner.iam_scope import iam_scope_of

    return needs("push", run.settings, iam_scope_of(run, identity.role_arn or identity.profile or ""))


def _permissions_of(
    account: Account, caller: Question[Caller], wanted: Sequence[Need] | EcrTasksError
) -> Sequence[Permission]:
    return account.permissions(_of(caller.answer), _of(wanted))


def _local_registry(region: Region | None) -> str:
    """Return the address of a local ECR that the settings choose or that runs; empty without one."""
    from ecr_tasks.local_ecr import background
    from ecr_tasks.local_ecr.errors import LocalEcrError

    if region is not None and region.is_local:
        return urlsplit(region.endpoint).netloc
    try:
        status = background.status(background.default_root())
    except (LocalEcrError, OSError):
        return ""
    return status.registry if status.running else ""


def _ask(whom: str, call: Callable[[], T]) -> Question[T]:
    """Ask a question in a thread of its own."""
    late = partial(
        AwsError if whom in ("AWS", "the registry") else BuildError,
        f"{whom[0].upper()}{whom[1:]} gave no answer within {SECONDS:.0f} seconds.",
        "See whether the network, a proxy, or the profile's credential_process hangs."
        if whom == "AWS"
        else "Run it again; if it stays so, see what hangs there.",
    )
    return Question(call, SECONDS, late, unexpected)


def _after(question: Question[T], call: Callable[[T], R]) -> R:
    """Call a function with an answer. Raises the error that came instead."""
    return call(_of(question.answer))


def _of(answer: T | EcrTasksError) -> T:
    if isinstance(answer, EcrTasksError):
        raise answer
    return answer


def _value(answer: T | EcrTasksError) -> T | None:
    return None if isinstance(answer, EcrTasksError) else answer


def _or_error(call: Callable[[], T]) -> T | EcrTasksError:
    try:
        return call()
    except EcrTasksError as error:
        return error
    except Exception as error:
        return unexpected(error)
