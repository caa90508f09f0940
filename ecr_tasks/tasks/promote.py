"""The `promote` task: give a published image more tags, in its repository or in another registry."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from ecr_tasks.console import data, document, in_one_piece, say, warn, working
from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.execute.promote import IsFixed
    from ecr_tasks.execute.promote_to_registry import CopyPromotion
    from ecr_tasks.execute.record_release import Recorder
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.model.reference import ImageName
    from ecr_tasks.model.registry import Repository, RepositoryView
    from ecr_tasks.model.signing import Signer
    from ecr_tasks.plan.gates import GateResults, Gates
    from ecr_tasks.plan.promotion import Promotion
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.source_state import SourceState

P = TypeVar("P")

PARALLEL = 8
"""How many images are looked up and promoted at once."""

GATE_HELP = {
    "require-scan": "only if ECR's scans found nothing as bad as this (default: ECR_SCAN_FAIL_ON, or critical)",
    "only-fixable": "with --require-scan: only findings that have a fix count",
    "than": "with --require-scan: only findings that the image of this tag doesn't have count",
    "require-signature": "only if one of ECR_SIGNED_BY's signers has signed it",
    "from-branch": "only if its commit is on this branch, as git knows it",
    "timeout": "how long to wait for scans and signatures, such as 90s or 10m (default: 5m)",
}
"""The help of the flags of the gates, which `rollback` has as well."""


@task(
    positional=["source"],
    iterable=["tag", "image"],
    optional=["require_scan"],
    shows_without_registry=True,
    help={
        "source": "a tag, a sha256: digest, or host/repository@digest as push prints it",
        "tag": "a tag to give it; once for each",
        "to": "ACCOUNT/REGION[/REPOSITORY]: copy it there, with its signatures, SBOMs and records; who does it "
        "there: add ,role=ARN ,external-id=ID ,profile=NAME",
        "image": IMAGES,
        **GATE_HELP,
        "json": "one JSON document on stdout",
    },
)
def promote(
    run: Run,
    source: str,
    tag: list[str] | None = None,
    to: str | None = None,
    image: list[str] | None = None,
    require_scan: str | bool | None = None,
    only_fixable: bool = False,
    than: str | None = None,
    require_signature: bool = False,
    from_branch: str | None = None,
    timeout: str | None = None,
    json: bool = False,
) -> None:
    """Give a published image more tags, here or elsewhere.

    Nothing is pulled or built. What is set is recorded: see `inv history TAG`.
    """
    from ecr_tasks.model.reference import parse_image_name

    gates = gates_of(
        run, require_scan, require_signature, from_branch, only_fixable=only_fixable, than=than, timeout=timeout
    )
    name = parse_image_name(source)
    if to is None:
        promotions, results = promote_here(run, name, tag or [], image or (), gates)
    else:
        promotions, results = promote_elsewhere(run, name, to, tag or [], image or (), gates)
    if run.dry:
        return
    if json:
        entries = [as_json(key, promotion, name.reference, results) for key, promotion in promotions.items()]
        document({"images": entries})
        return
    for promotion in promotions.values():
        data(promotion.reference)


def gates_of(
    run: Run,
    require_scan: str | bool | None,
    require_signature: bool,
    from_branch: str | None,
    *,
    only_fixable: bool = False,
    than: str | None = None,
    timeout: str | None = None,
) -> Gates | None:
    """Return the gates that the flags name, or None. Raises SettingsError for an unknown level or branch, for a flag
    that does nothing without another one, and where nothing says whose signature counts.
    """
    if require_scan in (None, False) and (only_fixable or than is not None):
        raise SettingsError(
            f"{'--only-fixable' if only_fixable else '--than'} is about scans, and --require-scan is not set.",
            "Add --require-scan, or leave it out.",
        )
    if timeout is not None and require_scan in (None, False) and not require_signature:
        raise SettingsError(
            "--timeout is about scans and signatures, and neither is required.",
            "Add --require-scan or --require-signature, or leave it out.",
        )
    if require_scan in (None, False) and not require_signature and from_branch is None:
        return None
    from ecr_tasks.plan.gates import Gates
    from ecr_tasks.runner.scan_rules import parse_timeout

    limit = None if timeout is None else parse_timeout(timeout)
    rules = branch = None
    if require_scan not in (None, False):
        from ecr_tasks.runner.scan_rules import scan_rules

        rules = scan_rules(run, require_scan, "--require-scan", only_fixable=only_fixable, than=than)
    if from_branch is not None:
        from ecr_tasks.source.git.branches import find_branch

        branch = find_branch(run.project, from_branch, environ=os.environ)
    signers: tuple[Signer, ...] = ()
    if require_signature:
        from ecr_tasks.runner.signing import expected_signers

        signers = expected_signers(run)
    return Gates(rules, signers, branch, limit)


def parse_destination(text: str) -> Destination:
    """Parse a destination in the syntax of ``ECR_DESTINATIONS``. Raises SettingsError if it is malformed."""
    from ecr_tasks.settings.errors import Malformed
    from ecr_tasks.settings.parse.destinations import destination

    try:
        return destination(text)
    except Malformed as error:
        raise SettingsError(
            f"{text[:200]!r} is no destination: a part of it {error.messages[0]}.",
            "Write ACCOUNT/REGION or ACCOUNT/REGION/REPOSITORY, such as 123456789012/eu-central-1/team/app, "
            "or public.ecr.aws/ALIAS/REPOSITORY; ,role=ARN ,external-id=ID ,profile=NAME may follow.",
        ) from error


def promote_here(
    run: Run, name: ImageName, texts: Sequence[str], choice: Sequence[str], gates: Gates | None
) -> tuple[dict[str, Promotion], GateResults | None]:
    """Set tags within the repositories: two calls for one tag (BatchGetImage, PutImage); no layer is copied.

    All images and tags are looked up and all gates are checked before the first tag is set.
    """
    from ecr_tasks.model.reference import parse_tags
    from ecr_tasks.runner.images import chosen_repositories
    from ecr_tasks.runner.releases import recorder

    tags = parse_tags(texts)
    if not tags:
        raise SettingsError("No tag is given.", "Say which: `inv promote SOURCE --tag TAG`.")
    repositories = chosen_repositories(run, name, choice)
    names = dict.fromkeys(repositories, name)
    return set_tags_of(run, repositories, names, tags, gates, recorder(run, "promote", name.reference, run.registry))


def set_tags_of(
    run: Run,
    repositories: Mapping[str, str],
    names: Mapping[str, ImageName],
    tags: Sequence[str],
    gates: Gates | None,
    releases: Recorder,
    expected: Mapping[str, str | None] | None = None,
) -> tuple[dict[str, Promotion], GateResults | None]:
    """Set tags on the images with these names: look all of them up, check the gates, set each tag, and record it.

    Raises Refused for an image whose tags are not on the ``expected`` digest, which is by image.
    """
    from ecr_tasks.execute.promote import look_up_promotion, promote
    from ecr_tasks.plan.promotion import check_expected

    is_fixed = _is_fixed(run)

    def look_up(key: str, name: ImageName) -> Promotion:
        alone = len(repositories) == 1
        return look_up_promotion(run.registry, repositories[key], name, tags, is_fixed, alone=alone)

    with working("looking at the images"):
        releases.look()
        promotions = _each(run, look_up, names)
    _warn_of_other_commits(names, {key: item.image for key, item in promotions.items()})
    results = _check(run, gates, {key: (item.repository, item.image) for key, item in promotions.items()})
    if results is not None and results.waited:
        releases.look()
        by_digest = {key: _by_digest(names[key], item.image) for key, item in promotions.items()}
        promotions = _each(run, look_up, by_digest)
    releases.gates = results.gates if results is not None else {}
    for key, digest in (expected or {}).items():
        check_expected(promotions[key], digest)
    if not run.dry:
        releases.begin(promotions, run.retrier)

    def carry_out(key: str, promotion: Promotion) -> Promotion:
        if not run.dry:
            promote(run.registry, promotion, partial(releases.record, key))
        _show(promotion, promotion.repository.name, releases.unrecorded.get(key, ()), dry=run.dry)
        return promotion

    return _carry_out(run, carry_out, promotions), results


def promote_elsewhere(
    run: Run, name: ImageName, to: str, texts: Sequence[str], choice: Sequence[str], gates: Gates | None
) -> tuple[dict[str, Promotion], GateResults | None]:
    """Copy images to another repository, region or account: with the same digest, all platforms, and all referrers.

    If ``texts`` has no tag, the tag in ``name`` is used.
    """
    from ecr_tasks.execute.promote_to_registry import look_up_copy, promote_to
    from ecr_tasks.model.reference import parse_tags
    from ecr_tasks.model.release import TagPlace
    from ecr_tasks.plan.destinations import as_in_settings
    from ecr_tasks.plan.other_client import DOCKER, no_buildx
    from ecr_tasks.runner.images import chosen_repositories
    from ecr_tasks.runner.releases import recorder

    destination = as_in_settings(parse_destination(to), run.settings)
    tags = parse_tags(texts or ([] if name.reference.startswith("sha256:") else [name.reference]))
    if not tags:
        raise SettingsError("No tag is given.", f"Say which: `inv promote SOURCE --to {to} --tag TAG`.")
    repositories = chosen_repositories(run, name, choice)
    if destination.repository is not None and len(repositories) > 1:
        raise SettingsError(
            f"{len(repositories)} images can't go to one repository, {destination.repository}.",
            "Choose one with --image, or leave the repository out: each keeps the name it has.",
        )
    target = run.target(destination)
    if not destination.identity.is_own:
        say(f"{destination}: with {destination.identity}")

    is_fixed = _is_fixed(run)

    def look_up(key: str, name: ImageName) -> CopyPromotion:
        target_repository = destination.name_of(repositories[key])
        return look_up_copy(
            run.registry,
            repositories[key],
            name,
            target,
            target_repository,
            tags,
            is_fixed,
            destination=destination,
            create=run.settings.create_repository,
        )

    def create(name: str) -> RepositoryView:
        from ecr_tasks.execute.create_repository import create_repository
        from ecr_tasks.plan.repository.desired import desired_repository

        desired = desired_repository(run.settings, run.source)
        return create_repository(name, desired, target, say, warn, tags=tags, by_address=True)

    releases = recorder(run, "promote", name.reference, target)
    with working("looking at the images here and there"):
        releases.look()
        target.connect()  # which threads must not do
        names = dict.fromkeys(repositories, name)
        copies = _each(run, look_up, names)
    _warn_of_other_commits(names, {key: item.promotion.image for key, item in copies.items()})
    results = _check(run, gates, {key: (item.source, item.promotion.image) for key, item in copies.items()})
    if results is not None and results.waited:  # copy signatures that were pushed meanwhile, too
        releases.look()
        by_digest = {key: _by_digest(name, item.promotion.image) for key, item in copies.items()}
        copies = _each(run, look_up, by_digest)
    releases.gates = results.gates if results is not None else {}
    if run.settings.client != DOCKER and any(copy.missing for copy in copies.values()):
        raise no_buildx(run.settings.client)
    docker = None if run.dry else run.docker  # which is made once, and by no thread
    if not run.dry:
        releases.begin({key: copy.promotion for key, copy in copies.items()}, run.retrier)

    def carry_out(key: str, copy: CopyPromotion) -> Promotion:
        promotion = copy.promotion
        if docker is not None:
            source = TagPlace(copy.source.account, run.registry.region(), copy.source.name)
            record = partial(releases.record, key, source_place=source)
            promotion = promote_to(copy, docker, run.registry, target, create, record)
        address = promotion.repository.uri
        say(f"{address}: {_copy_words(copy, dry=run.dry)}")
        _show(promotion, address, releases.unrecorded.get(key, ()), dry=run.dry)
        return promotion

    return _carry_out(run, carry_out, copies), results


def _is_fixed(run: Run) -> IsFixed:
    """Return the function that says of a tag whether it never moves, by its name or the project's tag rules."""
    from ecr_tasks.plan.fixed_names import is_fixed

    lock = Lock()

    def source() -> SourceState:
        with lock:  # it is read once for all images
            return run.source

    return lambda tag, current: is_fixed(tag, current, run.settings, source, os.environ)


def _each(run: Run, look_up: Callable[[str, ImageName], P], names: Mapping[str, ImageName]) -> dict[str, P]:
    """Look up what is planned for each image, several at a time. Raises the first error in the images' order."""
    from ecr_tasks.clients.parallel import map_parallel

    run.registry.connect()  # which threads must not do
    found = map_parallel(lambda item: look_up(*item), [*names.items()], PARALLEL, run.retrier)
    return dict(zip(names, found, strict=True))


def _carry_out(run: Run, call: Callable[[str, P], Promotion], planned: Mapping[str, P]) -> dict[str, Promotion]:
    """Carry out what is planned for each image, several at a time, and return what was promoted, in the same order.

    No image is begun after an error. Raises the first one in the images' order, after a warning for each other one,
    when what had begun has ended. A single one has a thread, too: an interruption comes to it between two calls, so
    that what was set is recorded.
    """
    from ecr_tasks.clients.parallel import Workers

    several = len(planned) > 1 and not run.dry
    done: dict[str, Promotion] = {}
    failed: dict[str, EcrTasksError] = {}

    def carry_out(item: tuple[str, P]) -> None:
        if failed:
            return
        with in_one_piece(programs=run.in_ci) if several else nullcontext():
            try:
                done[item[0]] = call(*item)
            except EcrTasksError as error:
                failed[item[0]] = error

    shown = working(f"promoting {len(planned)} images") if several else nullcontext()
    with shown, Workers(PARALLEL if several else 1, run.retrier) as workers:
        for wait in [workers.begin(partial(carry_out, item)) for item in planned.items()]:
            wait()
    keys = [key for key in planned if key in failed]
    for key in keys[1:]:
        warn(f"{key} is not promoted: {failed[key]}")
    if keys:
        raise failed[keys[0]]
    return {key: done[key] for key in planned}


def _warn_of_other_commits(names: Mapping[str, ImageName], images: Mapping[str, StoredImage]) -> None:
    """Warn where one tag is on images of several commits, as after a push that failed for some of them."""
    from ecr_tasks.model.wording import name_some
    from ecr_tasks.plan.promotion import of_other_commits

    references = {name.reference for name in names.values()}
    if len(references) == 1 and (found := of_other_commits(images)):
        commit, others = found
        warn(
            f"Not all images under {references.pop()} are of commit {commit}: {name_some(others)} "
            f"{'is' if len(others) == 1 else 'are'} of another one. Where it must be one commit, promote that "
            "commit's tag: it is refused where an image lacks it."
        )


def _check(run: Run, gates: Gates | None, images: Mapping[str, tuple[Repository, StoredImage]]) -> GateResults | None:
    """Check the gates, if any. Raises Refused if an image doesn't pass one."""
    if gates is None:
        return None
    from ecr_tasks.execute.check_gates import check_gates
    from ecr_tasks.plan.gates import WAITS

    waits = WAITS if gates.limit is None else replace(WAITS, limit=gates.limit)
    return check_gates(gates, images, run.registry, run.registry.evidence, run.signatures, say, waits)


def _by_digest(name: ImageName, image: StoredImage) -> ImageName:
    """Return the name with the digest of the checked image, because its tag may have moved during the wait."""
    return replace(name, reference=image.digest)


def _copy_words(copy: CopyPromotion, *, dry: bool) -> str:
    """Return what is copied to the other repository, in words: the image and its referrers."""
    referrers = len([digest for digest in copy.missing if digest != copy.promotion.image.digest])
    parts = ["the image"] if len(copy.missing) > referrers else []
    parts += [f"{referrers} about it (signatures, SBOMs, records)"] if referrers else []
    created = "would be created; " if dry and copy.creates else ""
    return f"{created}{'would copy' if dry else 'copied'} {' and '.join(parts)}" if parts else "nothing to copy"


def _show(promotion: Promotion, repository: str, unrecorded: Collection[str], *, dry: bool) -> None:
    from ecr_tasks.model.manifest import short_digest

    new, moved = ("would be set", "would move from") if dry else ("set", "moved from")
    for tag, digest in promotion.tags.items():
        there = "there already, without a record until now" if tag in unrecorded else "there already"
        words = {"new": new, "present": there, "moves": f"{moved} {short_digest(digest)}"}
        say(f"{repository}:{tag}: {words[promotion.state(tag)]}")


def as_json(name: str, promotion: Promotion, source: str, results: GateResults | None) -> dict[str, Any]:
    """Return a promotion with its tags, what they were, and the results of its gates."""
    return {
        "name": name,
        "source": source,
        "registry": promotion.repository.host,
        "repository": promotion.repository.name,
        "digest": promotion.image.digest,
        "reference": promotion.reference,
        "tags": [{"tag": tag, "state": promotion.state(tag), "was": was} for tag, was in promotion.tags.items()],
        "gates": list(results.gates[name]) if results else [],
    }
