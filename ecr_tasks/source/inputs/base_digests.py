"""The digests of base images, as the builder would resolve them; docker is asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.ports import Docker, Engine
from ecr_tasks.source.build_context.base_images import BaseImage, pinned_digest
from ecr_tasks.source.build_context.unknown import Unknown

PARALLEL = 8
"""How many images are looked up at once."""


class CachedEngine:
    """The facts of the engine, read when they are first needed."""

    def __init__(self, docker: Docker, builder: str | None) -> None:
        self._docker, self._builder = docker, builder
        self._engine: Engine | Unknown | None = None

    def get(self) -> Engine:
        """Return the engine's facts. Raises Unknown where no engine answers."""
        if self._engine is None:
            try:
                self._engine = self._docker.engine(self._builder)
            except EcrTasksError as error:
                self._engine = Unknown(_reason(error))
        if isinstance(self._engine, Unknown):
            raise self._engine
        return self._engine


class BaseDigests:
    """Looks up digests of base images; ``log_in`` logs docker in to the registries of references."""

    def __init__(
        self, docker: Docker, builder: str | None, engine: CachedEngine, log_in: Callable[[Iterable[str]], None]
    ) -> None:
        self._docker, self._builder, self._engine, self._log_in = docker, builder, engine, log_in

    def resolve(self, pulled: Mapping[BaseImage, bool]) -> dict[BaseImage, str | Unknown]:
        """Return a digest for each image, or why there is none.

        It is the reference's own, else the local store's, else the registry's. ``pulled`` holds the images, each with
        whether the build pulls it whatever the store has.
        """
        digests: dict[BaseImage, str | Unknown] = {
            base: digest for base in pulled if (digest := pinned_digest(base.reference))
        }
        others = [base for base in pulled if base not in digests]
        if not others:
            return digests
        with suppress(Unknown):
            self._engine.get()  # before several threads would read its facts
        with ThreadPoolExecutor(PARALLEL) as pool:
            stored = pool.map(self._stored, others, [pulled[base] for base in others])
            digests |= {base: digest for base, digest in zip(others, stored, strict=True) if digest}
            references = sorted({base.reference for base in others if base not in digests})
            try:
                self._log_in(references)
            except EcrTasksError as error:
                remote: dict[str, str | Unknown] = dict.fromkeys(references, _unknown(error))
            else:
                remote = dict(zip(references, pool.map(self._remote, references), strict=True))
        return digests | {base: remote[base.reference] for base in others if base not in digests}

    def _stored(self, base: BaseImage, pulled: bool) -> str | None:
        """Return the digest of the image in the engine's store, where the build would use that one.

        The engine's own builder uses what the store has; the classic store's images only where the platform is right.
        (buildx sets image-resolve-mode=local for it, moby's builder-next compares platforms.)
        """
        try:
            engine = self._engine.get()
            if engine.driver != "docker" or pulled:
                return None
            if not engine.containerd_store and base.platform != engine.platform:
                return None
            return self._docker.image_digest(base.reference, self._builder, local=True)
        except (EcrTasksError, Unknown):
            return None

    def _remote(self, reference: str) -> str | Unknown:
        try:
            digest = self._docker.image_digest(reference, self._builder, local=False)
        except EcrTasksError as error:
            return _unknown(error)
        return digest or Unknown(f"{reference} has no digest")


def _unknown(error: EcrTasksError) -> Unknown:
    return Unknown(f"a base image's digest is not known ({_reason(error)})")


def _reason(error: EcrTasksError) -> str:
    return error.cause.rstrip(".")
