"""Finds out the inputs of images: reads contexts and Dockerfiles, and asks docker for the base images' digests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ecr_tasks.context.bases import Base, bases, familiar, pinned
from ecr_tasks.context.dockerfile import parse
from ecr_tasks.context.words import Untold
from ecr_tasks.definition import BuildDefinition
from ecr_tasks.engine import Engine
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.inputs.files import read_files
from ecr_tasks.inputs.model import Inputs, context_digest, inputs_digest
from ecr_tasks.plan import Image
from ecr_tasks.ports import Docker
from ecr_tasks.registry import INPUTS, INPUTS_CONTEXT
from ecr_tasks.settings.model import DEFAULT_DOCKERFILE, is_remote

PARALLEL = 8
"""How many base images are asked for at once."""

_IMAGE = "docker-image://"
_LAYOUT = "oci-layout://"


@dataclass(frozen=True)
class _Read:
    """What was read on this machine: the files' digest, the platforms, and the base images to ask for."""

    definition: BuildDefinition
    context: str
    unshared: tuple[str, ...]
    platforms: tuple[str, ...] = ()
    bases: frozenset[Base] = frozenset()
    untold: str | None = None


def with_inputs(
    images: Sequence[Image],
    *,
    project: Path,
    docker: Docker,
    builder: str | None,
    environ: Mapping[str, str],
    let_in: Callable[[Iterable[str]], None],
) -> tuple[Image, ...]:
    """The images with their inputs, which become an annotation of what is built.

    ``let_in`` logs docker in where these references are. Relative paths are meant from ``project``. What can't be
    told is no error: it is then known by its commit alone. SettingsError for a malformed .dockerignore.
    """
    engine = _Asked(docker, builder)
    read = [_read(image.bare or image.definition, project, engine, environ) for image in images]
    wanted = {base: (item.definition, base) for item in read if isinstance(item, _Read) for base in item.bases}
    found = _Digests(docker, builder, engine, let_in).find(list(wanted.values()))
    return tuple(_with(image, _inputs(item, found)) for image, item in zip(images, read, strict=True))


class _Asked:
    """The engine, asked when somebody needs to know."""

    def __init__(self, docker: Docker, builder: str | None) -> None:
        self._docker, self._builder = docker, builder
        self._engine: Engine | None = None

    def get(self) -> Engine:
        """Raises Untold where no engine answers."""
        if self._engine is None:
            try:
                self._engine = self._docker.engine(self._builder)
            except EcrTasksError as error:
                raise Untold(_words(error)) from error
        return self._engine


def _read(definition: BuildDefinition, project: Path, engine: _Asked, environ: Mapping[str, str]) -> _Read | Inputs:
    """What this machine tells; Inputs where that is not even a context."""
    try:
        read = _context(definition, project, environ)
    except Untold as untold:
        return Inputs(untold=untold.reason)
    try:
        return _with_bases(*read, engine)
    except Untold as untold:
        return replace(read[0], untold=untold.reason)


def _context(definition: BuildDefinition, project: Path, environ: Mapping[str, str]) -> tuple[_Read, bytes]:
    """The files and the Dockerfile, which is given back as well."""
    if is_remote(definition.context):
        raise Untold("docker fetches the context itself")
    folder = Path(definition.context)
    if not folder.is_dir():
        raise Untold(f"the context {folder} is not there")
    content, dockerfile = _dockerfile(definition, folder)
    files, unshared = read_files(folder, dockerfile, environ)
    folders = {}
    for name, value in sorted(definition.contexts.items()):
        if "://" in value or ":" in value.partition("/")[0]:
            _check_context(name, value)
            continue
        if not (project / value).is_dir():
            raise Untold(f"the named context {name} is not there")
        folders[name], more = read_files(project / value, None, environ)
        unshared += tuple(str(Path(value, path)) for path in more)
    return _Read(definition, context_digest(files, content, folders), unshared), content


def _check_context(name: str, value: str) -> None:
    """Raises Untold for a named context that says neither a folder nor an image."""
    if not value.startswith(_IMAGE) and not (value.startswith(_LAYOUT) and pinned(value)):
        raise Untold(f"the named context {name} is fetched by docker itself")


def _dockerfile(definition: BuildDefinition, folder: Path) -> tuple[bytes, Path | None]:
    """A Dockerfile's bytes, and where it is; a bake target may hold it itself."""
    inline = definition.extra.get("dockerfile-inline")
    if isinstance(inline, str):
        return inline.encode(), None
    name = definition.dockerfile or DEFAULT_DOCKERFILE
    path = folder / name
    if is_remote(name):
        raise Untold("docker fetches the Dockerfile itself")
    if name == DEFAULT_DOCKERFILE and not path.exists():
        path = folder / "dockerfile"  # as buildx takes it
    try:
        return path.read_bytes(), folder / name
    except OSError as error:
        raise Untold(f"the Dockerfile {path} can't be read ({error.strerror})") from error


def _with_bases(read: _Read, content: bytes, engine: _Asked) -> _Read:
    definition = read.definition
    platforms = definition.platforms or (engine.get().platform,)
    build_platform = engine.get().platform if b"BUILD" in content else platforms[0]
    dockerfile = parse(content)
    found = {
        base
        for platform in platforms
        for base in bases(
            dockerfile,
            target=definition.target,
            platform=platform,
            build_platform=build_platform,
            args=definition.args,
            contexts=definition.contexts,
        )
    }
    named = (value.removeprefix(_IMAGE) for value in definition.contexts.values() if value.startswith(_IMAGE))
    found |= {Base(reference, platform) for reference in named for platform in platforms}
    layouts = (value for value in definition.contexts.values() if value.startswith(_LAYOUT))
    found |= {Base(value, platforms[0]) for value in layouts}
    return replace(read, platforms=platforms, bases=frozenset(found))


class _Digests:
    """Asks for the digests of base images as the builder would resolve them."""

    def __init__(
        self, docker: Docker, builder: str | None, engine: _Asked, let_in: Callable[[Iterable[str]], None]
    ) -> None:
        self._docker, self._builder, self._engine, self._let_in = docker, builder, engine, let_in

    def find(self, wanted: Sequence[tuple[BuildDefinition, Base]]) -> dict[Base, str | Untold]:
        """A digest for each, or why there is none: pinned, or the local store's, or the registry's."""
        found: dict[Base, str | Untold] = {base: pin for _, base in wanted if (pin := pinned(base.reference))}
        open_ = [(definition, base) for definition, base in wanted if base not in found]
        if not open_:
            return found
        with suppress(Untold):
            self._engine.get()  # before there are several that would ask
        with ThreadPoolExecutor(PARALLEL) as pool:
            local = pool.map(self._local, open_)
            found |= {base: digest for (_, base), digest in zip(open_, local, strict=True) if digest}
            rest = sorted({base.reference for _, base in open_ if base not in found})
            try:
                self._let_in(rest)
            except EcrTasksError as error:
                remote: dict[str, str | Untold] = dict.fromkeys(rest, Untold(_words(error)))
            else:
                remote = dict(zip(rest, pool.map(self._remote, rest), strict=True))
        return found | {base: remote[base.reference] for _, base in open_ if base not in found}

    def _local(self, wanted: tuple[BuildDefinition, Base]) -> str | None:
        """The engine's own builder takes what the engine has; a classic store's image has one platform."""
        definition, base = wanted
        try:
            engine = self._engine.get()
            inside = engine.driver == "docker" and not definition.extra.get("pull")
            if not inside or not (engine.containerd_store or base.platform == engine.platform):
                return None
            return self._docker.image_digest(base.reference, self._builder, local=True)
        except (EcrTasksError, Untold):
            return None

    def _remote(self, reference: str) -> str | Untold:
        try:
            found = self._docker.image_digest(reference, self._builder, local=False)
        except EcrTasksError as error:
            return Untold(f"the digest of its base image {reference} is not known: {_words(error)}")
        return found or Untold(f"the digest of its base image {reference} is not known")


def _inputs(read: _Read | Inputs, found: Mapping[Base, str | Untold]) -> Inputs:
    if isinstance(read, Inputs):
        return read
    digests: dict[str, str] = {}
    untold = read.untold
    for base in sorted(read.bases):
        digest = found[base]
        if isinstance(digest, Untold):
            untold = untold or digest.reason
        else:
            digests[familiar(base.reference)] = digest
    if untold is not None:
        return Inputs(None, read.context, untold, read.unshared)
    digest = inputs_digest(read.definition, read.context, read.platforms, digests)
    return Inputs(digest, read.context, None, read.unshared)


def _with(image: Image, inputs: Inputs) -> Image:
    """The image as it says of itself what it is made of."""
    if inputs.digest is None or inputs.context is None:
        return replace(image, inputs=inputs)
    said = {INPUTS: inputs.digest, INPUTS_CONTEXT: inputs.context}
    definition = replace(image.definition, annotations={**image.definition.annotations, **said})
    return replace(image, definition=definition, inputs=inputs)


def _words(error: EcrTasksError) -> str:
    return error.cause.rstrip(".")
