"""Attach the record of a promotion to its image; the promotion stands whether or not that is possible."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from ecr_tasks.clients.parallel import Question, map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, EcrTasksError, Interrupted
from ecr_tasks.execute.read_history import histories_in
from ecr_tasks.model.account import Caller
from ecr_tasks.model.ports import Target
from ecr_tasks.model.release import Move, Promoter, Release, TagPlace, Task, Together
from ecr_tasks.plan.promotion import Promotion
from ecr_tasks.plan.release_history import TagHistory

CALLER_SECONDS = 5.0
"""How long STS may take to say who promotes: without an endpoint for it in a closed network there is no answer."""

PARALLEL = 4
"""The number of repositories whose records are read at a time."""


def _unrecorded(history: TagHistory) -> tuple[str, str] | None:
    """Return a tag that has its image as no record says, with what the last record put there; else None."""
    entries = history.entries
    return (history.tag, entries[1].digest) if len(entries) > 1 and entries[0].record is None else None


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
    unrecorded: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By image, the tags that it has already as no record says, and what the last record put there."""
    together: Together = field(default_factory=dict)
    """The tags that the command sets."""
    _run: str = field(default_factory=lambda: str(uuid.uuid4()))
    _began: float = 0.0
    _caller: Question[Caller] | None = None

    def look(self) -> None:
        """Note the time: what the tags were is looked at now."""
        self._began = self.clock()

    def begin(self, promotions: Mapping[str, Promotion], retrier: Retrier) -> None:
        """Look for what is to be recorded, by image, and ask STS in a thread who this is if there is something.

        A tag that is there already is recorded where the last record of it is of another image: the run that set it
        may have ended before its record.
        """
        self.target.connect()  # which threads must not do
        found = map_parallel(self._present, [*promotions.values()], PARALLEL, retrier)
        self.unrecorded = {
            key: dict(filter(None, map(_unrecorded, items))) for key, items in zip(promotions, found, strict=True)
        }
        changed = {key: item for key, item in promotions.items() if item.pending or self.unrecorded[key]}
        before = {key: {tag: item.tags[tag] for tag in item.pending} for key, item in changed.items()}
        self.together = {
            item.repository.name: {
                tag: Move(was, item.image.digest) for tag, was in {**before[key], **self.unrecorded[key]}.items()
            }
            for key, item in changed.items()
        }
        if changed:
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
        was = {**{tag: promotion.tags[tag] for tag in tags}, **self.unrecorded.get(image, {})}
        if not was:
            return
        try:
            artifact = self._release(image, promotion, was, source_place).artifact()
            try:
                self.target.artifacts.attach(promotion.repository, promotion.image, artifact)
            except Interrupted:  # which comes once, when an answer has come: it may have been attached or not
                self.target.artifacts.attach(promotion.repository, promotion.image, artifact)
                raise
        except Interrupted:
            raise
        except EcrTasksError as error:
            self._warn(promotion, f"{error.cause} {error.remedy}")
        except Exception as error:  # the tags are set: nothing that is wrong here may fail the promotion
            self._warn(promotion, f"{type(error).__name__}: {error}")

    def _present(self, promotion: Promotion) -> list[TagHistory]:
        """Return what those tags were that the image has already; a failure is a warning."""
        name, tags = promotion.repository.name, [tag for tag in promotion.tags if promotion.state(tag) == "present"]
        try:
            histories = histories_in(self.target, promotion.repository, tags, 2) if tags else {}
        except Interrupted:
            raise
        except EcrTasksError as error:
            self.warn(f"Whether {name}:{', '.join(tags)}, there already, was recorded isn't known: {error.cause}")
            return []
        return [history for history in histories.values() if history.current == promotion.image.digest]

    def _release(
        self, image: str, promotion: Promotion, was: Mapping[str, str | None], source_place: TagPlace | None
    ) -> Release:
        repository = promotion.repository
        release = Release(
            promotion.image.digest,
            TagPlace(repository.account, self.target.region(), repository.name),
            was,
            self._run,
            datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            0.0,
            self.task,
            self.source,
            source_place,
            replace(self.promoter, caller=self._caller_arn()),
            self.gates.get(image, ()),
            self.together,
        )
        return replace(release, seconds=self.clock() - self._began)

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
