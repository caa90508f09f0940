"""What every format is given and returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.publication import PublishedImage


@dataclass(frozen=True)
class Extras:
    """What the user adds to the images: the text of a file to update, and the name or ARN of a Lambda function."""

    text: str | None = None
    function: str | None = None


@dataclass(frozen=True)
class Handoff:
    """A text for stdout, and lines about it for people."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """A format: what writes it, what it is for, and the file and the name that it takes, if it does.

    ``write`` raises SettingsError for extras that can't be used, and Refused for an image that can't run there.
    """

    write: Callable[[Sequence[PublishedImage], Extras], Handoff]
    summary: str
    file: str = ""
    takes_function: bool = False
