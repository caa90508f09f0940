"""A row of the catalogue of docker's errors."""

from __future__ import annotations

from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class KnownError:
    """One row: the texts that show the situation, the cause and the remedy.

    ``error`` is searched in the last error with all its lines, and ``printed``, if any, in the whole output. The
    cause and the remedy may name the groups of both, ``{failed}`` ("The build failed at STEP", "Pushing NAME
    failed"), ``{detail}`` (the error's own words), ``{registry}`` (its host), ``{policy}`` (the command that
    prints the policy for this) and ``{kept}`` (what is kept of what was sent, if anything was).
    """

    error: str
    cause: str
    remedy: str
    printed: str = ""


FAILED = "{failed}: {detail}."


def all_of(*texts: str) -> str:
    """Return the beginning of a pattern that matches only where all these texts are.

    It is tried only once: to look for the second one behind each of a thousand first ones takes minutes.
    """
    return r"\A" + "".join(f"(?=(?s:.*){text})" for text in texts)
