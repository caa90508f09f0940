"""Ask registries about published images, and say of each whether all is as it should be after a push."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.console import say, working
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.execute.check_gates import gate_checks
from ecr_tasks.execute.scans import image_parts
from ecr_tasks.execute.signatures import check_signature
from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
from ecr_tasks.model.finding import Finding, Section
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.platform import LOCAL
from ecr_tasks.model.publication import PublishedImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan import gates as gate_waits
from ecr_tasks.plan import verification
from ecr_tasks.plan.destinations import unique_destinations
from ecr_tasks.plan.gates import SCAN, SIGNATURE, Gates, Verdict
from ecr_tasks.plan.presets import referrer_kinds
from ecr_tasks.plan.replication_gate import judge_replication
from ecr_tasks.runner.images import own_attestations

if TYPE_CHECKING:
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.model.ports import Target
    from ecr_tasks.runner.run import Run


def verify_images(run: Run, images: Sequence[PublishedImage], gates: Gates) -> dict[PublishedImage, list[Finding]]:
    """Return the findings on each image: those of its own registry first, then of each destination.

    ``images`` have each image in its own registry first.
    """
    found: dict[PublishedImage, list[Finding]] = {}
    own_kinds = own_attestations(run) if run.settings.attest == "referrers" else {}
    for name in dict.fromkeys(image.name for image in images):
        own, *copies = [image for image in images if image.name == name]
        attached = referrer_kinds(run.settings, own_kinds.get(name, ()))
        copied: set[tuple[str, str]] = set()
        there = list(_destinations(run, own, copies, gates, copied))
        found[own] = [*_verify(run, own, gates, attached, copied), *there]
    return found


def _verify(
    run: Run, published: PublishedImage, gates: Gates, attached: Sequence[str], copied: Collection[tuple[str, str]]
) -> Iterator[Finding]:
    section = verification.section_of(published.address)
    registry, settings = run.registry, run.settings
    with working(f"looking at {published.repository}"):
        view = registry.describe({published.repository: published.tags})[published.repository]
    repository = view.repository
    if repository is None:
        yield section.wrong("digest", "there is no such repository", "Correct ECR_REPOSITORY, or publish it.")
        return
    detail = registry.detail(repository, published.digest)
    existence = verification.check_digest(section, published.digest, detail)
    tags = {tag: view.tags[tag].digest if tag in view.tags else None for tag in published.tags}
    yield verification.check_tags(section, published.digest, tags)
    yield existence
    if detail is None or existence.state != "fine":
        return
    image = registry.read(repository, StoredImage(published.digest, "", detail.media_type))
    manifests = [(part.platform, part.digest) for part in image_parts(registry, repository, image)]
    existing: Collection[str] = ()
    if image.is_index:
        existing = registry.existing_digests(repository, [digest for _, digest in manifests]) if manifests else ()
    else:
        manifests = [(registry.platform(repository, image), image.digest)]
    expected = published.platforms or tuple(name for name in settings.platforms if name != LOCAL)
    yield verification.check_platforms(section, image, expected, existing, manifests)
    yield verification.check_media_type(section, image, settings.preset)
    artifacts = registry.artifacts.list(repository, image.digest)
    yield verification.check_attestations(section, image, settings.preset, artifacts, attached)
    yield from _gates(run, section, repository, image, gates, copied)
    if not gates.signers:
        yield verification.unrequired_signature(section, artifacts)
    if gates.scan is None:
        yield section.fine("scan", "not asked for (ECR_SCAN_FAIL_ON)")


def _gates(
    run: Run,
    section: Section,
    repository: Repository,
    image: StoredImage,
    gates: Gates,
    copied: Collection[tuple[str, str]],
) -> Iterator[Finding]:
    """Yield the findings of scan, signature and replication, for which one wait is enough.

    ``copied`` are the accounts and regions that have the image already, so that no replication is awaited there.
    """
    registry = run.registry
    checks = list(gate_checks("", repository, image, gates, registry, registry.evidence, run.signatures))
    judges: list[Callable[[], Verdict]] = [check.judge for check in checks]
    places = sorted(registry.replicates_to(repository.name))
    statuses: dict[tuple[str, str], str | None] = {}

    def replication() -> Verdict:
        told = registry.replication(repository, image.digest)
        statuses.update({place: told.get(place) for place in places})
        awaited = {place: status for place, status in statuses.items() if place not in copied}
        return judge_replication(repository, image.digest, awaited)

    if places:
        judges.append(replication)
    verdicts, _ = wait_for_verdicts(judges, say, gate_waits.WAITS)
    for gate, name in ((SIGNATURE, "signature"), (SCAN, "scan")):
        own = [verdict for check, verdict in zip(checks, verdicts, strict=False) if check.gate == gate]
        if own:
            yield verification.gate_finding(section, name, own)
    finding = verification.replication_finding(section, statuses, copied)
    if finding is not None:
        yield finding


def _destinations(
    run: Run,
    own: PublishedImage,
    copies: Sequence[PublishedImage],
    gates: Gates,
    copied: set[tuple[str, str]],
) -> Iterator[Finding]:
    """Yield for each destination whether it has the image with the tags that were copied, and whose signature.

    ``copied`` gets the accounts and regions that have all of it, under the image's own name.
    """
    by_host = {copy.registry: copy for copy in copies}
    for destination in unique_destinations(run.settings.destinations, own.repository):
        section = verification.section_of(destination.registry)
        try:
            with working(f"looking at {destination.registry}"):
                target = run.target(destination)
                finding, repository = _copy(section, target, own, by_host, destination)
            yield finding
            if finding.state == "fine" and destination.name_of(own.repository) == own.repository:
                copied.add((destination.account, destination.region))
            if repository is not None and gates.signers:
                yield _signature_there(run, section, target, repository, own.digest, gates)
        except EcrTasksError as error:
            yield section.wrong("copy", error.cause.rstrip("."), error.remedy)


def _copy(
    section: Section,
    target: Target,
    own: PublishedImage,
    by_host: Mapping[str, PublishedImage],
    destination: Destination,
) -> tuple[Finding, Repository | None]:
    """Return the finding on a copy, and its repository where that has the image."""
    name = destination.name_of(own.repository)
    tags_anywhere = dict.fromkeys((*own.tags, *(tag for copy in by_host.values() for tag in copy.tags)))
    view = target.describe({name: list(tags_anywhere)})[name]
    if view.repository is None:
        return section.wrong("copy", f"there is no repository {name}", "Run `inv push` again."), None
    tagged = {image.digest for image in view.tags.values()}
    if own.digest not in tagged and own.digest not in target.existing_digests(view.repository, [own.digest]):
        return section.wrong("copy", f"{name} has no {own.digest}", "Run `inv push` again."), None
    copy = by_host.get(view.repository.host)
    tags = {tag: view.tags[tag].digest if tag in view.tags else None for tag in (copy.tags if copy else ())}
    finding = verification.check_tags(section, own.digest, tags)
    if finding.state == "fine":
        finding = section.fine("copy", f"{name}@{own.digest}" + (f": {finding.text}" if tags else ""))
    return finding, view.repository


def _signature_there(
    run: Run, section: Section, target: Target, repository: Repository, digest: str, gates: Gates
) -> Finding:
    """Return the finding on a copy's signature, which is one of its own registry."""
    programs, image = run.signatures_at(target), StoredImage(digest, "", "")
    judge = partial(check_signature, target, programs, repository, image, gates.signers)
    verdicts, _ = wait_for_verdicts([judge], say, gate_waits.WAITS)
    return verification.gate_finding(section, "signature", verdicts)
