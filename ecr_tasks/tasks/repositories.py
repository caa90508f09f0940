"""The repository tasks: create and reconcile, show, delete."""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass
from typing import Any

from ecr_tasks.console import agrees, document, say, table
from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.model.repository import DesiredRepository, Difference, RepositoryState
from ecr_tasks.plan.repository.desired import desired_repository
from ecr_tasks.plan.repository.diff import describe_encryption, describe_mutability, differences
from ecr_tasks.plan.repository.lifecycle import describe_lifecycle
from ecr_tasks.runner.create_repository import create
from ecr_tasks.runner.repositories import planned_repositories
from ecr_tasks.runner.run import Run


@dataclass(frozen=True)
class Found:
    """One repository, what is wanted of it, and what is not so; ``expiring`` by a new lifecycle policy."""

    name: str
    wanted: DesiredRepository
    state: RepositoryState | None
    differences: tuple[Difference, ...] = ()
    expiring: int | None = None

    @property
    def as_wanted(self) -> bool:
        """Whether there is nothing to do."""
        return self.state is not None and not self.differences

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "exists": self.state is not None,
            "differences": [difference.as_json() for difference in self.differences],
            "would_expire": self.expiring,
            "notes": list(self.wanted.notes),
        }


def ensure(run: Run, *, check: bool, json: bool) -> None:
    """The `repo.ensure` task: creates and reconciles, and says before each change what it changes.

    With ``check`` nothing is changed and a difference is Refused.
    """
    if run.registry_away:
        say("what would change is known when the local ECR runs")
        return
    found = [_look(run, name) for name in dict.fromkeys(planned_repositories(run).values())]
    for item in found:
        _tell(item)
    if json:
        document({"repositories": [item.as_json() for item in found]})
    different = [item.name for item in found if not item.as_wanted]
    if check and different:
        raise Refused(
            f"Not as the settings want it: {', '.join(different)}.", "`inv repo.ensure` changes what can be changed."
        )
    if check or run.dry:
        return
    for item in found:
        _apply(run, item)


def show(run: Run, *, json: bool) -> None:
    """The `repo.show` task: what is set on the repositories, in words or as one JSON document."""
    states = [_state(run, name) for name in dict.fromkeys(planned_repositories(run).values())]
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
            *(("policy", line) for line in _lines(state.policy)),
        ]
        table((state.repository.name, ""), rows)


def delete(run: Run, *, yes: bool, force: bool) -> None:
    """The `repo.delete` task. Refused where nobody says yes, and for a repository with images without ``force``."""
    names = tuple(dict.fromkeys(planned_repositories(run).values()))
    views = {} if run.registry_away else run.registry.describe(dict.fromkeys(names, ()))
    there = [view.repository for view in views.values() if view.repository is not None]
    for name in names:
        if name not in {repository.name for repository in there}:
            say(f"{name}: not there")
    if not there:
        return
    everything = " with every image in it" if force else ""
    listed = ", ".join(repository.uri for repository in there)
    if run.dry:
        say(f"would delete {listed}{everything}")
        return
    if not yes and not agrees(f"Delete {listed}{everything}?"):
        raise Refused("Nothing was deleted: nobody said yes.", "Answer y on a terminal, or say --yes.")
    for repository in there:
        gone = run.registry.admin.delete(repository.name, force=force)
        say(f"{repository.name}: {'deleted' if gone else 'not there'}")


def _look(run: Run, name: str) -> Found:
    """What is wanted, checked, and what is there. The look comes first: it names a wrong account."""
    wanted = desired_repository(run.settings, run.source)
    there = run.registry.describe({name: ()})[name].repository
    state = run.registry.admin.state(name) if there is not None else None
    if state is None:
        return Found(name, wanted, None)
    wanted = desired_repository(run.settings, run.source, state.repository.exclusions)
    found = differences(state, wanted)
    expiring = None
    if wanted.lifecycle is not None and any(item.aspect == "lifecycle-policy" for item in found):
        expiring = run.registry.admin.would_expire(name, wanted.lifecycle)
    return Found(name, wanted, state, found, expiring)


def _tell(item: Found) -> None:
    if item.state is None:
        say(f"{item.name}: not there yet")
    elif item.as_wanted:
        say(f"{item.name}: as the settings want it")
    else:
        say(f"{item.name}:")
        for difference in item.differences:
            for line in difference.lines:
                say(f"  {line}")
    if item.expiring is not None:
        images = "1 image" if item.expiring == 1 else f"{item.expiring} images"
        say(f"  by ECR's preview, the new lifecycle policy would expire {images} now")
    for note in item.wanted.notes:
        say(f"  note: {note}")


def _apply(run: Run, item: Found) -> None:
    """Creates a repository, or makes every aspect as wanted that can be; Refused for the rest."""
    if item.state is None:
        if create(run, item.name, whole=True).repository is None:
            raise RegistryError(f"The repository {item.name} was deleted as it was created.", "Run it again.")
        return
    for difference in item.differences:
        if difference.changeable:
            run.registry.admin.change(item.state, difference, item.wanted)
            say(f"{item.name}: {difference.aspect} set")
    if fixed := [difference for difference in item.differences if not difference.changeable]:
        raise Refused(
            f"The {fixed[0].aspect} of {item.name} is {', '.join(fixed[0].now)}, and it can't be changed once a "
            "repository is created.",
            "Take ECR_KMS_KEY out, or copy the images to a new repository that is created with it.",
        )


def _state(run: Run, name: str) -> RepositoryState:
    there = run.registry.describe({name: ()})[name].repository
    state = run.registry.admin.state(name) if there is not None else None
    if state is None:
        raise RegistryError(
            f"The repository {name} does not exist in this registry.", "`inv repo.ensure` creates it."
        )
    return state


def _lines(policy: str | None) -> list[str]:
    return json_text.dumps(json_text.loads(policy), indent=2).splitlines() if policy else ["none"]


def _as_json(state: RepositoryState) -> dict[str, Any]:
    return {
        "name": state.repository.name,
        "arn": state.arn,
        "uri": state.repository.uri,
        "mutability": state.repository.mutability,
        "exclusion_filters": list(state.repository.exclusions),
        "scan_on_push": state.scan_on_push,
        "encryption": {"type": state.encryption, "kms_key": state.kms_key},
        "tags": dict(state.tags),
        "lifecycle_policy": json_text.loads(state.lifecycle) if state.lifecycle else None,
        "repository_policy": json_text.loads(state.policy) if state.policy else None,
    }
