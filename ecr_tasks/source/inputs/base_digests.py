"""Asks docker for the digests of base images, as the builder would resolve them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.engine import Engine
from ecr_tasks.model.ports import Docker
from ecr_tasks.source.build_context.base_images import Base, pinned
from ecr_tasks.source.build_context.unknown import Untold

PARALLEL = 8
"""How many images are asked for at once."""


class Asked:
    """The engine, asked when somebody needs to know, once."""

    def __init__(self, docker: Docker, builder: str | None) -> None:
        self._docker, self._builder = docker, builder
        self._engine: Engine | Untold | None = None

    def get(self) -> Engine:
        """Raises Untold where no engine answers."""
        if self._engine is None:
            try:
                self._engine = self._docker.engine(self._builder)
            except EcrTasksError as error:
                self._engine = Untold(_words(error))
        if isinstance(self._engine, Untold):
            raise self._engine
        return self._engine


class Digests:
    """Base images' digests; ``let_in`` logs docker in where references are, before a registry is asked for them."""

    def __init__(
        self, docker: Docker, builder: str | None, engine: Asked, let_in: Callable[[Iterable[str]], None]
    ) -> None:
        self._docker, self._builder, self._engine, self._let_in = docker, builder, engine, let_in

    def find(self, wanted: Mapping[Base, bool]) -> dict[Base, str | Untold]:
        """A digest for each, or why there is none: its own, or the local store's, or the registry's.

        ``wanted`` says of each whether it is pulled anew whatever the store has.
        """
        found: dict[Base, str | Untold] = {base: digest for base in wanted if (digest := pinned(base.reference))}
        rest = [base for base in wanted if base not in found]
        if not rest:
            return found
        with suppress(Untold):
            self._engine.get()  # before several threads would ask
        with ThreadPoolExecutor(PARALLEL) as pool:
            stored = pool.map(self._stored, rest, [wanted[base] for base in rest])
            found |= {base: digest for base, digest in zip(rest, stored, strict=True) if digest}
            references = sorted({base.reference for base in rest if base not in found})
            try:
                self._let_in(references)
            except EcrTasksError as error:
                held: dict[str, str | Untold] = dict.fromkeys(references, _unknown(error))
            else:
                held = dict(zip(references, pool.map(self._held, references), strict=True))
        return found | {base: held[base.reference] for base in rest if base not in found}

    def _stored(self, base: Base, pulled: bool) -> str | None:
        """The engine's own builder takes what the engine has, in a classic store only of the right platform.

        (buildx sets image-resolve-mode=local for it, moby's builder-next compares platforms.)
        """
        try:
            engine = self._engine.get()
            if engine.driver != "docker" or pulled:
                return None
            if not engine.containerd_store and base.platform != engine.platform:
                return None
            return self._docker.image_digest(base.reference, self._builder, local=True)
        except (EcrTasksError, Untold):
            return None

    def _held(self, reference: str) -> str | Untold:
        try:
            found = self._docker.image_digest(reference, self._builder, local=False)
        except EcrTasksError as error:
            return _unknown(error)
        return found or Untold(f"{reference} has no digest")


def _unknown(error: EcrTasksError) -> Untold:
    return Untold(f"a base image's digest is not known ({_words(error)})")


def _words(error: EcrTasksError) -> str:
    return error.cause.rstrip(".")
