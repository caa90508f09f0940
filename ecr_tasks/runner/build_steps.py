"""The steps of `build` and `push` up to the images: create missing repositories, lock, build, and tidy beside a push.

Each step takes the job that the step before it returned, and returns it with its own results.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.console import pieces_held_back, say, warn, working
from ecr_tasks.errors import BuildError, EcrTasksError, Refused, RegistryError
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import short_ids
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.wording import FEW, name_some, together
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.tag_states import is_contested
from ecr_tasks.runner import ci_results, receipt_file
from ecr_tasks.runner.history import relations
from ecr_tasks.runner.job import AskedStore, Job, with_plan, with_registries
from ecr_tasks.runner.plan_warnings import warn_of_builds
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.local_image import LocalImage
    from ecr_tasks.runner.run import Run


PARALLEL = 4
"""How many built images are looked at at once, each by programs of its own, or repositories by calls."""


USED_LATER = (
    *("checks.built_secrets", "checks.unchanged_source", "clients.docker.engine_push", "execute.built_configs"),
    *("clients.ecr.set_tag", "execute.push_first_tag", "model.built_image", "runner.managed_signing"),
    *("runner.pending_builds", "runner.publication"),
)
"""The modules that only what follows a build imports."""


def create_repositories(run: Run, job: Job, *, before_build: bool = False) -> Job:
    """Create the missing repositories that may be created, also at destinations, and plan again with them.

    An image whose repository can't be created is in the job's ``failed``. Raises the first error where none can be.
    ``before_build`` does so only where builds keep their cache in them: elsewhere a build that fails leaves none.
    """
    items = [item for item in job.plan.images if item.image.name not in job.failed]
    if job.snapshot is None or not any(item.creates_any_repository for item in items):
        return job
    if before_build and not job.settings.caches_in_repository:
        return job
    from ecr_tasks.execute.create_repository import create_missing
    from ecr_tasks.plan.repository.desired import desired_repository

    before = [*job.snapshot.repositories.values(), *job.snapshot.destinations.values()]
    created: list[str] = []
    try:
        with working("creating repositories"):
            snapshot, refused = create_missing(
                items,
                job.snapshot,
                lambda: desired_repository(job.settings, run.source),
                run.registry,
                run.target,
                created.append,
                warn,
                run.retrier,
            )
    finally:
        for text in together(created) if len(created) > FEW else created:
            say(text)
    failed = {item.image.name: refused[item.image.repository] for item in items if item.image.repository in refused}
    if failed and len(failed) == len(job.plan.images):
        raise next(iter(failed.values()))
    for name, error in failed.items():
        warn(f"{name} failed: {error}")
    job = replace(job, failed={**job.failed, **failed})
    run.release_locks()  # with the new repositories' locks, they are to be taken in one order by every run
    views = [*snapshot.repositories.values(), *snapshot.destinations.values()]
    if all(view in before or not getattr(view, "tags", ()) for view in views):
        return with_plan(run, job, snapshot)
    job = with_registries(run, job)  # another run has created one, and published in it
    job.plan.check()
    return job


def lock_images(run: Run, job: Job, show: Callable[[Plan], None]) -> Job:
    """Lock every image that will be built, so that no other run on this machine builds it.

    After a wait for another run's lock, git and the registries are read again, and ``show`` is called with the new
    plan. Raises Refused when the source is another by then.
    """
    items = [item for item in job.plan.images if item.build_needed and item.image.name not in job.failed]
    names = sorted({name for item in items for name in item.lock_names})
    with working("waiting for another run"):
        waits = [run.locks.acquire(name, say, job.settings.lock_minutes) for name in names]
    if not any(waits):
        return job
    if job.ahead is not None:  # it shared its steps with the other run's, and a failure with them
        job.ahead.build.discard()
    images = [image for image in job.images if image.name not in job.built]
    _check_source(run, images, partial(_source_now, run), during="the wait")
    job = with_registries(run, job)
    show(job.plan)
    job.plan.check()
    return job


def reuse_builds(run: Run, job: Job) -> Job:
    """Add the earlier builds that still exist and are what this plan needs; none where it takes something anew."""
    if job.fresh.flags:
        return job
    unbuilt = [item for item in job.plan.images if item.image.name not in {*job.built, *job.failed}]
    repositories = {item.image.name: item.image.repository for item in unbuilt}
    earlier = receipt_file.last_built(run.project, repositories)
    if not earlier:
        return job
    from ecr_tasks.execute.earlier_builds import reuse_earlier_builds

    builds = reuse_earlier_builds(unbuilt, earlier, run.source, lambda: run.docker, say)
    return replace(job, built={**job.built, **builds})


def build_images(
    run: Run,
    job: Job,
    items: Sequence[PlannedImage],
    *,
    fail_fast: bool = False,
    publish: Callable[[Job], bool] | None = None,
) -> Job:
    """Build these images, after a login to the ECR registries that the builds read and write.

    An image that fails is in the job's ``failed``, and the others are built; with ``fail_fast`` none is begun after
    it. Raises BuildError where no image can be built. ``publish`` is called after each of several bakes, also one
    that fails, with the job by then, and returns whether to go on.
    """
    if job.ahead is not None and len(items) != 1:
        job.ahead.build.discard()
    if not items or (fail_fast and job.failed):
        return job
    from ecr_tasks.execute.build import build, build_apart, build_in_batches
    from ecr_tasks.runner.base_places import place_bases

    warn_of_builds(items, job.settings)
    job, items = place_bases(run, job, items)
    definitions = [definition for item in items for definition in item.image.definition.with_links()]
    run.logins.log_in_for_builds(definitions, run.engine)
    if job.settings.emulation == "install":
        from ecr_tasks.runner.emulation import install_missing

        install_missing(run, items)
    engine = next((item.engine for item in items if item.engine), None)
    if not job.builds_all:
        _ask_ahead(run, items)

    def make(batch: Sequence[Image]) -> Mapping[str, Built]:
        with pieces_held_back(), ci_results.build_groups(run, batch):
            builds = build(
                batch,
                run.source,
                job.ahead.build if job.ahead else run.docker,
                builder=job.settings.builder,
                keep={item.image.name: item.keep for item in items},
                engine=engine,
                references={
                    item.image.name: item.reference
                    for item in items
                    if item.reference and run.locks.has(item.reference)
                },
            )
        seconds = job.ahead.build.seconds if job.ahead else None
        return {name: replace(built, seconds=seconds or built.seconds) for name, built in builds.items()}

    try:
        # While the build runs; where a push is to leave no names, all of them go after it.
        stored = _ask_store(run, items, job.settings.keep_local or None)
        images = [item.image for item in items]
        outcomes = build_in_batches(images, make, fail_fast=fail_fast)
        if publish is None:
            outcomes = iter([build_apart(images, make, fail_fast=fail_fast)])
            if stored is not None and not stored.is_fresh:
                stored = _ask_store(run, items, job.settings.keep_local or None)
        for builds, failed in outcomes:
            done = [item for item in items if item.image.name in builds or item.image.name in failed]
            job = _with_builds(run, job, done, builds, failed, tells=len(items) <= FEW)
            if publish is not None and not publish(job):
                break
    except (BuildError, RegistryError) as error:
        raise run.logins.explain(error) from error
    job = replace(job, stored=stored)
    if publish is not None or job.builds_all:
        return job
    return replace(job, tidied=begin_tidy(run, job, before_push=True))  # the engine has more to do soon


def _with_builds(
    run: Run,
    job: Job,
    items: Sequence[PlannedImage],
    builds: Mapping[str, Built],
    errors: Mapping[str, EcrTasksError],
    *,
    tells: bool,
) -> Job:
    """Look at what was just built of these images, and return the job with it; ``tells`` is whether to name each one.

    Raises Refused where the source is another by now.
    """
    from ecr_tasks.execute.from_builder import what_is_kept
    from ecr_tasks.runner import pending_builds

    if job.settings.skip == "content":
        from ecr_tasks.checks.unchanged_inputs import check_unchanged

        check_unchanged(
            [item.image.whole or item.image for item in items],
            project=job.settings.project,
            environ=os.environ,
            root=run.source.root,
        )
    source_now = begin(partial(_source_now, run))  # git and docker are asked at the same time
    failed = {name: run.logins.explain(error) for name, error in errors.items()}
    failed |= _check_secrets(run, [item for item in items if item.image.name in builds], builds)
    now = _check_source(run, [item.image for item in items], source_now, during="the build")
    if job.ahead is not None:
        job.ahead.build.named()
    builds = {name: built for name, built in builds.items() if name not in failed}
    for item in items:
        if item.image.name in failed:
            run.release_locks(item.lock_names)
    for reason in dict.fromkeys(map(str, failed.values())) if len(job.plan.images) > 1 else ():
        warn(f"{name_some([name for name in failed if str(failed[name]) == reason])} failed: {reason}")
    if now.fingerprint != run.source.fingerprint:  # of an uncommitted tree, or of what no image holds
        builds = {name: replace(built, key=None) for name, built in builds.items()}
    by_name = {item.image.name: item for item in items}
    for name, built in builds.items():
        engine, attests = by_name[name].engine, by_name[name].image.definition.attests
        if job.builds_all or tells:  # else the closing summary of the push has them
            say(f"{name}: built {short_ids(built.id)} in {built.seconds:.1f} s")
        if built.keep == "builder":
            platform, loads = (engine.platform, engine.loads) if engine else ("", True)
            say(f"{name}: {what_is_kept(built, platform, attests=attests, loads=loads)}")
    # Until its push, no other run removes it, also if that fails, or comes in a later step of a pipeline.
    images = [item.image for item in items if item.image.name in builds]
    pending_builds.note(run.project, _local_ids(images, builds), os.environ)
    return replace(job, built={**job.built, **builds}, failed={**job.failed, **failed})


def _ask_ahead(run: Run, items: Sequence[PlannedImage]) -> None:
    """Ask for what the push needs of the registry while the build runs; what can't be had, the push says itself."""
    places = [(item, item.view.repository) for item in items if item.view and item.view.repository]
    if not places or not any(item.build_needed for item in items):
        return
    begin(import_ahead)
    begin(run.registry.token)
    begin(partial(run.registry.evidence.signing_profiles, places[0][1]))
    if run.settings.account_id is None:
        begin(run.registry.caller_account)
    for destination in {copy.destination for item in items for copy in item.copies if copy.error is None}:
        begin(run.target(destination).token)
    if any(item.copies for item in items):
        _ask_for_uploads(run, items)
    contested = [place for item, place in places if any(is_contested(tag, place) for tag in item.tags)]
    if contested:  # which takes turns
        begin(partial(run.registry.replicates_to, contested[0].name))
        begin(partial(map_parallel, run.registry.may_untag, contested, PARALLEL, run.retrier))


def _ask_for_uploads(run: Run, items: Sequence[PlannedImage]) -> None:
    """Ask what uploads to destinations need to know, which is asked once."""
    from ecr_tasks.execute.turns import can_take_turns
    from ecr_tasks.execute.upload_apart import uploaded_copies

    copies = [copy for item in items for copy in uploaded_copies(item)]
    places = [(copy.view.repository, run.target(copy.destination)) for copy in copies if copy.view]
    known = [(repository, target) for repository, target in places if repository is not None]
    begin(partial(map_parallel, lambda place: can_take_turns(*place), known, PARALLEL, run.retrier))


def import_ahead() -> None:
    """Import what is needed after a build, while that runs."""
    for name in USED_LATER:
        import_module(f"ecr_tasks.{name}")


def _source_now(run: Run) -> SourceState:
    """Return what git says now."""
    from ecr_tasks.source.read import read

    return read(run.project, environ=os.environ, settings=run.settings)


def _check_source(run: Run, images: Sequence[Image], ask: Callable[[], SourceState], *, during: str) -> SourceState:
    """Ask git again and return its state. Raises Refused when an image would not be what its tags say."""
    from ecr_tasks.checks.unchanged_source import check_unchanged_source
    from ecr_tasks.runner.images import definition_paths

    with working("looking at the source once more"):
        now = ask()
    paths = definition_paths(run) if now.changes else ()
    check_unchanged_source(images, run.source, now, run.settings, paths, os.environ, during=during)
    return now


def _check_secrets(run: Run, items: Sequence[PlannedImage], builds: Mapping[str, Built]) -> dict[str, EcrTasksError]:
    """Look at what the built images show, and return the errors of those with a secret, by name."""
    from ecr_tasks.checks.built_secrets import check_built
    from ecr_tasks.execute.built_configs import built_configs, built_provenance

    environ = run.settings.sdk_environ(os.environ)
    docker, retrier, settings = run.docker, run.retrier, run.settings
    failed: dict[str, EcrTasksError] = {}
    look = (docker, retrier, warn)

    def check(item: PlannedImage) -> None:
        built = builds[item.image.name]
        provenance = built_provenance(built, *look) if item.image.definition.shows_arguments else []
        try:
            check_built(item.image, configs[built.name], provenance, settings, environ, warn)
        except Refused as error:
            failed[item.image.name] = error

    with working("looking at what was built"):
        configs = built_configs([builds[item.image.name] for item in items], *look)
        map_parallel(check, items, PARALLEL, retrier)
    return failed


def _ask_store(run: Run, items: Sequence[PlannedImage], keep: int | None) -> AskedStore | None:
    """Begin to ask the store for the images of which :func:`begin_tidy` removes names; None where there are none."""
    # Without a store on this machine there are no names.
    if keep is None or not items or any(item.engine and not item.engine.loads for item in items):
        return None
    from ecr_tasks.clients.manifest_cache import ManifestCache, manifest_folder
    from ecr_tasks.execute.tidy_local_names import stored_images
    from ecr_tasks.model.manifest import StoredImage

    cache = ManifestCache(manifest_folder(os.environ))

    def annotations(image_id: str) -> Mapping[str, str]:  # containerd's store has manifests, by their digest
        return StoredImage(image_id, cache.get(image_id) or "", "").annotations

    return AskedStore(begin(partial(stored_images, [item.image for item in items], keep, run.docker, annotations)))


def end_naming(job: Job) -> EcrTasksError | None:
    """Wait for the names of a build that has begun before the plan; return why one of them can't be given.

    The image is published then: no later run gives it that name.
    """
    try:
        if job.ahead is not None:
            job.ahead.build.all_named()
    except EcrTasksError as error:
        reference = next((item.reference for item in job.plan.images if item.image.name in job.built), None)
        cause = f"The image is published, but has not all its local names: {error.cause}"
        return type(error)(cause, f"Give it that name yourself: `docker tag {reference} NAME`.")
    return None


def begin_tidy(run: Run, job: Job, *, before_push: bool = False) -> Callable[[], None]:
    """Begin to remove the local names that earlier runs of the images built now left; return what waits for it.

    Nothing after no build, and before a push that with ECR_KEEP_LOCAL=0 leaves no names either.
    """
    keep = job.settings.keep_local
    if keep == 0:
        keep = None if before_push else 1
    items = [item for item in job.plan.images if item.image.name in job.built]
    return _begin_tidy(run, job, items, _local_ids([item.image for item in items], job.built), keep)


def end_tidy(run: Run, job: Job, published: Collection[str], tidied: Callable[[], None]) -> None:
    """Wait for what was begun before the push of a job's images, and do what had to wait for it.

    ``published`` has the names of the images that are published: what a later push publishes stays as it is. What the
    run has named for itself is of no use any more, so that its names go while others still do.
    """
    done = [item for item in job.plan.images if item.image.name in published]
    items = [item for item in done if item.image.name in job.built]
    released = begin(run.docker.close) if items else lambda: None
    tidied()
    released()
    keeps_none = job.settings.keep_local == 0
    if not items and not keeps_none:
        return
    from ecr_tasks.runner import pending_builds

    ids = _local_ids([item.image for item in items], job.built)
    if keeps_none:  # nor what a run has left that was interrupted after its push
        ids = {**pending_builds.of_project(run.project, [item.image.repository for item in done], os.environ), **ids}
        items = [item for item in done if item in items or item.image.repository in ids]
        _begin_tidy(run, replace(job, stored=None), items, ids, 0)()
    pending_builds.forget(run.project, [item.image.repository for item in items], os.environ)


def _begin_tidy(
    run: Run, job: Job, items: Sequence[PlannedImage], ids: Mapping[str, str], keep: int | None
) -> Callable[[], None]:
    """Begin to remove all local names but the ``keep`` newest commits'; return what waits for it and says which.

    ``ids`` are those of the builds of these images, by repository.
    """
    if not items:
        return lambda: None
    images = [item.image for item in items]
    is_fresh = job.stored is not None and job.stored.is_fresh
    stored = job.stored if is_fresh else _ask_store(run, items, keep)
    if keep is None or stored is None:
        return lambda: None
    from ecr_tasks.execute.tidy_local_names import tidy_local_names
    from ecr_tasks.runner import pending_builds

    def stored_now() -> Mapping[str, Sequence[LocalImage]]:
        # An image that loses a name to a new one, and then its last one here, is removed; not the other way around.
        if (error := end_naming(job)) is not None:
            raise error
        return stored.wait()

    @cache
    def is_known(commit: str) -> bool:
        return relations(run, [commit])[commit] != "unknown"

    lines = begin(
        partial(
            tidy_local_names,
            images,
            keep,
            run.docker,
            stored_now,
            is_known=is_known,
            built=set(ids.values()),
            others=pending_builds.of_others(run.project, [image.repository for image in images], os.environ),
        )
    )

    def wait() -> None:
        for line in lines():
            say(line)

    def end() -> None:
        with suppress(EcrTasksError):
            lines()

    run.before_end(end)  # also where an error comes first
    return wait


def _local_ids(images: Iterable[Image], builds: Mapping[str, Built]) -> dict[str, str]:
    """Return the ids that builds have in the local store, by repository."""
    return {
        image.repository: found
        for image in images
        if (built := builds.get(image.name)) is not None and (found := built.local_id)
    }
