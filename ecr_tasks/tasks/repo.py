"""The `repo` tasks: create or reconcile the repositories, show them, delete them."""

from __future__ import annotations

import json as json_text
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, agrees, document, result, result_table, say, working
from ecr_tasks.errors import Refused, RegistryError, SettingsError
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.model.repository import Comparison, RepositoryState
    from ecr_tasks.runner.run import Run


@task(
    help={
        "check": "print the difference, change nothing, and exit with 6 if there is one",
        "json": "the difference as one JSON document on stdout",
    },
    shows_without_registry=True,
)
def ensure(run: Run, check: bool = False, json: bool = False) -> None:
    """Create the repositories, or set them as configured.

    They are those of the planned images.
    """
    from ecr_tasks.model.repository import Difference
    from ecr_tasks.tasks.differences import show_difference

    with working("asking ECR about the repositories"):
        comparisons = [_compare(run, name) for name in _repository_names(run)]
        pulling = (
            run.private("pull times").pull_time_exclusions.missing() if run.settings.pull_time_exclusions else ()
        )
    for item in comparisons:
        _show_differences(item)
    if pulling:
        say((Styled("the registry", "strong"), ":"))
        show_difference(Difference("pull-time-exclusions", (), pulling))
    if json:
        exclusions = {"missing": list(pulling)} if run.settings.pull_time_exclusions else None
        document({"repositories": [item.as_json() for item in comparisons], "pull_time_exclusions": exclusions})
    different = [item.name for item in comparisons if not item.is_as_desired]
    different += ["the registry's pull-time exclusions"] if pulling else []
    if check and different:
        raise Refused(
            f"Not as the settings want it: {', '.join(different)}.", "`inv repo.ensure` changes what can be changed."
        )
    if check or run.dry:
        return
    for item in comparisons:
        _reconcile(run, item)
    for principal in pulling:
        run.private("pull times").pull_time_exclusions.add(principal)
        say(f"the registry: records no pulls of {principal} any more")


@task(
    help={
        "json": "one JSON document on stdout",
        "open": "open the AWS console's page of them, or the local ECR's; print its address where no browser is",
    }
)
def show(run: Run, json: bool = False, open: bool = False) -> None:  # noqa: A002
    """Print what is set on the repositories."""
    from ecr_tasks.plan.repository.diff import describe_encryption, describe_mutability
    from ecr_tasks.plan.repository.lifecycle_policy import describe_lifecycle

    if open:
        from ecr_tasks.tasks.repository_page import open_repositories

        if json:
            raise SettingsError("--open shows a page, and no document.", "Leave out --open or --json.")
        open_repositories(run, _repository_names(run), settings=True)
        return
    with working("asking ECR about the repositories"):
        states = [_existing_state(run, name) for name in _repository_names(run)]
    if json:
        document({"repositories": [_as_json(state) for state in states]})
        return
    for state in states:
        rows = [
            ("URI", state.repository.uri),
            ("tags", describe_mutability(state.repository.mutability, state.repository.exclusions)),
            ("scan on push", "on" if state.scan_on_push else "off"),
            ("encryption", describe_encryption(state)),
            ("AWS tags", ", ".join(f"{key}={value}" for key, value in sorted(state.tags.items())) or "none"),
            *(("lifecycle", line) for line in describe_lifecycle(state.lifecycle)),
            *(("policy", line) for line in _policy_lines(state.policy)),
        ]
        if state.is_public:
            rows = [row for row in rows if row[0] in ("URI", "tags", "AWS tags")]
        result(*[""] * (state is not states[0]), Styled(state.repository.name, "strong"))
        labels = [
            Styled(label, "dim", short="" if label == before else None)
            for (before, _), (label, _) in pairwise([("", ""), *rows])
        ]
        values = [(label, value) for label, (_, value) in zip(labels, rows, strict=True)]
        result_table(("what", Column("value", least=24)), values, indent=2)


@task(help={"yes": "don't ask", "force": "also with images in it"}, shows_without_registry=True)
def delete(run: Run, yes: bool = False, force: bool = False) -> None:
    """Delete the repositories, after asking.

    One that holds images is deleted only with --force.
    """
    views = run.registry.describe(dict.fromkeys(_repository_names(run), ()))
    existing = [view.repository for view in views.values() if view.repository is not None]
    for name, view in views.items():
        if view.repository is None:
            say(f"{name}: not there")
    if not existing:
        return
    everything = " with every image in it" if force else ""
    addresses = ", ".join(repository.uri for repository in existing)
    if run.dry:
        say(f"would delete {addresses}{everything}")
        return
    if not yes and not agrees(f"Delete {addresses}{everything}?", in_ci=run.in_ci):
        raise Refused("Nothing was deleted: nobody said yes.", "Answer y on a terminal, or say --yes.")
    for repository in existing:
        deleted = run.registry.admin.delete(repository.name, force=force)
        say(f"{repository.name}: {'deleted' if deleted else 'not there'}")


def _repository_names(run: Run) -> list[str]:
    from ecr_tasks.runner.images import planned_repositories

    return list(dict.fromkeys(planned_repositories(run).values()))


def _state(run: Run, name: str) -> RepositoryState | None:
    """Return a repository's state. It is described first, because that call's error names a wrong account."""
    exists = run.registry.describe({name: ()})[name].repository is not None
    return run.registry.admin.state(name) if exists else None


def _existing_state(run: Run, name: str) -> RepositoryState:
    from ecr_tasks.model.refusals import missing_repository

    state = _state(run, name)
    if state is None:
        raise missing_repository(name, remedy="`inv repo.ensure` creates it.")
    return state


def _compare(run: Run, name: str) -> Comparison:
    from ecr_tasks.model.repository import Comparison
    from ecr_tasks.plan.repository.desired import desired_repository, public_repository
    from ecr_tasks.plan.repository.diff import differences

    is_public = run.settings.public_alias is not None
    # Raises errors in the settings before AWS is called.
    desired = public_repository(run.settings) if is_public else desired_repository(run.settings, run.source)
    state = _state(run, name)
    if state is None:
        return Comparison(name, desired, None)
    if not is_public:
        desired = desired_repository(run.settings, run.source, state.repository.exclusions)
    found_differences = differences(state, desired)
    expiring = None
    if desired.lifecycle is not None and any(item.aspect == "lifecycle-policy" for item in found_differences):
        expiring = run.registry.admin.would_expire(name, desired.lifecycle)
    return Comparison(name, desired, state, found_differences, expiring)


def _show_differences(item: Comparison) -> None:
    from ecr_tasks.tasks.differences import show_difference

    if item.state is None:
        say((Styled(item.name, "strong"), ": ", Styled("not there yet", "warning")))
    elif item.is_as_desired:
        say((Styled(item.name, "strong"), ": ", Styled("as the settings want it", "good")))
    else:
        say((Styled(item.name, "strong"), ":"))
        for difference in item.differences:
            show_difference(difference)
    if item.expiring is not None:
        images = "1 image" if item.expiring == 1 else f"{item.expiring} images"
        say(f"by ECR's preview, the new lifecycle policy would expire {images} now", indent=2)
    for note in item.desired.notes:
        say(f"note: {note}", indent=2)


def _reconcile(run: Run, item: Comparison) -> None:
    """Create a repository, or change every aspect that can be changed. Raises Refused if one can't be changed."""
    from ecr_tasks.execute.create_repository import create_repository

    if item.state is None:
        if create_repository(item.name, item.desired, run.registry, say, None).repository is None:
            raise RegistryError(f"The repository {item.name} was deleted as it was created.", "Run it again.")
        return
    for difference in item.differences:
        if difference.changeable:
            run.registry.admin.change(item.state, difference, item.desired)
            say(f"{item.name}: {difference.aspect} set")
    if unchangeable := [difference for difference in item.differences if not difference.changeable]:
        raise Refused(
            f"The {unchangeable[0].aspect} of {item.name} is {', '.join(unchangeable[0].now)}, and it can't be "
            "changed once a repository is created.",
            "Take ECR_KMS_KEY out, or copy the images to a new repository that is created with it.",
        )


def _policy_lines(policy: str | None) -> list[str]:
    from ecr_tasks.documents import parse_json

    return json_text.dumps(parse_json(policy), indent=2).splitlines() if policy else ["none"]


def _as_json(state: RepositoryState) -> dict[str, Any]:
    from ecr_tasks.documents import parse_json

    return {
        "name": state.repository.name,
        "arn": state.arn,
        "uri": state.repository.uri,
        "mutability": state.repository.mutability,
        "exclusion_filters": list(state.repository.exclusions),
        "scan_on_push": state.scan_on_push,
        "encryption": None if state.is_public else {"type": state.encryption, "kms_key": state.kms_key},
        "tags": dict(state.tags),
        "lifecycle_policy": parse_json(state.lifecycle) if state.lifecycle else None,
        "repository_policy": parse_json(state.policy) if state.policy else None,
    }
