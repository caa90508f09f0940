"""Attach the record of a promotion to its image; the promotion stands whether or not that is possible."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from ecr_tasks.clients.parallel import Question
from ecr_tasks.errors import AwsError, EcrTasksError
from ecr_tasks.model.account import Caller
from ecr_tasks.model.ports import Target
from ecr_tasks.model.release import Promoter, Release, TagPlace, Task
from ecr_tasks.plan.promotion import Promotion

CALLER_SECONDS = 5.0
"""How long STS may take to say who promotes: without an endpoint for it in a closed network there is no answer."""


def _no_answer(reason: str) -> AwsError:
    return AwsError(f"STS did not say who this is: {reason}.", "Let it be reached, or leave it.")


@dataclass
class Recorder:
    """Records the promotions of one command, in the registry whose tags it sets.

    ``source`` is the image's name as typed, ``promoter`` what is known without AWS.
    """

    target: Target
    task: Task
    source: str
    promoter: Promoter
    warn: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    gates: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """The results of the gates, by image."""
    _run: str = field(default_factory=lambda: str(uuid.uuid4()))
    _began: float = 0.0
    _caller: Question[Caller] | None = None

    def look(self) -> None:
        """Note the time: what the tags were is looked at now."""
        self._began = self.clock()

    def begin(self, promotions: Iterable[Promotion]) -> None:
        """Ask STS in a thread who this is, if there is something to set and to record."""
        if any(promotion.pending for promotion in promotions):
            self.target.connect()
            self._caller = Question(
                self.target.caller,
                CALLER_SECONDS,
                late=lambda: _no_answer("no answer"),
                unexpected=lambda error: _no_answer(type(error).__name__),
            )

    def record(
        self, image: str, promotion: Promotion, tags: Sequence[str], *, source_place: TagPlace | None = None
    ) -> None:
        """Record that an image got these tags; a failure is a warning. ``image`` is its name in the project."""
        if not tags:
            return
        try:
            self._record(image, promotion, tags, source_place)
        except EcrTasksError as error:
            self._warn(promotion, f"{error.cause} {error.remedy}")
        except Exception as error:  # the tags are set: nothing that is wrong here may fail the promotion
            self._warn(promotion, f"{type(error).__name__}: {error}")

    def _record(self, image: str, promotion: Promotion, tags: Sequence[str], source_place: TagPlace | None) -> None:
        repository = promotion.repository
        release = Release(
            promotion.image.digest,
            TagPlace(repository.account, self.target.region(), repository.name),
            {tag: promotion.tags[tag] for tag in tags},
            self._run,
            datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            0.0,
            self.task,
            self.source,
            source_place,
            replace(self.promoter, caller=self._caller_arn()),
            self.gates.get(image, ()),
        )
        release = replace(release, seconds=self.clock() - self._began)
        self.target.artifacts.attach(repository, promotion.image, release.artifact())

    def _caller_arn(self) -> str | None:
        answer = self._caller.answer if self._caller is not None else None
        if isinstance(answer, EcrTasksError):
            self.warn(f"The record doesn't say who promotes: {answer.cause}")
            self._caller = None
            return None
        return answer.arn if answer is not None else None

    def _warn(self, promotion: Promotion, reason: str) -> None:
        self.warn(
            f"The promotion to {promotion.repository.name} stands, and is not recorded, so that `history` will not "
            f"know it: {reason}"
        )
