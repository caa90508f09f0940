"""The build caches of the settings as buildx's cache-from and cache-to.

``registry`` stands for a cache beside the image in ECR, one for each branch: a build reads its branch's own, then the
target's of a proposed change, then the default branch's, and writes its own. Builds of proposed changes write no
cache outside of this machine, so that a build of a branch never takes what a change has left there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecr_tasks.errors import Refused
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.ecr_host import host_of, parse_ecr_host
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import CACHE_TAG, CACHE_TAGS
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import MAX_LENGTH
from ecr_tasks.settings.parse.caches import COMPRESSED, REGISTRY, entry_fields, entry_type
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.tag_set import tag_characters

_HERE = ("local", "inline")
"""The types of caches that stay on this machine, or with the image. An entry of buildx's without a type is a
registry's."""

_MAY_FAIL = "ignore-error=true"
_FOR_ECR = ("image-manifest=true", "oci-mediatypes=true")
"""ECR accepts a cache only as an image manifest with OCI media types (AWS blog, Remote cache support in Amazon ECR
for BuildKit clients)."""

IMAGE = "{{image}}"
"""What stands for an image's name in an entry."""

_DEFAULT_BRANCHES = ("main", "master")
"""The names of default branches, where neither git nor CI says which it is."""


@dataclass(frozen=True)
class Caches:
    """The caches of a run's builds: entries in buildx's syntax and ``registry``.

    ``tags`` are those of the caches that ``registry`` reads, the branch's own first, which it writes. ``compression``
    has buildx's options of that. ``read_only`` says why nothing outside of this machine is written.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    tags: tuple[str, ...] = (CACHE_TAG,)
    compression: tuple[str, ...] = ()
    read_only: str | None = None

    def for_image(self, name: str) -> Caches:
        """Return the caches of one image, whose name stands where entries have ``{{image}}``."""
        reads, writes = (
            tuple(entry.replace(IMAGE, name) for entry in entries) for entries in (self.reads, self.writes)
        )
        return replace(self, reads=reads, writes=writes)

    def for_platform(self, platform: str) -> Caches:
        """Return the caches of a runner that builds one platform of an image: runners would replace each other's."""
        end = "-" + platform.replace("/", "-")
        return replace(self, tags=tuple(f"{tag[: MAX_LENGTH - len(end)]}{end}" for tag in self.tags))


NO_CACHES = Caches()


def caches_of(settings: Settings, source: SourceState | None) -> Caches:
    """Return the caches of the settings; without a source, those of the default branch."""
    name, level = settings.cache_compression or (None, None)
    # Layers that exist already, such as those of the image, are compressed anew only by force.
    compression: tuple[str, ...] = (f"compression={name}", "force-compression=true") if name else ()
    if level is not None:
        compression += (f"compression-level={level}",)
    return Caches(
        settings.cache_reads,
        settings.cache_writes,
        _tags(source) if source else (CACHE_TAG,),
        compression,
        source.change_name if source else None,
    )


def _tags(source: SourceState) -> tuple[str, ...]:
    branches = (source.branch, source.base_ref if source.is_change else None, source.default_branch)
    tags = [_tag(branch, source.default_branch) for branch in branches if branch]
    return tuple(dict.fromkeys((*tags, CACHE_TAG)))


def _tag(branch: str, default: str | None) -> str:
    """Return the tag of a branch's cache. Branches whose names differ only in what no tag can have share one."""
    if branch == default or (default is None and branch in _DEFAULT_BRANCHES):
        return CACHE_TAG
    return f"{CACHE_TAG}-{tag_characters(branch)}"[:MAX_LENGTH]


def with_cache(definition: BuildDefinition, caches: Caches, repository: Repository | None) -> BuildDefinition:
    """Return the definition with its caches; where the settings have none, with those of its own that it may write.

    Without an existing repository, ``registry`` is no cache. A cache that can't be written does not fail the build,
    unless its entry says so. Raises Refused when the repository would lock the default branch's cache after the first
    build; that of another branch is only read then (see :func:`cache_note`).
    """
    if not caches.reads and not caches.writes:
        return _only_reading(definition) if caches.read_only else definition
    writes = _writes(caches)
    if REGISTRY in writes and repository is not None and repository.locks(CACHE_TAG):
        raise Refused(
            f"ECR_CACHE=registry moves tags such as {CACHE_TAG}, and the repository {repository.name} locks them.",
            f"Add a mutability exclusion filter for {CACHE_TAGS} to the repository, or give ECR_CACHE a reference "
            "in a repository of its own (type=registry,ref=…,mode=max).",
        )
    sources = [source for entry in caches.reads for source in _sources(entry, caches.tags, repository)]
    targets = [target for entry in writes if (target := _target(entry, caches, repository))]
    return _cached(definition, tuple(dict.fromkeys(sources)), tuple(targets))


def cache_notes(caches: Caches, repository: Repository | None, definition: BuildDefinition) -> tuple[str, ...]:
    """Return what is to be said of the caches, as sentences without their ends; ``definition`` has its own ones."""
    notes = []
    left_out = () if repository else (REGISTRY,)
    is_own = not caches.reads and not caches.writes
    own = [entry for item in definition.with_links() for entry in item.cache_to] if is_own else []
    if caches.read_only and any(_is_elsewhere(entry) for entry in {*caches.writes, *own}.difference(left_out)):
        notes.append(f"the build cache is only read, because this run belongs to a {caches.read_only}")
    elif REGISTRY in caches.writes and repository is not None and repository.locks(caches.tags[0]):
        notes.append(
            f"the build cache is only read, because the repository {repository.name} locks the tag {caches.tags[0]}: "
            "`inv repo.ensure` lets it move"
        )
    if caches.reads and {*map(entry_type, caches.reads)} == {"inline"}:
        notes.append(
            "the build cache is written into the image, and no build reads it until ECR_CACHE_FROM names the image "
            "(type=registry,ref=…)"
        )
    return tuple(notes)


def _writes(caches: Caches) -> tuple[str, ...]:
    """Return the caches that are written: with a reason to only read, those that stay on this machine."""
    return tuple(entry for entry in caches.writes if not caches.read_only or not _is_elsewhere(entry))


def _only_reading(definition: BuildDefinition) -> BuildDefinition:
    """Return a definition that writes no cache outside of this machine, and nor does what it links to."""
    linked = {name: _only_reading(target) for name, target in definition.linked.items()}
    kept = tuple(entry for entry in definition.cache_to if not _is_elsewhere(entry))
    return replace(definition, cache_to=kept, linked=linked)


def _is_elsewhere(entry: str) -> bool:
    return entry_type(entry) not in _HERE


def _sources(entry: str, tags: Sequence[str], repository: Repository | None) -> list[str]:
    """Return buildx's entries for a cache to read; there is none for an inline one, which is read as an image."""
    if entry != REGISTRY:
        return [] if entry_type(entry) == "inline" else [entry]
    return [f"type=registry,ref={repository.uri}:{tag}" for tag in tags] if repository else []


def _target(entry: str, caches: Caches, repository: Repository | None) -> str | None:
    """Return buildx's entry for a cache to write, with the options that it leaves open; None where it can't be.

    A remote cache may fail, and ECR needs some.
    """
    if entry == REGISTRY:
        if repository is None or repository.locks(caches.tags[0]):
            return None
        entry = f"type=registry,ref={repository.uri}:{caches.tags[0]},mode=max"
        needed: tuple[str, ...] = (*_FOR_ECR, _MAY_FAIL)
    else:
        options = entry_fields(entry)
        needed = (_MAY_FAIL,) if _is_elsewhere(entry) else ()
        if options["type"] == "registry" and parse_ecr_host(host_of(options.get("ref", "")) or ""):
            needed += _FOR_ECR
    options = entry_fields(entry)
    if options["type"] in COMPRESSED and "compression" not in options:
        needed += caches.compression
    return ",".join([entry, *(option for option in needed if option.partition("=")[0] not in options)])


def _cached(definition: BuildDefinition, sources: tuple[str, ...], targets: tuple[str, ...]) -> BuildDefinition:
    """Return the definition with a cache; linked targets read it too, and the image's is written with their steps."""
    linked = {name: _cached(target, sources, ()) for name, target in definition.linked.items()}
    return replace(definition, cache_from=sources, cache_to=targets, linked=linked)
