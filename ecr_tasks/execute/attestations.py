"""Make SBOMs of what was built, attach them and the build's provenance to a pushed image, and list what is attached.

The image stays as it was: they are artifacts that have it as their subject (OCI image specification 1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError, RegistryError
from ecr_tasks.execute.from_builder import from_cache
from ecr_tasks.model.artifact import ListedArtifact
from ecr_tasks.model.attestation import PREDICATE_TYPE, Attached, MadeDocument, Wanted, attached
from ecr_tasks.model.image import NO_ATTESTATIONS, BuildInput, Image, Keep
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.attestation_file import is_sbom

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Artifacts, BuildResult, Docker

ANOTHER_RUN_SECONDS = 20.0
"""How long another run, which has just pushed the image, may take to attach what belongs to it."""

_OWN_REMEDY = (
    "Attach an SBOM of your own after the push (`inv attest FILE`), and set ECR_SBOM_GENERATOR=none for no other."
)
_KIND = "vnd.docker.reference.type"
_WORDS = {"sbom": "SBOM", "provenance": "provenance"}


class _Unread(Exception):
    """The builder no longer has what it has just made, or buildx is too old to ask for it."""


def make_sboms(
    image: Image, built: Built, docker: Docker, builder: str | None, *, in_engine: bool
) -> tuple[MadeDocument, ...]:
    """Make the SBOM of each platform of a build, and return them; none where the image gets none.

    BuildKit makes SBOMs only beside an image, in an index. So each platform is built once more, from the builder's
    cache, in an index that nobody keeps, and the SBOM is read from there. ``in_engine`` is whether the builder is the
    engine's own. Raises BuildError where the builder makes none, and RegistryError for a generator that can't be had.
    """
    if image.sbom_entry is None:
        return ()
    definition = replace(from_cache(image.definition), cache_from=(), cache_to=image.definition.inline_caches)
    # The builder's history keeps no layers, and an SBOM is one (BuildKit, solver/llbsolver/history/migrate.go):
    # an engine drops it at the next change of its store unless the image has a name there.
    keep: Keep = "run" if in_engine else "builder"
    exporter = "unpack=false" if in_engine else "store=false"
    inputs = []
    for platform in definition.platforms or ("",):
        plain = definition.for_platform(platform)
        attest = (*NO_ATTESTATIONS, image.sbom_entry)
        attesting = replace(plain, attest=attest, exporter=(exporter, *plain.exporter))
        inputs.append(BuildInput(f"{image.name} SBOM {platform}".strip(), attesting, (), keep))

    def made(inputs: Sequence[BuildInput]) -> tuple[MadeDocument, ...]:
        results = docker.build(inputs, built.builder or builder)
        return tuple(
            replace(document, platform=platform if len(inputs) > 1 else "")
            for platform, item in zip(definition.platforms or ("",), inputs, strict=True)
            for document in _sboms(image.name, results[item.name].digest, _reader(item, results[item.name], docker))
        )

    try:
        return made(inputs)
    except _Unread:
        # A builder beside the engine has no names for images, and what it is asked for may be gone already (or buildx
        # is too old to ask). So it hands over all of it, which takes longer with a large image.
        with TemporaryDirectory(prefix="ecr-tasks-sbom-") as folder:
            placed = [replace(item, layout=f"{folder}/{number}") for number, item in enumerate(inputs)]
            return made([replace(item, keep="builder") for item in placed])


def attach_wanted(
    wanted: Wanted, repository: Repository, image: StoredImage, artifacts: Artifacts, *, is_built: bool
) -> tuple[Attached, ...]:
    """Attach to a pushed image what belongs to it, unless it is there, and return what is there then.

    ``is_built`` is whether the image is what was built here; what another run has pushed, that run also attaches,
    perhaps in a moment. Raises RegistryError when something is missing in the end.
    """
    if not wanted.kinds:
        return ()
    there = list(artifacts.list(repository, image.digest))
    documents = wanted.documents
    if is_built and not documents and _missing(wanted, image, there):
        documents = wanted.make()
    for document in documents:
        if is_built and document.is_about(image) and not any(document.is_listed(item) for item in there):
            artifact = document.artifact(image, repository.uri)
            digest = artifacts.attach(repository, image, artifact)
            size = len(artifact.manifest(image)) if image.is_read else 0
            there.append(ListedArtifact(digest, artifact.artifact_type, size, artifact.annotations))
    end = wanted.clock() + ANOTHER_RUN_SECONDS
    while missing := _missing(wanted, image, there):
        if is_built or wanted.clock() >= end:
            raise _is_missing(missing, image, repository, is_built=is_built)
        wanted.sleep(2.0)
        there = list(artifacts.list(repository, image.digest))
    shown = (attached(item, image.digest) for item in there)
    return tuple(item for item in shown if item.kind in wanted.kinds)


def copy_attached(
    documents: Sequence[Attached],
    source: Repository,
    artifacts: Artifacts,
    target: Repository,
    target_artifacts: Artifacts,
    image: StoredImage,
) -> tuple[Attached, ...]:
    """Attach to an image's copy in another registry what is attached to the image, with the same digests."""
    if not documents:
        return ()
    there = {item.digest for item in target_artifacts.list(target, image.digest)}
    for item in documents:
        if item.digest not in there:
            target_artifacts.attach(target, image, artifacts.read(source, item.digest))
    return tuple(documents)


def list_attached(artifacts: Artifacts, repository: Repository, image: StoredImage) -> tuple[Attached, ...]:
    """Return what is attached to an image and, where its manifest is known, to the platforms of an index.

    It is no pull of the image.
    """
    subjects = [("", image.digest), *image.children]
    return tuple(
        attached(item, digest, platform)
        for platform, digest in subjects
        for item in artifacts.list(repository, digest)
    )


def _missing(wanted: Wanted, image: StoredImage, there: Sequence[ListedArtifact]) -> list[str]:
    kinds = {attached(item, image.digest).kind for item in there}
    return [_WORDS[kind] for kind in wanted.kinds if kind not in kinds]


def _is_missing(
    missing: Sequence[str], image: StoredImage, repository: Repository, *, is_built: bool
) -> RegistryError:
    if is_built:
        return RegistryError(
            f"The {join_words(missing)} that the builder made for {repository.name} is about another image than "
            f"{image.digest}: it no longer has what was built.",
            "Run `inv build push`; if it ends so again, the builder keeps no cache, and an SBOM of your own can be "
            "attached with `inv attest FILE` (ECR_SBOM_GENERATOR=none).",
        )
    return RegistryError(
        f"{image.digest} in {repository.name} was published without {join_words(missing)}, which "
        "ECR_ATTEST=referrers asks for.",
        "`inv build push --republish` builds the commit anew and publishes it with them; `inv attest FILE` attaches "
        "a document of your own.",
    )


def _reader(build_input: BuildInput, result: BuildResult, docker: Docker) -> Callable[[str], str]:
    """Return what reads a blob of a build by its digest. It raises _Unread for one that can't be had."""
    blobs = Path(build_input.layout, "blobs", "sha256")

    def read(digest: str) -> str:
        if build_input.layout:
            return (blobs / digest.removeprefix("sha256:")).read_text(encoding="utf-8")
        text = docker.built_manifest(digest, result.record) if result.record else None
        if text is None:
            raise _Unread
        return text

    return read


def _sboms(name: str, digest: str | None, read: Callable[[str], str]) -> Iterator[MadeDocument]:
    """Yield the SBOMs in an index that a builder has made (BuildKit, docs/attestations/attestation-storage.md)."""
    if digest is None:
        raise _no_sbom(name)
    index = parse_json(read(digest))
    children = index.get("manifests") or []
    ours = [item for item in children if item.get("annotations", {}).get(_KIND) != "attestation-manifest"]
    if len(ours) != 1:
        raise _no_sbom(name)
    image = StoredImage(ours[0]["digest"], read(ours[0]["digest"]), ours[0]["mediaType"])
    found = 0
    for item in children:
        if item in ours:
            continue
        for layer in parse_json(read(item["digest"])).get("layers") or []:
            predicate_type = layer.get("annotations", {}).get(PREDICATE_TYPE, "")
            statement = parse_json(read(layer["digest"]))
            document = MadeDocument(predicate_type, statement.get("predicate") or {}, image=image)
            if document.kind == "sbom" and is_sbom(document.predicate):
                found += 1
                yield replace(document, part=str(found) if found > 1 else "")
    if not found:
        raise _no_sbom(name)


def _no_sbom(name: str) -> BuildError:
    return BuildError(f"The builder made no SBOM of {name}.", f"See what the generator printed above. {_OWN_REMEDY}")
