"""The steps of `merge`: find the parts that several runners have pushed, wait for the missing ones, and join them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.console import say, working
from ecr_tasks.errors import EcrTasksError, Refused, SettingsError
from ecr_tasks.execute.parts import Parts, find_parts, other_part
from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict, Waits
from ecr_tasks.plan.parts import no_source_of_parts
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.runner.images import planned_images
from ecr_tasks.runner.job import Job, with_registries
from ecr_tasks.runner.parts import joined, repository_of
from ecr_tasks.runner.plan_warnings import warn_of_other_settings

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run

ONCE = Waits(limit=0.0)
"""The waits of a `merge` that doesn't wait."""

HOUR = Waits(limit=3600.0)
"""The waits of `merge --wait`."""

_ANY_ENGINE = Engine(containerd_store=True, platform="", builder="", driver="")
"""Nothing is built, so what an engine could keep is of no account, and none is asked."""


def start_merge(run: Run, choice: Sequence[str] = ()) -> Job:
    """Plan the images of all platforms as a push would, for an engine that is not needed.

    Raises SettingsError where no image has several platforms, and Refused for a source that runners can't share.
    """
    with working("reading the project"):
        images = planned_images(run, choice=choice)
    several = [image for image in images if len(image.definition.platforms) > 1]
    if not several:
        raise SettingsError(
            "No image here has several platforms, so there is nothing to join.",
            "Set ECR_PLATFORMS to those of all runners, such as linux/amd64,linux/arm64.",
        )
    for image in several:
        if (reason := no_source_of_parts(image, run.source.revision)) is not None:
            raise Refused(
                f"{image.name} can't be joined: {reason}, and its parts are of a commit.",
                "Check out what the runners built, with no changes of your own.",
            )
    if not run.dry:
        run.earlier_outputs.forget(image.repository for image in images)
    job = Job(run.settings, images, None, Plan((), ()), engine=_ANY_ENGINE, choice=tuple(choice))
    return with_registries(run, job, engine=lambda: _ANY_ENGINE)


def with_joined(run: Run, job: Job, waits: Waits) -> Job:
    """Return the job with the indexes of the images whose parts are there, or come while it waits, as its builds.

    The errors of the others are in the job. What one runner alone builds is left out.
    """
    waiting = []
    for item in job.plan.images:
        if item.build_needed and len(item.image.definition.platforms) > 1:
            waiting.append(_Waiting(run, item, waited=waits.limit > 0))
        elif item.build_needed:
            say(f"{item.image.name}: it has no parts, as one runner builds it alone")
    with working("waiting for the parts"):
        wait_for_verdicts([entry.judge for entry in waiting], say, waits)
    built, failed = dict(job.built), dict(job.failed)
    for item in job.plan.images:
        if "platforms" in item.other_settings:
            failed[item.image.name] = _other_platforms(item)
        else:
            warn_of_other_settings(item)
    for entry in waiting:
        name = entry.item.image.name
        try:
            built[name] = entry.join()
        except EcrTasksError as error:  # the other images are published nevertheless, as by a push
            failed[name] = error
    items = [item for item in job.plan.images if not item.build_needed or item.image.name in {*built, *failed}]
    return replace(job, built=built, failed=failed, plan=replace(job.plan, images=tuple(items)))


@dataclass
class _Waiting:
    """An image that is to be joined, with the parts that were there at the last look."""

    run: Run
    item: PlannedImage
    waited: bool
    parts: Parts = field(default_factory=lambda: Parts({}, ()))
    error: EcrTasksError | None = None

    def judge(self) -> Verdict:
        """Look for the parts once more; an error is kept for :meth:`join`."""
        look = partial(find_parts, self.item.image, self.item.revision or "", repository_of(self.item))
        try:
            self.parts = look(self.run.registry)
        except EcrTasksError as error:
            self.error = error
            return Failed(error.cause, error.remedy)
        if not self.parts.missing:
            return Passed("its parts are there")
        words = f"{join_words(self.parts.missing)} of {self.item.image.name}"
        return Pending(words, Failed(f"There is no {words}.", ""))

    def join(self) -> Built:
        """Return the index of the parts. Raises the error of the last look, Refused where parts are missing, and the
        errors of :func:`joined`."""
        if self.error is not None:
            raise self.error
        if self.parts.missing:
            raise _missing(self.run, self.item, self.parts, waited=self.waited)
        return joined(self.run, self.item, self.parts)


def _other_platforms(item: PlannedImage) -> Refused:
    """Return the error of an image of this commit that is published already, with other platforms."""
    return Refused(
        f"{item.image.repository} has {item.image.tags[0].name} already, with other platforms than the settings have "
        "now.",
        "Set ECR_PLATFORMS as it was, or publish this commit once more beside it: `inv build push --republish`.",
    )


def _missing(run: Run, item: PlannedImage, parts: Parts, *, waited: bool) -> Refused:
    """Return the error of an image that lacks parts, with what is there in their place."""
    repository, revision = repository_of(item), item.revision or ""
    there = "it has none at all"
    if parts.present:
        there = f"{join_words([*parts.present])} {'is' if len(parts.present) == 1 else 'are'} there"
    others = [other_part(item.image, name, revision, repository, run.registry) for name in parts.missing]
    other = "".join(f"; {found.words}" for found in others if found.words)
    only = f"`inv build push --only {parts.missing[0]}`"
    return Refused(
        f"{repository.uri} has no part for {join_words(parts.missing)} of this commit, {revision[:12]} "
        f"({there}{other}).",
        "Give every runner the same settings, and run the missing ones again."
        if other
        else f"See what keeps its runner, which runs {only}; --timeout waits longer."
        if waited
        else f"Run {only} on its runner, or wait for it: `inv merge --wait`.",
    )
