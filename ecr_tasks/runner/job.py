"""The job of `build` and `push`: what the project and the registries have, and the plan that is made from it.

Modules that only some runs need are imported inside functions, here and in the steps, so that a run that finds
everything published is fast.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.clients.absent_registry import AbsentRegistryError
from ecr_tasks.console import say, warn_once, working
from ecr_tasks.errors import AwsError, EcrTasksError, RegistryError, SettingsError
from ecr_tasks.execute.look_at_registries import engine_or_error, look_at_registries
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import NOTHING_FRESH, Fresh, Image
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.cache import caches_of
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.snapshot import Snapshot, is_fresh
from ecr_tasks.runner import receipt_file
from ecr_tasks.runner.history import relations
from ecr_tasks.runner.images import planned_images, unchanged
from ecr_tasks.runner.plan_warnings import warn_of_plan
from ecr_tasks.settings.settings import Settings

if TYPE_CHECKING:
    from ecr_tasks.execute.prove_unchanged import Difference
    from ecr_tasks.model.local_image import LocalImage
    from ecr_tasks.model.ports import Engine
    from ecr_tasks.runner.build_ahead import Ahead
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.unchanged import Unchanged


@dataclass(frozen=True)
class AskedStore:
    """A question for the images in the store that is under way; ``wait`` returns them by repository, or raises."""

    wait: Callable[[], Mapping[str, Sequence[LocalImage]]]
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def is_fresh(self) -> bool:
        """Return whether the question was asked just now."""
        return time.monotonic() - self.asked_at < STORE_SECONDS


@dataclass(frozen=True)
class Job:
    """The state of `build` and `push`: the images, the snapshot of the registries, the plan, and the finished builds.

    ``snapshot`` is None when the registries were not read. ``obstacles`` are those conflicts of the plan that are in
    the way of a build. ``failed`` has the errors of the builds that failed, by image. ``engine`` is only read with
    ``builds_all``, when every image is built, also without need. ``read_at`` is the time of the snapshot, on the
    clock that only goes on. ``only`` is the platform for which this runner alone builds, as it was typed. ``stored``
    is what the store was asked while the images were built. ``ahead`` is a build that has begun before the plan.
    ``tidied`` waits for older names that are removed since the build. ``is_left_to_push`` is whether a `build` has
    left its images to the `push` that comes next.
    """

    settings: Settings
    images: tuple[Image, ...]
    snapshot: Snapshot | None
    plan: Plan
    built: Mapping[str, Built] = field(default_factory=dict)
    failed: Mapping[str, EcrTasksError] = field(default_factory=dict)
    choice: tuple[str, ...] = ()
    republish: bool = False
    builds_all: bool = False
    fresh: Fresh = NOTHING_FRESH
    engine: Engine | EcrTasksError | None = None
    obstacles: tuple[Conflict, ...] = ()
    read_at: float = 0.0
    only: str = ""
    stored: AskedStore | None = None
    ahead: Ahead | None = None
    tidied: Callable[[], None] | None = None
    is_left_to_push: bool = False

    @property
    def is_fresh(self) -> bool:
        """Return whether the registries were read just now: no build, no wait and no other task came in between."""
        return is_fresh(self.age)

    @property
    def age(self) -> float:
        """Return how many seconds ago the registries were read."""
        return time.monotonic() - self.read_at


STORE_SECONDS = 10.0
"""How long what the store was asked counts as asked just now: other runs may have moved names since."""


def start_job(
    run: Run,
    *,
    read_registries: bool = True,
    republish: bool = False,
    builds_all: bool = False,
    fresh: Fresh = NOTHING_FRESH,
    promises: bool = False,
    choice: Sequence[str] = (),
    only: str = "",
    outdated: Callable[[Plan], Mapping[str, str]] | None = None,
) -> Job:
    """Read the project and, with ``read_registries``, the registries, and plan what to do with each image.

    With ``republish``, a published commit is built anew, as a new revision. The plan's conflicts include what is in
    the way of the builds: of all images with ``builds_all``, else of those that need one. ``fresh`` is what
    these take anew. ``choice`` has names, groups and patterns of the images (default: all). ``promises`` is for
    tasks that don't build, and only say what would happen. ``only`` is a platform: other runners build the others.
    ``outdated`` returns those of a plan's images to build on today's base images, and why the published ones are.
    """
    meanwhile = _import_sdk if read_registries else None
    with working("reading the project"):
        images = _images(run, fresh if outdated is None else NOTHING_FRESH, choice, only, meanwhile)
    repositories = [image.repository for image in images]
    own = receipt_file.read_own(run.project, repositories)
    published = receipt_file.were_published(own, run.source.revision)
    may_need_build = not published or any(image.dirty for image in images)
    last: dict[str, str | None] = {}
    if not promises and not run.dry:
        if may_need_build:
            last = {image.name: receipt_file.published_commit(own[image.repository]) for image in images}
        run.earlier_outputs.forget(repositories, own)
    # Few calls, one after another, tell that nothing is to be done; where it's unlikely, more go at the same time.
    brief = read_registries and not promises and not builds_all and published and outdated is None
    compared = unchanged(run)
    if not brief:  # which takes each .dockerignore
        images = _with_ignored_files(images, compared)
    settings = run.settings
    if outdated is not None and settings.skip == "never":  # what is built is chosen by base images
        settings = replace(settings, skip="commit")
    job = Job(
        settings,
        images,
        None,
        Plan((), ()),
        republish=republish,
        builds_all=builds_all,
        fresh=fresh,
        choice=tuple(choice),
        only=only,
    )
    if read_registries and builds_all:
        job = _with_registries_for_caches(run, job)
    elif read_registries:
        is_plain = not republish and not fresh.flags and outdated is None
        if may_need_build and is_plain and not (promises or run.dry):
            from ecr_tasks.runner.build_ahead import begin_ahead

            job = replace(job, ahead=begin_ahead(run, images, last, compared.difference))
        job = with_registries(run, job, brief=brief, difference=compared.difference)
        if brief and any(item.build_needed for item in job.plan.images):
            job = with_plan(run, replace(job, images=_with_ignored_files(images, compared)), job.snapshot)
    else:
        job = with_plan(run, job, None)
    if outdated is not None and job.snapshot is not None:
        job = _with_outdated(run, job, outdated(job.plan), compared)
    if builds_all and not run.dry and (_needs_engine(job) or run.builds_elsewhere()):
        job = with_plan(run, replace(job, engine=engine_or_error(run.engine)), job.snapshot)
    warn_of_plan(job.plan)
    if outdated is None:
        _warn_of_fresh(job)
    return _with_obstacles(run, job, promises=promises or run.dry)


def _needs_engine(job: Job) -> bool:
    from ecr_tasks.plan.image_store import needs_engine

    return any(needs_engine(item.image.definition) for item in job.plan.images)


def _import_sdk() -> None:
    from ecr_tasks.clients.ecr import botocore_session  # noqa: F401 - the import is all that is wanted


def _images(
    run: Run,
    fresh: Fresh,
    choice: Sequence[str],
    only: str,
    meanwhile: Callable[[], object] | None = None,
) -> tuple[Image, ...]:
    """Return the planned images, or this runner's parts of them; ``meanwhile`` is as for :func:`planned_images`."""
    images = planned_images(run, fresh, choice, meanwhile)
    if not only and not run.settings.native:
        return images
    from ecr_tasks.runner.parts import with_only

    return with_only(run, images, only)


def _with_ignored_files(images: Iterable[Image], compared: Unchanged) -> tuple[Image, ...]:
    """Return the images, of which each says whether it holds files that git ignores."""
    from ecr_tasks.plan.images import with_ignored_files

    def has(image: Image) -> bool:
        return compared.carries_ignored(image.definition, changes=not image.dirty)

    return tuple(with_ignored_files(image, has(image)) for image in images)


def _with_outdated(run: Run, job: Job, outdated: Mapping[str, str], compared: Unchanged) -> Job:
    """Return the job with these images on today's base images, for the reasons given, and the others as they are."""
    if not outdated:
        say("no image of this commit stands on a base image that has moved")
        return job
    with working("reading the project"):
        found = _with_ignored_files(_images(run, job.fresh, [*outdated], job.only), compared)
        anew = {image.name: image for image in found}
    images = [anew.get(image.name, image) for image in job.images]
    images = [_anew(image, outdated.get(image.name, "")) for image in images]
    return with_registries(run, replace(job, images=tuple(images)))


def _anew(image: Image, reason: str) -> Image:
    return replace(image, anew=reason, whole=_anew(image.whole, reason) if image.whole else None)


def _warn_of_fresh(job: Job) -> None:
    """Name the images for which --pull and --no-cache have nothing to build."""
    if not job.fresh.flags or job.builds_all:
        return
    left = [item for item in job.plan.images if not item.build_needed]
    parts = [item.image.name for item in left if item.whole is not None]
    if published := [item.image.name for item in left if item.whole is None]:
        warn_once(
            f"{job.fresh.flags} changes nothing for {name_some(published)}, which is published already; add "
            "--republish to push to build it anew, and publish it beside what is published."
        )
    if parts:
        warn_once(
            f"{job.fresh.flags} changes nothing for {name_some(parts)}: this runner's part is there, and waits for "
            "the others. To build it anew, delete its tag in ECR (`inv plan` names it)."
        )


def continue_job(run: Run, job: Job, *, republish: bool) -> Job:
    """Return the job of a `build` that knew of no push, such as one that a user's task called, ready for a push.

    The registries are read now. What it built stays for the push, whatever became of the source since: it was built
    from what its tags say. What is published already is left out, because that stays as it is.
    """
    job = with_registries(run, replace(job, republish=republish, builds_all=False, engine=None))
    needed = {item.image.name for item in job.plan.images if item.build_needed}
    job = replace(job, failed={})
    warn_of_plan(job.plan)
    job = replace(job, built={name: built for name, built in job.built.items() if name in needed})
    return _with_obstacles(run, job, promises=False)


def read_registries(
    run: Run,
    images: Sequence[Image],
    *,
    republish: bool,
    brief: bool = False,
    engine: Callable[[], Engine] | None = None,
    difference: Difference | None = None,
    settings: Settings | None = None,
) -> Snapshot | None:
    """Return a snapshot of the registries; None in a dry run without a running local ECR.

    ``engine`` and ``settings`` take the place of the run's own, ``difference`` that of a new :class:`Unchanged`.
    """
    try:
        return look_at_registries(
            images,
            settings or run.settings,
            run.source,
            run.registry,
            run.target,
            engine or run.engine,
            run.retrier,
            partial(relations, run),
            republish=republish,
            brief=brief,
            builds_elsewhere=run.builds_elsewhere,
            difference=difference or unchanged(run).difference,
        )
    except AbsentRegistryError:
        return None


def with_plan(run: Run, job: Job, snapshot: Snapshot | None) -> Job:
    """Return the job with a snapshot and a plan that is made from it."""
    settings = job.settings
    plan = make_plan(
        job.images,
        run.source,
        snapshot,
        create_repository=settings.create_repository,
        skip=settings.skip,
        caches=caches_of(settings, run.source),
        republish=job.republish,
        destinations=settings.destinations,
        engine=job.engine,
        builds_all=job.builds_all,
    )
    return replace(job, snapshot=snapshot, plan=plan)


def with_registries(
    run: Run,
    job: Job,
    *,
    brief: bool = False,
    engine: Callable[[], Engine] | None = None,
    difference: Difference | None = None,
) -> Job:
    """Return the job with the registries as they are now, and the plan for them; see :func:`read_registries`."""
    read_at = time.monotonic()
    with working("asking the registries"):
        snapshot = read_registries(
            run,
            job.images,
            republish=job.republish,
            brief=brief,
            engine=engine,
            difference=difference,
            settings=job.settings,
        )
    return replace(with_plan(run, job, snapshot), read_at=read_at)


def _with_registries_for_caches(run: Run, job: Job) -> Job:
    """Return the job of a build without a push: it needs ECR for its cache only, and goes on without one."""
    try:
        return with_registries(run, job)
    except (AwsError, RegistryError, SettingsError) as error:
        warn_once(f"The build cache in ECR is left out: {error.cause}")
        return with_plan(run, job, None)


def _with_obstacles(run: Run, job: Job, *, promises: bool) -> Job:
    """Return the job with everything in its conflicts that is in the way of its builds."""
    building = [item for item in job.plan.images if item.build_needed or job.builds_all]
    creating = [item for item in job.plan.images if item.creates_any_repository]
    if not building and not creating:
        return job
    from ecr_tasks.checks.before_build import obstacles

    # The plan may contain the engine's error already; a dry run without a local ECR asks nobody.
    ask_engine = not run.dry if job.snapshot is None else job.snapshot.engine is None
    engine = run.engine if ask_engine and job.engine is None else None
    with working("looking at what would be built"):
        found = obstacles(
            building,
            creating,
            job.settings,
            run.source,
            os.environ,
            engine,
            promises=promises,
            note=warn_once,
            checked=job.ahead.checked if job.ahead else None,
        )
    return replace(job, plan=replace(job.plan, conflicts=(*found, *job.plan.conflicts)), obstacles=found)
