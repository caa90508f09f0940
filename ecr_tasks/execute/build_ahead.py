"""Begin to build an image before the plan is known, and take what comes of it where the plan needs just that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import BuildInput
from ecr_tasks.terminal.held_output import HeldOutput

if TYPE_CHECKING:
    from ecr_tasks.model.ports import BuildResult, Docker


BEGIN_SECONDS = 0.1
"""How long the program may take to begin; what this thread does next would make it wait for the interpreter."""


class BuildAhead:
    """A build that has begun, of inputs that have no names and go to the store.

    It shows nothing, and the results have no names but the run's own, until :meth:`build` is asked for them. What
    then waits for the first name of each is ``named``, and for the others, which no push needs, ``all_named``.
    ``seconds`` is how long the build took that was needed.
    """

    def __init__(self, inputs: Sequence[BuildInput], docker: Docker, builder: str | None) -> None:
        self._inputs, self._docker, self._builder = list(inputs), docker, builder
        self._output, self._ended = HeldOutput(), threading.Event()
        self._waits = True
        self._began = time.monotonic()
        self.seconds: float | None = None
        self.named: Callable[[], object] = lambda: None
        self.all_named: Callable[[], object] = lambda: None
        self._results = begin(partial(self._output.run, self._build))
        self._output.has_begun.wait(BEGIN_SECONDS)

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        """Return what has been built, and begin to name it, if these are what the build has begun with.

        Else, and once more, build them as :meth:`Docker.build` does.
        """
        unnamed = [replace(item, references=()) for item in inputs]
        if not self._waits or (unnamed, builder) != (self._inputs, self._builder):
            self.discard()
            return self._docker.build(inputs, builder)
        self._waits = False
        self._output.decide(needed=True)
        try:
            results = self._results()
        finally:
            self._ended.wait()  # after an interruption too: its last words belong before those of the run
        self.seconds = round((self._output.ended or time.monotonic()) - self._began, 3)
        named = self.named = begin(partial(self._name, inputs, results, slice(1)))

        def name_others() -> None:
            with suppress(EcrTasksError):  # whoever needs the first name is told
                named()
            self._name(inputs, results, slice(1, None))

        self.all_named = begin(name_others)
        return results

    def discard(self) -> None:
        """End the build if nobody has asked for it, and wait for what is under way."""
        self._waits = False
        self._output.decide(needed=False)
        self._ended.wait()
        with suppress(EcrTasksError):  # the run has an error of its own, or has waited before
            self.all_named()

    def _name(self, inputs: Sequence[BuildInput], results: Mapping[str, BuildResult], which: slice) -> None:
        for item in inputs:
            for name in item.references[which]:
                self._docker.tag(results[item.name].image_id or "", name)

    def _build(self) -> Mapping[str, BuildResult]:
        try:
            return self._docker.build(self._inputs, self._builder)
        finally:
            self._ended.set()
            self._output.has_begun.set()
